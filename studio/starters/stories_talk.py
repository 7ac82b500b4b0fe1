"""Draws the conversations the stories starter learns from: requests in many wordings, follow-ups, small talk, and what it cannot do.

Knows who says what. Does not know how a story is made (stories_grammar.py) nor how a network is trained (stories.py).
"""

from dataclasses import dataclass, field
from random import Random

from studio.starters.stories_beyond import small_talk, strange_request, unknown_word
from studio.starters.stories_grammar import MOODS, Cast, cast, description, episode, named, poem, story, title
from studio.starters.stories_words import ANIMALS, BEINGS, LOOKS, PEOPLE, PLACES, SMALL, THINGS, TRAITS, article

COUNTS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven"}


@dataclass
class Turn:
    """A request and its answer. `wanted` are the words that must appear in the answer, `cast` the story it told, if it told one."""

    request: str
    answer: str
    wanted: tuple[str, ...] = ()
    cast: Cast | None = None


@dataclass
class Talk:
    """A conversation: an optional system message and turns in order."""

    turns: list[Turn]
    system: str = ""

    def messages(self) -> list[dict[str, str]]:
        start = [{"role": "system", "content": self.system}] if self.system else []
        pairs = [({"role": "user", "content": turn.request}, {"role": "assistant", "content": turn.answer}) for turn in self.turns]
        return start + [message for pair in pairs for message in pair]


@dataclass
class _Wish:
    """What a story request asks for, in words and as the keys of a cast."""

    asked: dict[str, str] = field(default_factory=dict)
    wanted: list[str] = field(default_factory=list)

    def hero(self, rng: Random) -> str:
        word = self.asked["hero"] = rng.choice(list(BEINGS))
        self.wanted.append(word)
        if rng.random() < 0.45:
            trait = self.asked["trait"] = rng.choice(TRAITS)
            self.wanted.append(trait)
            word = f"{trait} {word}"
        phrase = article(word)
        if rng.random() < 0.2:
            name = self.asked["name"] = named(self.asked["hero"], rng)[0]
            self.wanted.append(name)
            phrase += f" {rng.choice(('named', 'called'))} {name}"
        return phrase

    def friend(self, rng: Random) -> str:
        word = self.asked["friend"] = rng.choice([being for being in BEINGS if being != self.asked.get("hero")])
        self.wanted.append(word)
        return article(word)

    def thing(self, rng: Random) -> str:
        word = self.asked["thing"] = rng.choice(list(THINGS))
        self.wanted.append(word)
        if rng.random() < 0.5:
            look = self.asked["look"] = rng.choice([look for look in LOOKS if look not in ("wooden", "broken")])
            self.wanted.append(look)
            word = f"{look} {word}"
        return article(word)

    def place(self, rng: Random) -> str:
        place = PLACES[rng.choice(list(PLACES))]
        self.asked["place"] = place.word
        self.wanted.append(place.word)
        preposition = rng.choice((place.preposition, place.preposition, "in"))
        return f"{preposition} {rng.choice((f'the {place.word}', article(place.word)))}"


def _subject(wish: _Wish, rng: Random) -> str:
    """Return what a story is about: a being, a thing, a place, or some of them together."""
    kind = rng.choices(("h", "ht", "hp", "htp", "hf", "hft", "t", "p", "tp"), (14, 24, 14, 16, 14, 8, 5, 2, 3))[0]
    if kind == "p":
        return wish.place(rng).split(" ", 1)[1]
    words = {"h": wish.hero, "t": wish.thing, "f": wish.friend}
    nouns = [words[letter](rng) for letter in kind if letter != "p"]
    text = rng.choice((" and ", " and ", " with ")).join(nouns[:2])
    text += f" and {nouns[2]}" if len(nouns) > 2 else ""
    if kind == "ht" and rng.random() < 0.35:
        text = f"{nouns[0]} who {rng.choice(('finds', 'found', 'has', 'loses', 'wants', 'loves'))} {nouns[1]}"
    return f"{text} {wish.place(rng)}" if "p" in kind else text


