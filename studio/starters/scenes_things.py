"""Draw single things on a canvas: shapes, trees, houses, boats, cats, cars, clouds.

Knows the look of each thing. Does not know where things stand or what a caption says. Lengths are canvas pixels (256 to a side),
`light` is 0 to 1.
"""

import math
from random import Random

from PIL.ImageDraw import ImageDraw

from studio.starters.scenes_words import Colour, lit


def shape(draw: ImageDraw, name: str, x: float, y: float, size: float, colour: Colour) -> None:
    """Draw one of SHAPES around (x, y); `size` is about half its width."""
    if name == "circle":
        draw.ellipse([x - size, y - size, x + size, y + size], fill=colour)
    elif name == "square":
        half = 0.88 * size
        draw.rectangle([x - half, y - half, x + half, y + half], fill=colour)
    elif name == "ring":
        draw.ellipse([x - size, y - size, x + size, y + size], outline=colour, width=int(0.38 * size))
    elif name == "cross":
        arm = 0.36 * size
        draw.rectangle([x - size, y - arm, x + size, y + arm], fill=colour)
        draw.rectangle([x - arm, y - size, x + arm, y + size], fill=colour)
    else:
        draw.polygon([(x + across * size, y + down * size) for across, down in OUTLINES[name]], fill=colour)


def _star() -> list[tuple[float, float]]:
    corners = []
    for corner in range(10):
        radius, angle = (1.12, 0.4704)[corner % 2], math.radians(-90 + 36 * corner)
        corners.append((radius * math.cos(angle), radius * math.sin(angle)))
    return corners


def _heart() -> list[tuple[float, float]]:
    turns = [2 * math.pi * point / 40 for point in range(40)]
    return [(math.sin(t) ** 3, -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16) for t in turns]


OUTLINES = {
    "triangle": [(0, -1), (0.95, 0.75), (-0.95, 0.75)],
    "diamond": [(0, -1.1), (0.8, 0), (0, 1.1), (-0.8, 0)],
    "star": _star(),
    "heart": _heart(),
}


def balloon(draw: ImageDraw, x: float, y: float, size: float, colour: Colour) -> None:
    draw.line([(x, y + size), (x + 3, y + 2.2 * size)], fill=(230, 230, 230), width=4)
    draw.ellipse([x - 0.85 * size, y - size, x + 0.85 * size, y + 1.1 * size], fill=colour)


def cloud(draw: ImageDraw, x: float, y: float, colour: Colour) -> None:
    for across, down, radius in ((-26, 4, 15), (-8, -6, 20), (14, -2, 18), (30, 6, 12)):
        draw.ellipse([x + across - radius, y + down - radius, x + across + radius, y + down + radius], fill=colour)


def tree(draw: ImageDraw, kind: str, x: float, y: float, height: float, light: float) -> None:
    """Draw a tree, pine tree or palm tree with its foot at (x, y)."""
    draw.rectangle([x - 0.07 * height, y - 0.4 * height, x + 0.07 * height, y], fill=lit((104, 66, 38), light))
    {"tree": _leaves, "pine tree": _needles, "palm tree": _palm}[kind](draw, x, y, height, light)


def _leaves(draw: ImageDraw, x: float, y: float, height: float, light: float) -> None:
    for across, down, radius in ((-0.2, -0.58, 0.24), (0.2, -0.58, 0.24), (0, -0.78, 0.28)):
        middle_x, middle_y, reach = x + height * across, y + height * down, height * radius
        draw.ellipse([middle_x - reach, middle_y - reach, middle_x + reach, middle_y + reach], fill=lit((46, 140, 60), light))


def _needles(draw: ImageDraw, x: float, y: float, height: float, light: float) -> None:
    for tier in range(3):
        half, foot = height * (0.34 - 0.08 * tier), y - height * (0.28 + 0.22 * tier)
        draw.polygon([(x - half, foot), (x + half, foot), (x, foot - 0.36 * height)], fill=lit((28, 110, 70), light * (1 + 0.1 * tier)))


def _palm(draw: ImageDraw, x: float, y: float, height: float, light: float) -> None:
    top = (x + 0.05 * height, y - 0.8 * height)
    draw.line([(x, y), top], fill=lit((140, 96, 56), light), width=int(0.1 * height))
    for degrees in (-160, -120, -60, -20, 200, 340):
        angle = math.radians(degrees)
        end = (top[0] + 0.36 * height * math.cos(angle), top[1] + 0.3 * height * math.sin(angle))
        draw.line([top, end], fill=lit((44, 150, 70), light), width=int(0.09 * height))


