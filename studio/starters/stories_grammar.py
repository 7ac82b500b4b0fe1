"""Writes the stories, poems and descriptions of the stories starter: a cast is drawn, a plot chosen, and the slots filled.

Knows how a text of this world is made for what was asked. Does not know the conversation around it: that is stories_talk.py.
"""

import re
from dataclasses import dataclass, field, replace
from random import Random

from studio.starters import stories_plots as plots
from studio.starters.stories_words import BEINGS, EDIBLE, FOODS, LOOKS, NAMES, PEOPLE, PLACES, THINGS, TRAITS, WEATHER, article

CHOICE = re.compile(r"\[([^\[\]]*)\]")
PRONOUNS = {"he": ("he", "his", "him"), "she": ("she", "her", "her")}
MOODS = ("happy", "sad", "funny", "spooky", "calm")
LENGTHS = ("short", "medium", "long")


@dataclass(frozen=True)
class Cast:
    """Who and what a story is about."""

    hero: str
    name: str
    he: str
    trait: str
    friend: str
    friend_name: str
    she: str
    thing: str
    look: str
    place: str
    food: str
    weather: str
    extra: str
    mood: str = "happy"
    length: str = "medium"
    theme: str = ""
    asked: tuple[str, ...] = field(default=(), compare=False)

    def with_(self, **changes) -> "Cast":
        return replace(self, **changes)

    @property
    def look_thing(self) -> str:
        return f"{self.look} {self.thing}"

    def slots(self) -> dict[str, str]:
        """Return what the slots of the plots stand for."""
        he, his, him = PRONOUNS[self.he]
        she, hers, her = PRONOUNS[self.she]
        where = PLACES[self.place].where
        lower = {
            "N": self.name, "M": self.friend_name, "k": self.hero, "b": self.friend, "t": self.trait, "o": self.thing, "ox": self.thing,
            "O": self.look_thing, "he": he, "his": his, "him": him, "she": she, "hers": hers, "her": her, "P": where, "p": self.place,
            "at": article(self.trait), "ab": article(self.friend), "ao": article(self.look_thing), "ax": article(self.extra),
            "aw": article(self.weather), "w": self.weather, "food": self.food, "P_": where[0].upper() + where[1:],
        }  # fmt: skip
        return lower | {"He": he.capitalize(), "His": his.capitalize(), "Ao": article(self.look_thing).capitalize()}


def named(being: str, rng: Random, but: str = "") -> tuple[str, str]:
    """Return a name for `being` and its pronoun; kings are he, queens are she, foxes either."""
    he = BEINGS[being].gender or rng.choice(("he", "she"))
    return rng.choice([name for name in NAMES[he] if name != but]), he


def cast(rng: Random, **asked: str) -> Cast:
    """Draw a cast around what was asked for (hero, friend, thing, place, trait, look, mood, length, name)."""
    hero = asked.get("hero") or rng.choice(list(BEINGS))
    others = [word for word in BEINGS if word != hero]
    friend = asked.get("friend") or rng.choice(others)
    name, he = named(hero, rng)
    friend_name, she = named(friend, rng, but=name)
    if "name" in asked:
        name = asked["name"]
        he = "he" if name in NAMES["he"] else "she"
        friend_name = rng.choice([other for other in NAMES[she] if other != name])
    drawn = Cast(
        hero=hero, name=name, he=he, trait=rng.choice(TRAITS), friend=friend, friend_name=friend_name, she=she,
        thing=rng.choice(list(THINGS)), look=rng.choice(LOOKS), place=rng.choice(list(PLACES)), food=rng.choice(FOODS),
        weather=rng.choice(WEATHER), extra=rng.choice([word for word in others if word != friend]),
    )  # fmt: skip
    chosen = ("thing", "place", "trait", "look", "mood", "length", "theme")
    drawn = drawn.with_(**{key: value for key, value in asked.items() if key in chosen})
    if drawn.thing in EDIBLE and drawn.look in ("wooden", "broken"):
        drawn = drawn.with_(look="golden")
    return drawn


def fill(text: str, slots: dict[str, str], rng: Random) -> str:
    """Choose among `[a|b]`, innermost first, and put the slots in."""
    while match := CHOICE.search(text):
        text = text[: match.start()] + rng.choice(match.group(1).split("|")) + text[match.end() :]
    return text.format_map(slots)