STORY_REQUESTS = (
    "Tell me a {s}story about {x}", "Write a {s}story about {x}", "Write me a {s}story about {x}", "Can you tell me a {s}story about {x}",
    "Could you write a {s}story about {x}", "I want a {s}story about {x}", "I would like a {s}story about {x}",
    "Please write a {s}story about {x}", "Make up a {s}story about {x}", "A {s}story about {x}", "Give me a {s}tale about {x}",
    "Tell a {s}tale of {x}", "Tell me about {x} in a {s}story",
    "Once upon a time there was {x}", "Story: {x}", "{x}", "Do you know a {s}story about {x}", "Let us have a {s}story about {x}",
)  # fmt: skip
OPEN_REQUESTS = (
    "Tell me a {s}story", "Write a {s}story", "A {s}story please", "I want to hear a {s}story", "Story", "Make up a {s}story",
    "Can you tell me a {s}story", "Surprise me", "Something {m}", "Read me a {s}story", "Do you have a {s}story for me",
)  # fmt: skip
MOOD_WORDS = {
    "happy": ("happy", "nice", "cheerful"), "sad": ("sad", "sad"), "funny": ("funny", "silly"), "spooky": ("spooky", "scary"),
    "calm": ("calm", "bedtime", "quiet"),
}  # fmt: skip
THEMES = {
    "honesty": "honesty", "friendship": "friendship", "sharing": "sharing", "kindness": "kindness", "courage": "courage", "magic": "magic",
    "teamwork": "working together", "love": "love", "home": "getting lost", "learning": "learning", "quarrel": "a quarrel",
}  # fmt: skip
LENGTH_WORDS = {"short": ("short", "very short", "little"), "long": ("long", "longer")}


def _style(wish: _Wish, rng: Random) -> str:
    """Return the words for mood and length that stand before `story`."""
    words = []
    if rng.random() < 0.15:
        wish.asked["length"] = rng.choice(("short", "short", "long"))
        words.append(rng.choice(LENGTH_WORDS[wish.asked["length"]]))
    if rng.random() < 0.3:
        wish.asked["mood"] = rng.choice(MOODS)
        words.append(rng.choice(MOOD_WORDS[wish.asked["mood"]]))
    return "".join(word + " " for word in words)


def _say(text: str, rng: Random, mark: str = ".") -> str:
    """Return `text` as people type: with or without capital, mark and please."""
    if rng.random() < 0.12 and "lease" not in text:
        text += ", please"
    if text.startswith(("Can ", "Could ", "Do ")):
        mark = "?"
    text = text[0].upper() + text[1:] if rng.random() < 0.8 else text.lower()
    return text + (mark if rng.random() < 0.75 else "")


def story_turn(rng: Random) -> Turn:
    """Return a request for a story and the story."""
    wish = _Wish()
    style = _style(wish, rng)
    if rng.random() < 0.12:
        text = rng.choice(OPEN_REQUESTS).format(s=style, m=wish.asked.setdefault("mood", rng.choice(MOODS)) if not style else style.strip())
        if "story" in text.lower() and not style:
            del wish.asked["mood"]
        if rng.random() < 0.4 and text.endswith("story"):
            wish.asked.pop("mood", None)
            theme = wish.asked["theme"] = rng.choice(list(THEMES))
            text += f" about {THEMES[theme]}"
    else:
        pattern = rng.choice(STORY_REQUESTS)
        if "{s}" not in pattern:
            wish = _Wish()
        text = pattern.format(s=style, x=_subject(wish, rng))
    told = cast(rng, **wish.asked)
    return Turn(_say(text, rng), story(told, rng), tuple(wish.wanted), told)


POEM_REQUESTS = (
    "Write a {f} about {x}", "A {f} about {x}", "Can you write a {f} about {x}", "Make a {f} about {x}", "Sing me a {f} about {x}",
)  # fmt: skip
LIST_REQUESTS = (
    "List {n} {t}", "Name {n} {t}", "Give me {n} {t}", "Write down {n} {t}", "Can you list {n} {t}", "Make a list of {n} {t}", "{n} {t}",
)  # fmt: skip


def poem_turn(rng: Random) -> Turn:
    """Return a request for a rhyme and the rhyme."""
    wish = _Wish()
    kinds = rng.choice((("hero",), ("hero",), ("hero", "thing"), ("thing",), ("place",), ("hero", "place")))
    for kind in kinds:
        getattr(wish, kind)(rng)
    nouns = [wish.asked[kind] for kind in kinds]
    subject = " and ".join(map(article, nouns))
    form = rng.choice(("poem", "rhyme", "poem", "verse", "song", "little poem", "short poem", "long poem"))
    pattern = rng.choice(POEM_REQUESTS)
    told = cast(rng, **{kind: wish.asked[kind] for kind in kinds})
    text = poem(told, rng, kinds, 4 if "long" in form else rng.choice((2, 2, 3)))
    return Turn(_say(pattern.format(f=form, x=subject), rng), text, tuple(nouns))


