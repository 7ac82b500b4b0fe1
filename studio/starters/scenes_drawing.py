"""Draw captioned pictures: the data the scenes starter is trained on.

Knows which things stand where and how a caption says so. Does not know how a single thing looks or what a network makes of it.
Pictures are drawn four times too large and reduced; a seed always gives the same picture and caption.
"""

import math
from collections.abc import Callable
from random import Random

import numpy
from PIL import Image, ImageDraw

from studio.starters import scenes_things as things
from studio.starters.scenes_words import (
    BOATS,
    CARS,
    CATS,
    COLOURS,
    FLOATING,
    FLOATING_COLOURS,
    GROUNDS,
    HOUSES,
    LIGHT,
    PREPOSITIONS,
    SHAPES,
    SKIES,
    SKY_PHRASES,
    TREES,
    Colour,
    counted,
    lit,
    unsteady,
)  # fmt: skip

SIDE = 64
CANVAS = 256
PLACES = {1: (128,), 2: (72, 184), 3: (48, 128, 208)}  # where so many things of a kind stand in a row
LEFT, RIGHT, ABOVE, BELOW = (70, 128), (186, 128), (128, 70), (128, 186)
RELATIONS = {"left of": (LEFT, RIGHT), "right of": (RIGHT, LEFT), "above": (ABOVE, BELOW), "below": (BELOW, ABOVE), "and": (LEFT, RIGHT)}
SUNS: dict[str, Colour] = {"day": (255, 226, 70), "sunset": (255, 196, 80), "dawn": (255, 236, 170)}