def story(cast: Cast, rng: Random) -> str:
    """Return a story of 4 to 12 sentences with everything of the cast in it."""
    slots, plot = cast.slots(), rng.choice(_fitting(cast))
    chance = {"short": 0.0, "medium": 0.6, "long": 1.0}[cast.length]
    lines = [fill(rng.choice(plots.OPENINGS), slots, rng)]
    if rng.random() < {"short": 0.0, "medium": 0.2, "long": 0.9}[cast.length]:
        lines.append(_scenery(cast, rng))
    for line in plots.PLOTS[plot]:
        if not line.startswith("?") or rng.random() < chance:
            lines.append(fill(line.lstrip("?"), slots, rng))
    if cast.length == "long":
        lines.append(episode(cast, rng))
    return " ".join(lines)


def _fitting(cast: Cast) -> list[str]:
    names = [name for name in plots.PLOTS if cast.mood in name.split()]
    return [name for name in names if cast.theme in name.split()] or names


def _scenery(cast: Cast, rng: Random) -> str:
    place = PLACES[cast.place]
    return rng.choice((
        f"There were {place.sight}." if not place.sight.startswith("a ") else f"There was {place.sight}.",
        f"You could hear {place.sound}.",
        f"{cast.name} loved it there.",
    ))  # fmt: skip


def episode(cast: Cast, rng: Random) -> str:
    """Return what happens next, in 3 to 6 sentences."""
    return fill(rng.choice(plots.EPISODES), cast.slots(), rng)


def poem(cast: Cast, rng: Random, asked: tuple[str, ...], couplets: int = 2) -> str:
    """Return a rhyme of `couplets` pairs of lines that names everything asked for (`hero`, `thing`, `place`)."""
    pools = {"hero": plots.COUPLETS_BEING, "thing": plots.COUPLETS_THING, "place": plots.COUPLETS_PLACE}
    order = [key for key in ("hero", "thing", "place") if key in asked]
    chosen = [rng.choice(pools[key]) for key in order]
    rest = [line for line in plots.COUPLETS_ANY + (plots.COUPLETS_BEING if "hero" in asked else []) if line not in chosen]
    chosen += rng.sample(rest, max(0, couplets - len(chosen)))
    lines = [line for couplet in chosen for line in fill(couplet, cast.slots(), rng).split("/")]
    return "\n".join(line[0].upper() + line[1:] for line in lines)


def title(cast: Cast, rng: Random) -> str:
    """Return a title that names the hero and the thing."""
    hero, thing = f"the {cast.trait} {cast.hero}".title(), f"the {cast.look_thing}".title()
    return rng.choice((f"{hero} and {thing}", f"{cast.name} and {thing}"))


def description(word: str, rng: Random) -> str:
    """Return two or three sentences about a being, thing or place of this world."""
    if word in BEINGS:
        return _about_being(word, rng)
    if word in THINGS:
        return _about_thing(word, rng)
    return _about_place(word, rng)


def _about_being(word: str, rng: Random) -> str:
    being = BEINGS[word]
    subject = {"he": "He", "she": "She"}.get(being.gender) or (article(word).capitalize() if word in PEOPLE else "It")
    lines = [f"{subject} lives {PLACES[being.home].where} in my stories.", f"{subject} likes {being.food}.", f"{subject} {being.does}."]
    rng.shuffle(lines)
    return " ".join([f"{article(word).capitalize()} has {being.looks}.", *lines[: rng.choice((2, 3))]])


def _about_thing(word: str, rng: Random) -> str:
    thing = THINGS[word]
    last = rng.choice(("In my stories, someone always loses one.", f"{rng.choice(NAMES['she'])} has {article(rng.choice(LOOKS))} one."))
    return f"{article(word).capitalize()} is made of {thing.stuff}. It is good for {thing.use}. {last}"


def _about_place(word: str, rng: Random) -> str:
    place = PLACES[word]
    being = rng.choice(list(BEINGS))
    middle = rng.choice(("You can hear", "Listen, and you hear"))
    return f"{place.where.capitalize()}, you see {place.sight}. {middle} {place.sound}. {article(being).capitalize()} might live there."