def description_turn(rng: Random) -> Turn:
    """Return a question about one word of the world and what there is to say."""
    word = rng.choice((rng.choice(list(BEINGS)), rng.choice(list(THINGS)), rng.choice(list(PLACES))))
    pattern = rng.choice((
        "Describe {x}", "What is {x}?", "What does {x} look like?", "Tell me about {x}", "Tell me something about {x}",
        "What do you know about {x}?", "Write a description of {x}", "What can you say about {x}?", "Describe the {w}",
        "Explain what {x} is",
    ))  # fmt: skip
    return Turn(_say(pattern.format(x=article(word), w=word), rng, ""), description(word, rng), (word,))


LISTS: dict[str, list[str]] = {
    "animals": ANIMALS, "people": PEOPLE, "things": list(THINGS), "places": list(PLACES), "objects": list(THINGS),
    "colours": SMALL["colours"], "colors": SMALL["colours"], "names": SMALL["names"], "foods": SMALL["foods"], "feelings": SMALL["feelings"],
    "names for {hero}": SMALL["names"], "things to find {place}": list(THINGS), "animals {place}": ANIMALS, "titles for a story": [],
    "ideas for a story": [], "words for something to eat": SMALL["foods"],
}  # fmt: skip


def list_turn(rng: Random) -> Turn:
    """Return a request for so many of something and a numbered list without repeats."""
    kind = rng.choice(list(LISTS))
    count = rng.choice(list(COUNTS))
    topic = kind.format(hero=article(rng.choice(list(BEINGS))), place=PLACES[rng.choice(list(PLACES))].where)
    how_many = rng.choice((COUNTS[count], str(count)))
    pattern = rng.choice(LIST_REQUESTS)
    items = rng.sample(LISTS[kind], count) if LISTS[kind] else _ideas(kind, count, rng)
    lines = [f"{number}. {item[0].upper() + item[1:]}" for number, item in enumerate(items, 1)]
    return Turn(_say(pattern.format(n=how_many, t=topic), rng), "\n".join(lines), (f"{count}.",))


def _ideas(kind: str, count: int, rng: Random) -> list[str]:
    heroes = rng.sample(list(BEINGS), count)
    casts = [cast(rng, hero=hero) for hero in heroes]
    if kind.startswith("titles"):
        return [title(told, rng) for told in casts]
    return [f"{article(told.trait)} {told.hero} who finds {article(told.look_thing)} {PLACES[told.place].where}" for told in casts]


# What is said after a story was told.


def follow_up(told: Cast, rng: Random) -> Turn:
    """Return what someone may say after the story of `told`, and the answer."""
    makers = (_change_mood, _change_mood, _change_length, _another, _go_on, _go_on, _swap, _swap, _ask, _ask, _title, _as_poem)
    return rng.choice(makers)(told, rng)


OTHER_MOOD = (
    "Make it {m}", "Can you make it {m}", "Make the story {m}", "Now a {w} one", "Tell it again, but {m}", "{m}", "A {m} version",
)  # fmt: skip


def _change_mood(told: Cast, rng: Random) -> Turn:
    mood = rng.choice([mood for mood in MOODS if mood != told.mood])
    more = {"happy": "happier", "sad": "sadder", "funny": "funnier", "spooky": "scarier", "calm": "calmer"}[mood]
    pattern = rng.choice(OTHER_MOOD)
    new = told.with_(mood=mood, theme="")
    return Turn(_say(pattern.format(m=more, w=MOOD_WORDS[mood][0]), rng), story(new, rng), (told.hero, told.thing, told.name), new)


def _change_length(told: Cast, rng: Random) -> Turn:
    length = rng.choice(("short", "long"))
    more = {"short": "shorter", "long": "longer"}[length]
    new = told.with_(length=length)
    request = rng.choice(("Make it {m}", "Can you make it {m}", "{m}", "Tell it again, but {m}", "Make the story {m}"))
    return Turn(_say(request.format(m=more), rng), story(new, rng), (told.hero, told.thing, told.name), new)


ANOTHER = ("Another one", "Another story", "One more", "Tell me another story", "Again", "More stories", "A different story", "Next")
ANOTHER_ABOUT = (
    "Another one about {x}", "Another story about {x}", "Now one about {x}", "And one about {x}", "Now {x}", "How about {x}",
)  # fmt: skip
GO_ON = (
    "Continue", "Go on", "What happened next?", "And then?", "Continue the story", "Then what?", "More", "Keep going", "What happens next?",
)  # fmt: skip


