"""The words a language model writes notes in: token names, what may follow what, and notes from tokens.

The names are MidiTok's REMI ones. A piece is a header and bars that count down to the last one, `Bar_1`:

    BOS_None Style_waltz Mood_calm Key_D:min TimeSig_3/4 Tempo_100 Program_73
    Bar_16 Chord_D:min Program_73 Position_0 Duration_2.0.4 Pitch_74 Position_8 Pitch_77 Program_-1 Position_0 PitchDrum_36 ... EOS_None

In a bar each part begins with its program (-1 is the drum kit); a position may hold several pitches; a duration
(`beats.positions.positions per beat`) stands where it changes and holds for the part's following pitches.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from studio.types import Note, Piece

DRUM_KIT = 128
HEADER = ("Style", "Mood", "Key", "TimeSig", "Tempo", "Program")
MAX_PARTS = 5  # of a bar; more would be noise, and a bar has to end
ENSEMBLE = 4  # instruments of a piece, the drum kit among them
MAX_CHORD = 5  # pitches of one part sounding at once
MAX_BAR = 110  # tokens after which a bar is brought to its end
PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True)
class Meter:
    """A time signature: `beats` to the bar, `resolution` positions to the beat, and how many quarter notes a beat is."""

    name: str
    beats: int
    resolution: int
    quarters: float = 1.0

    @property
    def positions(self) -> int:
        return self.beats * self.resolution

    def bar_seconds(self, tempo: float) -> float:
        """Return the length of a bar in seconds at `tempo` beats a minute."""
        return self.beats * 60.0 / tempo


METERS = {meter.name: meter for meter in (Meter("4/4", 4, 4), Meter("3/4", 3, 4), Meter("12/8", 4, 3, 1.5), Meter("6/8", 2, 3, 1.5))}


def kind(token: str) -> str:
    """Return what a token is about: `Pitch` of `Pitch_60`."""
    return token.partition("_")[0]


def value(token: str) -> str:
    """Return what a token says: `60` of `Pitch_60`."""
    return token.partition("_")[2]


def duration_token(positions: int, resolution: int) -> str:
    """Return the token of a length of `positions` where a beat has `resolution` of them."""
    return f"Duration_{positions // resolution}.{positions % resolution}.{resolution}"


def duration_positions(token: str) -> int:
    """Return the length of a duration token in positions."""
    beats, rest, resolution = (int(part) for part in value(token).split("."))
    return beats * resolution + rest


class Grammar:
    """Which tokens may come next, so that whatever a model prefers, a well-formed piece comes out.

    Args:
        vocabulary: every token with its number.
        plan: how many bars to write, 1 to `longest(vocabulary)`, once meter and tempo (beats a minute) are known.
        wishes: for a kind of the header, the tokens that may stand there; a kind that is not named is free.
    """

    def __init__(self, vocabulary: Iterable[str], plan: Callable[[Meter, float], int], wishes: dict[str, list[str]] | None = None):
        self.kinds: dict[str, list[str]] = {}
        for token in vocabulary:
            self.kinds.setdefault(kind(token), []).append(token)
        self.header = [name for name in HEADER if name in self.kinds]
        self.plan, self.wishes = plan, wishes or {}
        self.tokens, self.ensemble = ["BOS_None"], set()
        self.meter, self.tempo, self.bars, self.left = METERS["4/4"], 120.0, 0, 0
        self.parts = self.position = self.pitch = self.chord = self.bar_began = 0
        self.drums = self.timed = False

    @property
    def in_header(self) -> bool:
        return len(self.tokens) <= len(self.header)

    @property
    def finished(self) -> bool:
        return self.tokens[-1] == "EOS_None"

    def allowed(self) -> list[str]:
        """Return the tokens that may come next; there is always one until the piece is finished."""
        written = len(self.tokens) - 1
        if self.in_header:
            name = self.header[written]
            return self.wishes.get(name) or [token for token in self.kinds[name] if token != "Program_-1"]
        if written == len(self.header):
            self.bars = self.plan(self.meter, self.tempo)
            return [f"Bar_{self.bars}"]
        return getattr(self, f"_after_{kind(self.tokens[-1]).lower()}")()

    def advance(self, token: str) -> None:
        """Take the next token of the piece."""
        in_header = self.in_header
        self.tokens.append(token)
        says = value(token)
        if kind(token) == "Program":
            self.ensemble.add(token)
        match kind(token):
            case "TimeSig":
                self.meter = METERS[says]
            case "Tempo":
                self.tempo = float(says)
            case "Bar":
                self.left, self.parts, self.drums, self.bar_began = int(says), 0, False, len(self.tokens)
            case "Program" if not in_header:
                self.parts, self.position, self.timed, self.drums = self.parts + 1, -1, False, says == "-1"
            case "Position":
                self.position, self.pitch, self.chord = int(says), -1, 0
            case "Duration":
                self.timed = True
            case "Pitch" | "PitchDrum":
                self.pitch, self.chord = int(says), self.chord + 1

    def _after_bar(self) -> list[str]:
        return self.kinds.get("Chord") or self._programs()

    def _after_chord(self) -> list[str]:
        return self._programs()

    def _after_program(self) -> list[str]:
        return self._positions()

    def _after_position(self) -> list[str]:
        if self.drums:
            return self._pitches()
        return self._durations() + (self._pitches() if self.timed else [])

    def _after_duration(self) -> list[str]:
        return self._pitches()

    def _after_pitch(self) -> list[str]:
        next_bar = [f"Bar_{self.left - 1}"] if self.left > 1 else ["EOS_None"]
        if len(self.tokens) - self.bar_began > MAX_BAR:
            return next_bar
        more = self._programs() if self.parts < MAX_PARTS and not self.drums else []
        return self._pitches() + self._positions() + more + next_bar

    _after_pitchdrum = _after_pitch

    def _programs(self) -> list[str]:
        return sorted(self.ensemble) if len(self.ensemble) >= ENSEMBLE else self.kinds["Program"]

    def _positions(self) -> list[str]:
        return [token for token in self.kinds["Position"] if self.position < int(value(token)) < self.meter.positions]

    def _durations(self) -> list[str]:
        room = self.meter.positions - self.position
        fitting = (token for token in self.kinds["Duration"] if token.endswith(f".{self.meter.resolution}"))
        return [token for token in fitting if duration_positions(token) <= room]

    def _pitches(self) -> list[str]:
        if self.chord >= MAX_CHORD:
            return []
        return [token for token in self.kinds["PitchDrum" if self.drums else "Pitch"] if int(value(token)) > self.pitch]


def longest(vocabulary: Iterable[str]) -> int:
    """Return how many bars a model with this vocabulary can count down from."""
    return max(int(value(token)) for token in vocabulary if kind(token) == "Bar")


def read(tokens: Iterable[str], tempo: float | None = None, transpose: int = 0) -> Piece:
    """Return the notes of a piece. Several pieces one after another make one long piece, in the meter and tempo of the first.

    Args:
        tokens: names, header included.
        tempo: beats a minute instead of the piece's own.
        transpose: semitones up; drums stay as they are.
    """
    reader = _Reader(tempo, transpose)
    for token in tokens:
        reader.take(token)
    return reader.piece()


class _Reader:
    """Where the reading of a piece stands."""

    def __init__(self, tempo: float | None, transpose: int):
        self.meter, self.tempo, self.asked, self.transpose = METERS["4/4"], 120.0, tempo, transpose
        self.bar, self.part, self.lead, self.program = -1, 0, 0, 0
        self.position, self.duration = 0, 1
        self.found: list[tuple[int, int, int, int, int]] = []  # start and duration in positions, pitch, velocity, program

    def take(self, token: str) -> None:
        says = value(token)
        match kind(token):
            case "TimeSig" if self.bar < 0:
                self.meter = METERS[says]
            case "Tempo" if self.bar < 0:
                self.tempo = float(says)
            case "Bar":
                self.bar, self.part = self.bar + 1, 0
            case "Program":
                self._take_program(int(says))
            case "Position":
                self.position = int(says)
            case "Duration":
                self.duration = duration_positions(token)
            case "Pitch":
                self._take_note(min(127, max(0, int(says) + self.transpose)), self.duration)
            case "PitchDrum":
                self._take_note(int(says), 1)
            case "EOS":
                self.part = -1

    def _take_program(self, program: int) -> None:
        self.program = DRUM_KIT if program < 0 else program
        if self.bar < 0 or self.part < 0:  # of a header, at the beginning or after the end of the piece before
            self.lead = self.program
        else:
            self.part += 1

    def _take_note(self, pitch: int, duration: int) -> None:
        start = self.bar * self.meter.positions + self.position
        duration = min(duration, self.meter.positions - self.position)  # a held duration may not fit later in the bar
        self.found.append((start, duration, pitch, self._velocity(), self.program))

    def _velocity(self) -> int:
        """The melody stands out, the first beat is strongest, then the beats."""
        melody = self.part == 1 and self.program == self.lead
        loudness = 100 if melody else 84 if self.program == DRUM_KIT else 80 if self.part > 2 else 68
        return loudness + (10 if self.position == 0 else 4 if self.position % self.meter.resolution == 0 else 0)

    def piece(self) -> Piece:
        tempo = self.asked or self.tempo
        second = 60.0 / tempo / self.meter.resolution
        notes = [Note(start * second, length * second, pitch, velocity, program) for start, length, pitch, velocity, program in self.found]
        notes.sort(key=lambda note: (note.start, note.program, note.pitch))
        return Piece(tuple(notes), tempo * self.meter.quarters, round(self.meter.beats * self.meter.quarters))