def house(draw: ImageDraw, x: float, y: float, width: float, colour: Colour, light: float, night: bool) -> None:
    """Draw a house with its foot at (x, y); its windows glow at night."""
    eaves = y - 0.75 * width
    roof = (150, 58, 44) if colour[0] < 180 or colour[1] > 120 else (80, 60, 60)
    draw.rectangle([x - width / 2, eaves, x + width / 2, y], fill=lit(colour, light))
    draw.polygon([(x - 0.62 * width, eaves), (x + 0.62 * width, eaves), (x, eaves - 0.5 * width)], fill=lit(roof, light))
    draw.rectangle([x - 0.1 * width, y - 0.375 * width, x + 0.1 * width, y], fill=lit((90, 58, 36), light))
    for side in (-0.32, 0.32):
        middle = x + side * width
        window = [middle - 0.09 * width, y - 0.5625 * width, middle + 0.09 * width, y - 0.375 * width]
        draw.rectangle(window, fill=(255, 226, 120) if night else (190, 226, 246))


def boat(draw: ImageDraw, x: float, y: float, width: float, colour: Colour, light: float) -> None:
    """Draw a boat with two sails in `colour`; (x, y) is on its water line."""
    deck = y - 0.18 * width
    hull = [(x - width / 2, deck), (x + width / 2, deck), (x + 0.34 * width, y + 0.1 * width), (x - 0.34 * width, y + 0.1 * width)]
    draw.polygon(hull, fill=lit((130, 78, 44), light))
    draw.line([(x, deck), (x, y - width)], fill=lit((90, 60, 40), light), width=max(3, int(0.05 * width)))
    right = [(0.04, -0.98), (0.04, -0.26), (0.46, -0.26)]
    left = [(-0.04, -0.85), (-0.04, -0.26), (-0.36, -0.26)]
    for sail, shade in ((right, 1.0), (left, 0.9)):
        draw.polygon([(x + across * width, y + down * width) for across, down in sail], fill=lit(colour, max(light, 0.75) * shade))


def cat(draw: ImageDraw, x: float, y: float, height: float, colour: Colour, light: float) -> None:
    """Draw a sitting cat with its foot at (x, y)."""
    fur = lit(colour, max(light, 0.7))
    eyes = (20, 20, 20) if sum(fur) > 150 else (240, 220, 80)
    draw.ellipse([x - 0.3 * height, y - 0.6 * height, x + 0.3 * height, y], fill=fur)
    draw.ellipse([x - 0.26 * height, y - 0.98 * height, x + 0.26 * height, y - 0.5 * height], fill=fur)
    for side in (-1, 1):
        ear = [(0.25, -0.75), (0.22, -1.12), (0.04, -0.93)]
        draw.polygon([(x + side * across * height, y + down * height) for across, down in ear], fill=fur)
    draw.arc([x + 0.1 * height, y - 0.5 * height, x + 0.6 * height, y], -90, 120, fill=fur, width=int(0.1 * height))
    for side in (-0.1, 0.1):
        middle = x + side * height
        draw.ellipse([middle - 0.05 * height, y - 0.8 * height, middle + 0.05 * height, y - 0.7 * height], fill=eyes)


def car(draw: ImageDraw, x: float, y: float, width: float, colour: Colour, light: float) -> None:
    """Draw a car seen from the side with its wheels at (x, y)."""
    paint = lit(colour, max(light, 0.7))
    draw.rounded_rectangle([x - width / 2, y - 0.34 * width, x + width / 2, y - 0.08 * width], radius=0.08 * width, fill=paint)
    roof = [(-0.3, -0.32), (-0.18, -0.54), (0.16, -0.54), (0.3, -0.32)]
    glass = [(-0.22, -0.34), (-0.14, -0.49), (0.12, -0.49), (0.21, -0.34)]
    for outline, fill in ((roof, paint), (glass, (196, 226, 240))):
        draw.polygon([(x + across * width, y + down * width) for across, down in outline], fill=fill)
    for side in (-0.28, 0.28):
        middle = x + side * width
        draw.ellipse([middle - 0.12 * width, y - 0.2 * width, middle + 0.12 * width, y + 0.04 * width], fill=(30, 30, 34))
        draw.ellipse([middle - 0.05 * width, y - 0.13 * width, middle + 0.05 * width, y - 0.03 * width], fill=(170, 170, 170))


def stars(draw: ImageDraw, chance: Random, side: int) -> None:
    """Strew 6 to 14 stars over the upper half of a night sky."""
    for _ in range(chance.randint(6, 14)):
        x, y, radius = chance.uniform(0, side), chance.uniform(0, 130), chance.uniform(1.5, 3.2)
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(230, 232, 250))