def _another(told: Cast, rng: Random) -> Turn:
    wish = _Wish()
    request = rng.choice(ANOTHER)
    if rng.random() < 0.6:
        request = rng.choice(ANOTHER_ABOUT)
        request = request.format(x=_subject(wish, rng))
    new = cast(rng, **wish.asked)
    return Turn(_say(request, rng), story(new, rng), tuple(wish.wanted), new)


def _go_on(told: Cast, rng: Random) -> Turn:
    return Turn(_say(rng.choice(GO_ON), rng, ""), episode(told, rng), (told.name, told.friend_name), told)


def _swap(told: Cast, rng: Random) -> Turn:
    key, words, old = rng.choice((("hero", BEINGS, told.hero), ("thing", THINGS, told.thing), ("place", PLACES, told.place)))
    word = rng.choice([word for word in words if word not in (told.hero, told.friend, told.thing, told.place)])
    patterns = ["Change the {o} to {x}", "Use {x} instead of the {o}", "Make the {o} {x}", "Replace the {o} with {x}"]
    patterns += ["Now with {x}", "The same with {x}"] if key != "place" else ["Let it happen in {x}", "Put it in {x}"]
    new = told.with_(**{key: word})
    if key == "hero":
        name, he = named(word, rng, but=told.friend_name)
        new = new.with_(name=name, he=he)
    kept = {"hero": told.hero, "thing": told.thing} | {key: word}
    request = rng.choice(patterns).format(o=old, x=article(word))
    return Turn(_say(request, rng), story(new, rng), (kept["hero"], kept["thing"], word), new)


def _ask(told: Cast, rng: Random) -> Turn:
    where = PLACES[told.place].where
    request, answer, word = rng.choice((
        (f"What is the name of the {told.hero}?", f"The {told.hero} is called {told.name}.", told.name),
        (f"Who is {told.name}?", f"{told.name} is {article(told.trait)} {told.hero} who lives {where}.", told.hero),
        (f"Who is {told.friend_name}?", f"{told.friend_name} is {article(told.friend)} in my story.", told.friend),
        (f"Where does {told.name} live?", f"{told.name} lives {where}.", told.place),
        (f"What is the {told.hero} called?", f"The {told.hero} is called {told.name}.", told.name),
        (f"What colour is the {told.thing}?" if told.look in SMALL["colours"] else f"What kind of {told.thing} is it?",
         f"It is {article(told.look_thing)}.", told.look),
        ("Where does the story happen?", f"It happens {where}.", told.place),
        ("Who is in the story?", f"{told.name} the {told.hero} and {told.friend_name} the {told.friend}.", told.name),
        (f"What does {told.name} like?", f"I think {told.name} likes {BEINGS[told.hero].food}.", told.name),
    ))  # fmt: skip
    return Turn(_say(request, rng, ""), answer, (word,), told)


def _title(told: Cast, rng: Random) -> Turn:
    request = rng.choice(("Give it a title", "What is the title?", "What is the story called?", "A title for the story", "Find a title"))
    return Turn(_say(request, rng, ""), title(told, rng), (), told)


def _as_poem(told: Cast, rng: Random) -> Turn:
    request = rng.choice(("Make it a poem", "Now as a poem", "Turn it into a poem", "Make it rhyme", "As a rhyme"))
    return Turn(_say(request, rng), poem(told, rng, ("hero", "thing"), 3), (told.hero, told.thing), told)


SYSTEMS = (
    "You are a storyteller.", "You are a helpful assistant.", "You tell stories to children.", "Answer kindly.",
    "You are a friendly writer.", "Write short texts.", "Be brief.", "You are a poet.", "Keep it simple.",
    "You are a creative assistant. Answer in plain words.",
)  # fmt: skip
KINDS = (story_turn, poem_turn, description_turn, list_turn)


def _first(rng: Random) -> Turn:
    """Return the opening turn of a conversation: mostly stories, some of everything else."""
    pick = rng.random()
    if pick < 0.58:
        return story_turn(rng)
    if pick < 0.80:
        return rng.choice(KINDS[1:])(rng)
    maker = strange_request if pick < 0.92 else unknown_word if pick < 0.95 else small_talk
    return Turn(*maker(rng))


def talk(rng: Random) -> Talk:
    """Draw a conversation of one to four turns; what follows a story is often about that story."""
    turns = [_first(rng)]
    while len(turns) < 4 and rng.random() < 0.42:
        told = turns[-1].cast
        turns.append(follow_up(told, rng) if told and rng.random() < 0.75 else _first(rng))
    return Talk(turns, rng.choice(SYSTEMS) if rng.random() < 0.15 else "")
