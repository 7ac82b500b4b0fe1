"""Which letter stands for which phonemes: learned from spelling and speech alone, then used to give each letter its frames.

A letter stands for none, one, two or three phonemes, in order. What each letter tends to stand for is counted from the best
alignments so far, a few rounds over (hard expectation-maximization).
Knows letters, phonemes and frames. Knows no signal.
"""

import math
from collections import Counter, defaultdict

import numpy as np

from studio.starters.voice_signal import FRAMES_PER_SECOND
from studio.starters.voice_speech import Spoken

MOST = 3  # phonemes of one letter
CLOSED = frozenset(("p", "t", "k", "b", "d", "g", "tS", "dZ", "t#", "t2", "?"))  # reported at the burst; the closure comes before
CLOSURE, ONSET = 0.05, 0.013  # s from the beginning of a sound to the moment espeak reports
MARKS = frozenset(" .,!?;:-'")
LEAST = 2  # frames of a letter: one for itself, one for the blank after it

Unit = tuple[str, tuple[str, ...]]  # the letters of a word or of words spoken as one, and its phonemes


class LetterSounds:
    """What the letters stand for. `fit` learns it, `align` uses it."""

    def __init__(self):
        self._costs = defaultdict(dict)
        self._known: dict[Unit, tuple[int, ...]] = {}

    def fit(self, units: list[Unit], rounds: int = 5) -> None:
        """Learn from `units`, each distinct one counted once."""
        units = sorted(set(units))
        self._count((unit, _spread(unit)) for unit in units)
        for _ in range(rounds):
            self._count([(unit, self._best(unit)) for unit in units])
        self._known = {}

    def align(self, unit: Unit) -> tuple[int, ...]:
        """Return how many phonemes each letter of the unit stands for."""
        if unit not in self._known:
            self._known[unit] = self._best(unit)
        return self._known[unit]

    def _count(self, aligned) -> None:
        counts = defaultdict(Counter)
        for (letters, phonemes), shares in aligned:
            position = 0
            for letter, share in zip(letters, shares, strict=True):
                counts[letter][phonemes[position : position + share]] += 1
                position += share
        self._costs = {
            letter: {sounds: -math.log((count + 0.1) / (sum(seen.values()) + 1)) for sounds, count in seen.items()}
            for letter, seen in counts.items()
        }

    def _cost(self, letter: str, sounds: tuple[str, ...]) -> float:
        if letter in MARKS and any(sound[0] != "_" for sound in sounds):
            return 30.0 * len(sounds)
        return self._costs.get(letter, {}).get(sounds, 9.0 + 3.0 * len(sounds))

    def _best(self, unit: Unit) -> tuple[int, ...]:
        letters, phonemes = unit
        best = {0: (0.0, ())}
        for letter in letters:
            reached = {}
            for position, (cost, shares) in best.items():
                for share in range(min(MOST, len(phonemes) - position) + 1):
                    total = cost + self._cost(letter, phonemes[position : position + share])
                    if total < reached.get(position + share, (math.inf,))[0]:
                        reached[position + share] = (total, shares + (share,))
            best = reached
        return best.get(len(phonemes), (0.0, _spread(unit)))[1]


def _spread(unit: Unit) -> tuple[int, ...]:
    """Spread the phonemes evenly over the letters that are not marks."""
    letters, phonemes = unit
    sounding = [index for index, letter in enumerate(letters) if letter not in MARKS] or [0]
    shares = [0] * len(letters)
    for number in range(len(phonemes)):
        shares[sounding[number * len(sounding) // len(phonemes)]] += 1
    return tuple(shares)


def beginnings(spoken: Spoken, rate: int) -> list[float]:
    """Return when each phoneme begins, in frames, its closure counted in."""
    words = {first: sample for first, _, sample in spoken.words}
    times, last, word = [], 0.0, None
    for first, name, sample in spoken.phonemes:
        lead = CLOSURE if name in CLOSED else ONSET
        moment = sample / rate - lead
        if first != word and first in words:
            moment = words[first] / rate
        word = first
        reported = sample / rate
        last = min(reported, max(moment, last + 0.4 * (reported - last)))
        times.append(last * FRAMES_PER_SECOND)
    return times


def units_of(text: str, spoken: Spoken) -> list[Unit]:
    """Cut `text` where espeak began words that it pronounced; the space before a word belongs to it, the marks after it too."""
    starts = sorted({first for first, name, _ in spoken.phonemes if name[0] != "_" and first < len(text)})
    if not starts:
        return []
    cuts = [0] + [start - (text[start - 1] == " ") for start in starts[1:]] + [len(text)]
    groups = [[] for _ in starts]
    number = 0
    for first, name, _ in spoken.phonemes:
        while number + 1 < len(starts) and first >= starts[number + 1]:
            number += 1
        groups[number].append(name)
    return [(text[left:right], tuple(group)) for left, right, group in zip(cuts, cuts[1:], groups, strict=False)]


def letter_starts(units: list[Unit], times: list[float], sounds: LetterSounds, frames: int) -> np.ndarray | None:
    """Return the first frame of each letter; None where there are too few frames. A letter without a phoneme gets LEAST frames."""
    starts, labels, position = [], [], 0
    for unit in units:
        for share in sounds.align(unit):
            starts.append(times[position] if share else math.nan)
            labels.append(share)
            position += share
    if frames < LEAST * len(starts):
        return None
    following = float(frames)
    for index in range(len(starts) - 1, -1, -1):
        starts[index] = following - LEAST if math.isnan(starts[index]) else starts[index]
        following = starts[index]
    return _spaced(np.round(starts).astype(int), frames)


def _spaced(starts: np.ndarray, frames: int) -> np.ndarray:
    """Move the starts as little as needed so that each letter has LEAST frames."""
    offsets = LEAST * np.arange(len(starts))
    later = np.maximum.accumulate(np.maximum(starts, 0) - offsets) + offsets
    return np.minimum(later, frames - LEAST * (len(starts) - np.arange(len(starts))))
