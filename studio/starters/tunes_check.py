"""Scores what a writer of tunes writes: in key, whole bars, a verse that comes back, home at the end, and the style one can hear.

A style is recognised by rhythm alone, which part of the range is struck at which position of the bar, by the nearest of many composed
tunes. Neither instruments nor the words of the header are looked at.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy

from studio.engines._note_tokens import DRUM_KIT, METERS, PITCHES, Meter, read
from studio.engines.music_midi import Engine, Options
from studio.starters.tunes import write
from studio.starters.tunes_composer import BLUES, CHORDS, SCALES, compose, form
from studio.starters.tunes_styles import STYLES
from studio.types import Device, ModelSpec, Piece, Request

SECONDS = 25.0
EXAMPLES = 40  # composed tunes of each style to compare with
SLOTS = 16  # positions of the longest bar
BASS, HIGH = 48, 66  # below is bass, from here on melody, chords in between


@dataclass(frozen=True)
class Tune:
    """A piece with what is known of it: style, key, meter, tempo in beats a minute, and how many bars."""

    piece: Piece
    style: str
    key: str
    meter: Meter
    tempo: float
    bars: int

    def strokes(self) -> Iterator[tuple[int, int, int, bool]]:
        """Yield (bar, position, pitch, whether it is a drum) of every note."""
        position = 60.0 / self.tempo / self.meter.resolution
        for note in self.piece.notes:
            bar, place = divmod(round(note.start / position), self.meter.positions)
            yield bar, place, note.pitch, note.program == DRUM_KIT

    def bar(self, number: int) -> set[tuple[int, int, bool]]:
        return {(place, pitch, drum) for bar, place, pitch, drum in self.strokes() if bar == number}


def check(weights: Path, device: str = "cpu", each: int = 2) -> dict[str, float]:
    """Return shares, 0 to 1, over `each` tunes of every style, asked for by name; `judge` is how often the judge knows composed tunes."""
    engine = Engine(ModelSpec(id="tunes", engine="music_midi", source=str(weights)), Device(device, device, 0), str(weights))
    engine.load(lambda fraction: None)
    judge = Judge(random.Random(1))
    tunes = [ask(engine, style, seed) for style in STYLES for seed in range(each)]
    rows = [score(tune) | {"style": judge.guess(tune) == tune.style} for tune in tunes]
    fresh = [composed(random.Random(seed), style) for style in STYLES for seed in range(1000, 1004)]
    return {name: round(float(numpy.mean([row[name] for row in rows])), 4) for name in rows[0]} | {
        "judge": round(float(numpy.mean([judge.guess(tune) == tune.style for tune in fresh])), 4)
    }


def ask(engine: Engine, style: str, seed: int, seconds: float = SECONDS) -> Tune:
    """Return the tune the engine makes of a prompt that is a style's name and a tonic."""
    *_, artifact = engine.run(Request(model="tunes", prompt=f"{style} in C"), Options(duration=seconds), seed)
    facts = artifact.facts
    return Tune(artifact.piece, style, facts["key"], METERS[facts["meter"]], facts["tempo"], facts["bars"])


def composed(rng: random.Random, style: str) -> Tune:
    """Return a composed tune of a style."""
    written = compose(rng, style)
    key = "C minor" if written.mode == "min" else "C major"
    return Tune(read(write(written)), style, key, written.meter, written.tempo, len(written.bars))


def score(tune: Tune) -> dict[str, float]:
    """Return the shares of one tune: notes in key, bars with all they need, verse bars that come back, and whether it ends on its tonic."""
    tonic = PITCHES.index(tune.key.split()[0])
    mode = "min" if tune.key.endswith("minor") else "maj"
    last = tune.bar(tune.bars - 1)
    lowest = min((pitch for _, pitch, drum in last if not drum), default=-1)
    return {
        "in_key": float(
            numpy.mean([(pitch - tonic) % 12 in _in_key(tune.style, mode) for _, _, pitch, drum in tune.strokes() if not drum])
        ),
        "bars_complete": float(numpy.mean([_complete(tune.bar(number)) for number in range(tune.bars)])),
        "verse_returns": _returns(tune),
        "ends_on_tonic": float(lowest >= 0 and (lowest - tonic) % 12 == 0),
    }


def _in_key(style: str, mode: str) -> set[int]:
    """Return the steps of a key: its scale, in minor the leading tone, in the blues the blue notes and the tones of its three chords."""
    steps = set(SCALES[mode]) | ({11} if mode == "min" else set())
    if STYLES[style].flavour != "dominant":
        return steps
    return steps | set(BLUES[mode]) | {(root + tone) % 12 for root in (0, 5, 7) for tone in CHORDS["7"]}


def _complete(bar: set[tuple[int, int, bool]]) -> bool:
    """A bar is complete when a bass and something above it sound."""
    pitches = [pitch for _, pitch, drum in bar if not drum]
    return bool(pitches) and min(pitches) < BASS <= max(pitches)


def _returns(tune: Tune) -> float:
    """Return how much of the first two bars of the verse is there again in the last verse; 1 where a tune has but one."""
    sections = form(tune.bars)
    if ("verse", 0) not in sections:
        return 1.0
    first, last = sections.index(("verse", 0)), sections.index(("end", 0))
    pairs = [(tune.bar(first + number), tune.bar(last + number)) for number in (0, 1)]
    return float(numpy.mean([len(one & other) / max(1, len(one | other)) for one, other in pairs]))


class Judge:
    """Knows styles by rhythm, from `EXAMPLES` composed tunes of each."""

    def __init__(self, rng: random.Random):
        self._names = [style for style in STYLES for _ in range(EXAMPLES)]
        self._rhythms = numpy.stack([rhythm(composed(rng, style)) for style in self._names])

    def guess(self, tune: Tune) -> str:
        """Return the style most common among the five nearest tunes."""
        nearest = numpy.linalg.norm(self._rhythms - rhythm(tune), axis=1).argsort()[:5]
        names = [self._names[place] for place in nearest]
        return max(names, key=names.count)


def rhythm(tune: Tune) -> numpy.ndarray:
    """Return how often each range (bass, chords, melody, drums) is struck at each position of a bar, and the meter, as a vector."""
    struck = numpy.zeros((4, SLOTS))
    for _, place, pitch, drum in set(tune.strokes()):
        struck[3 if drum else 2 if pitch >= HIGH else 1 if pitch >= BASS else 0, place] += 1
    meter = [2.0 * (tune.meter is known) for known in METERS.values()]
    return numpy.concatenate([numpy.minimum(struck / tune.bars, 2).ravel(), meter])
