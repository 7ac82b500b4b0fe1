"""What scenes are made of, and what each of it is called: colours, shapes, grounds, skies.

Knows names and values. Does not know how anything is drawn.
"""

from random import Random

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (214, 40, 40),
    "orange": (245, 134, 32),
    "yellow": (250, 212, 40),
    "green": (52, 160, 72),
    "blue": (40, 92, 210),
    "purple": (132, 60, 180),
    "pink": (244, 130, 178),
    "white": (248, 248, 245),
    "black": (24, 24, 28),
    "brown": (124, 78, 44),
    "grey": (140, 142, 148),
    "cyan": (64, 204, 214),
}
SHAPES = ("circle", "square", "triangle", "star", "heart", "diamond", "ring", "cross")
SKIES: dict[str, tuple[Colour, Colour]] = {  # the colours above and at the horizon
    "day": ((92, 170, 240), (196, 228, 250)),
    "night": ((10, 14, 44), (40, 50, 104)),
    "sunset": ((92, 60, 140), (252, 150, 70)),
    "dawn": ((150, 176, 226), (252, 206, 196)),
    "cloudy": ((140, 150, 164), (196, 202, 210)),
}
SKY_PHRASES = {
    "day": ("on a sunny day", "under a blue sky", "in the daytime"),
    "night": ("at night", "under a night sky", "under the stars"),
    "sunset": ("at sunset", "under a sunset sky"),
    "dawn": ("at dawn", "in the morning"),
    "cloudy": ("under a grey sky", "on a cloudy day"),
}
LIGHT = {"day": 1.0, "night": 0.5, "sunset": 0.82, "dawn": 0.95, "cloudy": 0.8}
GROUNDS: dict[str, tuple[str, Colour]] = {
    "green hill": ("hill", (80, 168, 70)),
    "green field": ("flat", (92, 176, 74)),
    "snowy field": ("flat", (236, 242, 250)),
    "snowy hill": ("hill", (236, 242, 250)),
    "sandy desert": ("dune", (232, 196, 124)),
    "blue sea": ("sea", (36, 104, 180)),
    "brown hill": ("hill", (140, 100, 60)),
    "snowy mountain": ("mountain", (104, 108, 124)),
    "grey mountain": ("mountain", (120, 122, 132)),
}
PREPOSITIONS = {"sea": "on", "hill": "on", "mountain": "in front of", "dune": "in", "flat": "in"}
NUMBERS = {2: "two", 3: "three"}
BOATS = ("white", "red", "yellow", "orange", "pink")
HOUSES = ("white", "red", "yellow", "blue", "orange", "pink")
CATS = ("black", "orange", "white", "grey", "brown")
CARS = ("red", "blue", "yellow", "green", "white", "black")
TREES = ("tree", "pine tree", "palm tree")
FLOATING = ("star", "balloon", "heart")
FLOATING_COLOURS = ("red", "yellow", "white", "pink", "orange", "purple", "green", "blue")


def counted(count: int, name: str) -> str:
    """Say how many there are: "a red star", "an orange cross", "two red stars"."""
    if count == 1:
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    return f"{NUMBERS[count]} {name}{'es' if name.endswith('s') else 's'}"


def unsteady(colour: Colour, chance: Random, amount: float = 10) -> Colour:
    """The colour, a little off by chance."""
    return tuple(int(min(255, max(0, part + chance.uniform(-amount, amount)))) for part in colour)


def lit(colour: Colour, light: float) -> Colour:
    """The colour in a light of 0 to 1 (above 1 it is brighter)."""
    return tuple(int(min(255, max(0, part * light))) for part in colour)
