"""What a prompt asks of a model that writes notes: style, mood, key, tempo and the leading instrument, as tokens of its header.

The words come with the model (`prompt_words.json`, word -> tokens); where it brings none, the names of its own styles and moods count.
A model may know its keys on one tonic only (`Key_C:maj`, `Key_C:min`): what it writes is then transposed to the tonic asked for.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from studio.engines._note_tokens import PITCHES, kind, value

FLATS = {"DB": "C#", "EB": "D#", "GB": "F#", "AB": "G#", "BB": "A#", "CB": "B", "FB": "E", "E#": "F", "B#": "C"}
LETTER = r"(?P<letter>[a-g])(?P<accidental>\s*[#♯♭]|b(?![a-z])|[\s-]sharp|[\s-]flat)?"
KEYS = (
    re.compile(rf"\b{LETTER}[\s-]*(?P<mode>maj|min)(?:or)?\b", re.IGNORECASE),
    re.compile(rf"\b(?:in|of)\s+{LETTER}(?P<mode>m)?(?![\w'])", re.IGNORECASE),
)
BEATS = re.compile(r"\b(?P<tempo>\d{2,3})\s*(?:bpm|beats(?: a| per) minute)\b", re.IGNORECASE)
WORD = re.compile(r"[\w'-]+")
FILLERS = frozenset(re.findall(r"\w+", """
    a an and as at by featuring for from i in it is its key like major make me minor music my of on piece please played score short some
    song style that the to track tune very with write
"""))  # fmt: skip


@dataclass
class Wishes:
    """`tokens` holds, for each kind of the header that was asked for, those that may stand there; `unknown` the words nobody knows.

    `tonic` is the pitch class of the key asked for, 0 for C.
    """

    tokens: dict[str, list[str]] = field(default_factory=dict)
    tonic: int | None = None
    unknown: list[str] = field(default_factory=list)

    def add(self, tokens: Iterable[str]) -> None:
        for token in tokens:
            known = self.tokens.setdefault(kind(token), [])
            if token not in known:
                known.append(token)


def understand(prompt: str, vocabulary: Iterable[str], words: dict[str, list[str]]) -> Wishes:
    """Return what a prompt asks for, in tokens of `vocabulary`. Words nobody knows are ignored and named."""
    wishes, vocabulary = Wishes(), set(vocabulary)
    rest = _take_key(_take_tempo(prompt, vocabulary, wishes), vocabulary, wishes)
    found = WORD.findall(rest.lower())
    while found:
        phrase = next((" ".join(found[:size]) for size in (2, 1) if " ".join(found[:size]) in words), None)
        if phrase:
            wishes.add(token for token in words[phrase] if token in vocabulary)
        elif found[0] not in FILLERS and found[0] not in wishes.unknown:
            wishes.unknown.append(found[0])
        del found[: len(phrase.split()) if phrase else 1]
    return wishes


def own_words(vocabulary: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of a vocabulary's styles and moods as words."""
    return {value(token).lower(): [token] for token in vocabulary if kind(token) in ("Style", "Mood")}


def _take_tempo(prompt: str, vocabulary: set[str], wishes: Wishes) -> str:
    match = BEATS.search(prompt)
    tempos = sorted((token for token in vocabulary if kind(token) == "Tempo"), key=lambda token: float(value(token)))
    if not match or not tempos:
        return prompt
    wishes.add([min(tempos, key=lambda token: abs(float(value(token)) - float(match["tempo"])))])
    return prompt[: match.start()] + " " + prompt[match.end() :]


def _take_key(prompt: str, vocabulary: set[str], wishes: Wishes) -> str:
    """Find `D minor`, `in B flat`, `of F#m`, or a bare `major` or `minor`; return the prompt without it."""
    match = next((found for pattern in KEYS if (found := pattern.search(prompt))), None)
    bare = re.search(r"\b(major|minor)\b", prompt, re.IGNORECASE)
    named = (match["mode"] or "") if match else bare[1] if bare else ""
    mode = {"": "", "m": "min"}.get(named.lower(), named.lower()[:3])
    known = sorted(token for token in vocabulary if kind(token) == "Key" and token.endswith(mode))
    if match:
        wishes.tonic = PITCHES.index(_pitch(match))
        known = [token for token in known if token.startswith(f"Key_{_pitch(match)}:")] or known
    if match or mode:
        wishes.add(known)
    return prompt[: match.start()] + " " + prompt[match.end() :] if match else prompt


def _pitch(match: re.Match) -> str:
    sign = (match["accidental"] or "").lower().strip(" -")
    name = match["letter"].upper() + {"♯": "#", "sharp": "#", "♭": "B", "flat": "B", "b": "B"}.get(sign, sign)
    return FLATS.get(name, name)