def picture(seed: int) -> tuple[numpy.ndarray, str]:
    """Return a picture (SIDE, SIDE, 3) of bytes and its caption."""
    chance = Random(seed)
    canvas, caption = _plain(chance) if chance.random() < 0.45 else Scene(chance).draw()
    return numpy.asarray(canvas.reduce(CANVAS // SIDE)), caption


def _plain(chance: Random) -> tuple[Image.Image, str]:
    """Shapes on a plain background."""
    background = chance.choice(list(COLOURS))
    canvas = Image.new("RGB", (CANVAS, CANVAS), unsteady(COLOURS[background], chance, 8))
    others = [name for name in COLOURS if name != background]
    draw = ImageDraw.Draw(canvas)
    content = _alike(draw, chance, others) if chance.random() < 0.55 else _pair(draw, chance, others)
    return canvas, f"{content} on {counted(1, background)} background"


def _alike(draw: ImageDraw.ImageDraw, chance: Random, colours: list[str]) -> str:
    """One to three shapes of a kind."""
    count, colour, name = chance.choice((1, 1, 2, 3)), chance.choice(colours), chance.choice(SHAPES)
    paint = unsteady(COLOURS[colour], chance)
    if count == 1:
        return _single(draw, chance, colour, name, paint)
    size = chance.uniform(34, 44) if count == 2 else chance.uniform(28, 34)
    height = 128 + chance.uniform(-40, 40)
    for x in PLACES[count]:
        things.shape(draw, name, x + chance.uniform(-5, 5), height + chance.uniform(-10, 10), size, paint)
    return counted(count, f"{colour} {name}")


def _single(draw: ImageDraw.ImageDraw, chance: Random, colour: str, name: str, paint: Colour) -> str:
    word, low, high = chance.choices((("small ", 24, 34), ("big ", 82, 98), ("", 48, 68)), (0.3, 0.3, 0.4))[0]
    size = chance.uniform(low, high)
    wander = CANVAS / 2 - (1.15 * size + 4) if size < 40 else 18
    things.shape(draw, name, 128 + chance.uniform(-wander, wander), 128 + chance.uniform(-wander, wander), size, paint)
    return counted(1, f"{word}{colour} {name}")


def _pair(draw: ImageDraw.ImageDraw, chance: Random, colours: list[str]) -> str:
    """Two shapes and how they stand to each other."""
    first, second = ((chance.choice(colours), chance.choice(SHAPES)) for _ in range(2))
    if first == second:
        second = (second[0], SHAPES[(SHAPES.index(second[1]) + 1) % len(SHAPES)])
    relation, size = chance.choice(list(RELATIONS)), chance.uniform(40, 52)
    places = RELATIONS[relation]
    if relation == "and" and chance.random() < 0.5:
        places = places[::-1]
    for (colour, name), (x, y) in zip((first, second), places, strict=True):
        things.shape(draw, name, x + chance.uniform(-8, 8), y + chance.uniform(-8, 8), size, unsteady(COLOURS[colour], chance))
    return f"{counted(1, ' '.join(first))} {relation} {counted(1, ' '.join(second))}"


class Scene:
    """A small landscape: sky, ground, something in the sky and something on the ground, most of the time."""

    def __init__(self, chance: Random):
        self.chance = chance
        self.time, self.ground = chance.choice(list(SKIES)), chance.choice(list(GROUNDS))
        self.phrase, self.light = chance.choice(SKY_PHRASES[self.time]), LIGHT[self.time]
        self.kind, colour = GROUNDS[self.ground]
        self.colour = unsteady(lit(colour, self.light), chance, 8)
        self.canvas = self._gradient()
        self.pen = ImageDraw.Draw(self.canvas)

    def _gradient(self) -> Image.Image:
        top, bottom = (numpy.array(unsteady(colour, self.chance), dtype=float) for colour in SKIES[self.time])
        share = numpy.linspace(0, 1, CANVAS)[:, None, None]
        return Image.fromarray(numpy.broadcast_to(top * (1 - share) + bottom * share, (CANVAS, CANVAS, 3)).astype(numpy.uint8))

    def draw(self) -> tuple[Image.Image, str]:
        """Draw all of it. Returns the canvas and the caption."""
        above = self._sky()
        height_at = getattr(self, f"_{self.kind}")(self.chance.uniform(158, 178))
        standing = self._standing(height_at)
        return self.canvas, f"{self._place(above, standing)} {self.phrase}"

    def _place(self, above: str, standing: str) -> str:
        ground = counted(1, self.ground)
        where = f"{standing} {PREPOSITIONS[self.kind]} {ground}" if standing else ground
        if not above:
            return where
        return f"{where} with {above}" if standing and self.chance.random() < 0.5 else f"{above} over {where}"

    def _sky(self) -> str:
        if self.time == "night":
            things.stars(self.pen, self.chance, CANVAS)
        kind = self.chance.random()
        if kind < 0.3 and self.time in SUNS:
            low, high = (36, 70) if self.time == "day" else (84, 112)
            return self._disc("the sun", self.chance.uniform(20, 28), low, high, SUNS[self.time])
        if kind < 0.4 and self.time == "night":
            return self._disc("the moon", self.chance.uniform(18, 26), 36, 66, (246, 242, 214))
        if kind < 0.65:
            return self._floating()
        return self._clouds() if kind < 0.8 else ""

    def _disc(self, name: str, radius: float, low: float, high: float, colour: Colour) -> str:
        things.shape(self.pen, "circle", self.chance.uniform(40, 216), self.chance.uniform(low, high), radius, colour)
        return name

    def _floating(self) -> str:
        """One to three stars, balloons or hearts in the sky."""
        chance = self.chance
        count, colour, name = chance.choice((1, 2, 3)), chance.choice(FLOATING_COLOURS), chance.choice(FLOATING)
        for x in {1: (128 + chance.uniform(-50, 50),), 2: (80, 176), 3: (52, 128, 204)}[count]:
            place = (x + chance.uniform(-10, 10), chance.uniform(40, 66), chance.uniform(19, 24), unsteady(COLOURS[colour], chance))
            things.balloon(self.pen, *place) if name == "balloon" else things.shape(self.pen, name, *place)
        return counted(count, f"{colour} {name}")

    def _clouds(self) -> str:
        chance, count = self.chance, self.chance.choice((1, 2))
        for x in (128 + chance.uniform(-60, 60),) if count == 1 else (72 + chance.uniform(-16, 16), 186 + chance.uniform(-16, 16)):
            things.cloud(self.pen, x, chance.uniform(36, 62), lit((250, 250, 252), max(0.62, self.light)))
        return counted(count, "cloud")

    # Grounds. Each draws itself from its horizon and returns how high things stand on it at each x.

    def _curve(self, height_at: Callable[[float], float], colour: Colour) -> Callable[[float], float]:
        edge = [(x, height_at(x)) for x in range(0, CANVAS + 1, 6)]
        self.pen.polygon([*edge, (CANVAS, CANVAS), (0, CANVAS)], fill=colour)
        return height_at

    def _hill(self, horizon: float) -> Callable[[float], float]:
        top = 128 + self.chance.uniform(-40, 40)
        return self._curve(lambda x: horizon + 34 - 46 * math.exp(-(((x - top) / 86) ** 2)), self.colour)

    def _dune(self, horizon: float) -> Callable[[float], float]:
        shift = self.chance.uniform(0, 6)
        self._curve(lambda x: horizon + 9 * math.sin(x / 42 + shift), self.colour)
        self._curve(lambda x: horizon + 38 + 8 * math.sin(x / 36 + shift + 2), lit(self.colour, 0.92))
        return lambda x: horizon + 24

    def _mountain(self, horizon: float) -> Callable[[float], float]:
        small, x, y = 70 + self.chance.uniform(-12, 12), 160 + self.chance.uniform(-20, 20), horizon - 96
        self.pen.polygon([(-10, horizon + 10), (small, horizon - 70), (150, horizon + 10)], fill=lit(self.colour, 0.86))
        self.pen.polygon([(x - 110, horizon + 10), (x, y), (x + 110, horizon + 10)], fill=self.colour)
        if self.ground.startswith("snowy"):
            cap = [(-36, 31), (0, 0), (36, 31), (16, 26), (0, 38), (-16, 26)]
            self.pen.polygon([(x + across, y + down) for across, down in cap], fill=lit((245, 248, 255), max(0.7, self.light)))
        grass = unsteady(lit((84, 150, 78), self.light), self.chance, 6)
        self.pen.rectangle([0, horizon, CANVAS, CANVAS], fill=grass)
        return lambda x: horizon + 24

    def _flat(self, horizon: float) -> Callable[[float], float]:
        self.pen.rectangle([0, horizon, CANVAS, CANVAS], fill=self.colour)
        return lambda x: horizon + 26

    def _sea(self, horizon: float) -> Callable[[float], float]:
        self._flat(horizon)
        for _ in range(9):
            x, y = self.chance.uniform(0, CANVAS), self.chance.uniform(horizon + 10, CANVAS - 8)
            self.pen.line([(x - 18, y), (x + 18, y)], fill=lit(self.colour, 1.25), width=4)
        return lambda x: horizon + 34

    # What stands on the ground.

    def _standing(self, height_at: Callable[[float], float]) -> str:
        if self.kind == "sea":
            return self._boats(height_at) if self.chance.random() < 0.75 else ""
        if self.chance.random() >= 0.88:
            return ""
        return self._one(height_at) if self.chance.random() < 0.4 else self._two(height_at)

    def _boats(self, height_at: Callable[[float], float]) -> str:
        chance = self.chance
        count, colour = chance.choice((1, 1, 2)), chance.choice(BOATS)
        width = chance.uniform(72, 88) if count == 1 else chance.uniform(54, 62)
        for x in (128 + chance.uniform(-40, 40),) if count == 1 else (74 + chance.uniform(-8, 8), 182 + chance.uniform(-8, 8)):
            things.boat(self.pen, x, height_at(x) + chance.uniform(-6, 6), width, COLOURS[colour], self.light)
        return counted(count, f"{colour} boat")

    def _one(self, height_at: Callable[[float], float]) -> str:
        name = self.chance.choice(("house", "house", "cat", "car", *TREES, "trees", "trees"))
        if name == "trees":
            return self._trees(height_at)
        return self._put(name, 128 + self.chance.uniform(-30, 30), height_at, alone=True)

    def _two(self, height_at: Callable[[float], float]) -> str:
        first, second = self.chance.sample(("house", "cat", "car", *TREES), 2)
        places = self.chance.choice(((72, 188), (188, 72)))
        relation = self.chance.choice(("beside", "and", "next to"))
        said = [
            self._put(name, x + self.chance.uniform(-8, 8), height_at, alone=False) for name, x in zip((first, second), places, strict=True)
        ]
        return f" {relation} ".join(said)

    def _trees(self, height_at: Callable[[float], float]) -> str:
        name, count = self.chance.choice(TREES), self.chance.choice((2, 3))
        for place in (84, 172) if count == 2 else (52, 128, 204):
            x = place + self.chance.uniform(-8, 8)
            things.tree(self.pen, name, x, height_at(x), self.chance.uniform(70, 84), self.light)
        return counted(count, name)

    def _put(self, name: str, x: float, height_at: Callable[[float], float], alone: bool) -> str:
        """Draw one thing and say what it is."""
        chance, y = self.chance, height_at(x)
        if name in TREES:
            things.tree(self.pen, name, x, y, chance.uniform(78, 100), self.light)
            return counted(1, name)
        colour = chance.choice({"house": HOUSES, "cat": CATS, "car": CARS}[name])
        paint = unsteady(COLOURS[colour], chance)
        if name == "house":
            word, width = chance.choice((("", 62), ("small ", 44), ("big ", 84 if alone else 76)))
            things.house(self.pen, x, y, width, paint, self.light, self.time == "night")
            return counted(1, f"{word}{colour} {name}")
        if name == "cat":
            things.cat(self.pen, x, y + 8, chance.uniform(62, 76), paint, self.light)
        else:
            things.car(self.pen, x, y + 8, chance.uniform(78, 90), paint, self.light)
        return counted(1, f"{colour} {name}")
