"""Composes short tunes by rules, all of them in C, major or minor: what the tunes starter learns from.

A tune has the form A A B A in phrases of four bars, counted from its end, with an introduction of accompaniment alone where bars are
left over. Verses repeat their first bars; an open phrase rests on the dominant, a closed one and the tune end on the tonic.
Does not know tokens: `tunes.py` writes scores down for a model.
"""

import random
from dataclasses import dataclass

from studio.engines._note_tokens import DRUM_KIT, METERS, Meter
from studio.starters.tunes_styles import CRASH, KICK, MOODS, RHYTHMS, STYLES, Style

PHRASE = 4
MAX_BARS = 16
TONIC, LEADING = 0, 11  # pitch classes
UNUSUAL = 0.12  # share of tunes with a lead or tempo foreign to their style, as somebody may ask for one
ANY_TEMPO = (50, 180)
ALL_LEADS = tuple(sorted({lead for style in STYLES.values() for lead in style.leads}))
SCALES = {"maj": (0, 2, 4, 5, 7, 9, 11), "min": (0, 2, 3, 5, 7, 8, 10)}
BLUES = {"maj": (0, 2, 3, 4, 7, 9), "min": (0, 3, 5, 6, 7, 10)}
CHORDS = {"maj": (0, 4, 7), "min": (0, 3, 7), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "min7": (0, 3, 7, 10)}
TRIADS = {"maj": ("maj", "min", "min", "maj", "maj", "min", "maj"), "min": ("min", "min", "maj", "min", "maj", "maj", "maj")}
SEVENTHS = {"maj": ("maj7", "min7", "min7", "maj7", "7", "min7", "7"), "min": ("min7", "min7", "maj7", "min7", "7", "maj7", "7")}
BLUE_SEVENTHS = {"maj": ("7",) * 7, "min": ("min7", "min7", "7", "min7", "7", "7", "7")}


@dataclass(frozen=True)
class Event:
    """Pitches of one part struck together: position and duration in the meter's positions."""

    position: int
    duration: int
    pitches: tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """What one instrument plays in one bar; program 128 is the drum kit."""

    program: int
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Chord:
    """A chord by its root (0 is C) and quality."""

    root: int
    quality: str

    @property
    def tones(self) -> tuple[int, ...]:
        return tuple((self.root + step) % 12 for step in CHORDS[self.quality])


@dataclass(frozen=True)
class Bar:
    chord: Chord
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Score:
    """A whole tune on the tonic C. `mode` is maj or min, `tempo` in beats a minute, `lead` the melody's program."""

    style: str
    mood: str
    mode: str
    meter: Meter
    tempo: int
    lead: int
    bars: tuple[Bar, ...]


def strokes(grid: str) -> list[tuple[int, int, str]]:
    """Read a pattern: (position, duration, symbol) of every note in it."""
    found = []
    for position, symbol in enumerate(grid):
        if symbol not in ".-":
            tail = grid[position + 1 :]
            found.append((position, 1 + len(tail) - len(tail.lstrip("-")), symbol))
    return found


def compose(rng: random.Random, style: str = "", mood: str = "", bars: int = 0) -> Score:
    """Compose a tune; what is not given is drawn."""
    style, mood = style or rng.choice(list(STYLES)), mood or rng.choice(list(MOODS))
    return _Composer(rng, style, mood).score(bars or rng.choice((16,) * 7 + tuple(range(1, 16))))


def form(bars: int) -> list[tuple[str, int]]:
    """Return the section (intro, verse, bridge, close, end) and the bar within its phrase, for every bar of a tune."""
    whole, rest = divmod(bars, PHRASE)
    if not whole:
        return [("end", bar) for bar in range(PHRASE - bars, PHRASE)]
    sections = {1: ("end",), 2: ("verse", "end"), 3: ("verse", "bridge", "end")}.get(whole, ("verse", "close", "bridge", "end"))
    return [("intro", bar) for bar in range(rest)] + [(section, bar) for section in sections for bar in range(PHRASE)]


class _Composer:
    """The choices of one tune."""

    def __init__(self, rng: random.Random, style_name: str, mood_name: str):
        self.rng, self.style_name, self.mood_name = rng, style_name, mood_name
        self.style, self.mood = STYLES[style_name], MOODS[mood_name]
        self.meter = METERS[self.style.meter]
        minor = self.style.minor if self.mood.minor is None else 0.75 * self.mood.minor + 0.25 * self.style.minor
        self.mode = "min" if rng.random() < minor else "maj"
        self.density = rng.choice(self.mood.densities)
        self.lead = rng.choice(ALL_LEADS if rng.random() < UNUSUAL else self.style.leads)
        one_player = self.lead in self.style.basses
        self.harmony = self.lead if one_player else rng.choice(self.style.harmonies)
        self.bass_program = self.lead if one_player else rng.choice(self.style.basses)
        self.kit = rng.choice(self.style.kit) if rng.random() < self.style.drums * self.mood.drums else {}
        self.comp, self.bass = rng.choice(self.style.comp), rng.choice(self.style.bass)
        self.bridge_comp = rng.choice(self.style.comp)

    def score(self, bars: int) -> Score:
        phrases = self._phrases()
        written = [self._bar(section, index, phrases, last=place == bars - 1) for place, (section, index) in enumerate(form(bars))]
        return Score(self.style_name, self.mood_name, self.mode, self.meter, self._tempo(), self.lead, tuple(written))

    def _tempo(self) -> int:
        low, high = ANY_TEMPO if self.rng.random() < UNUSUAL else self.style.tempo
        return 5 * round((low + (high - low) * self.rng.uniform(*self.mood.tempo)) / 5)

    def _phrases(self) -> dict[str, list[tuple[Chord, list[Event]]]]:
        """Draw the chords and melodies: the verse, the same closing on the tonic, and the bridge."""
        verse, bridge = self.rng.choice(self.style.verse), self.rng.choice(self.style.bridge)
        dominant = self.style.dominant if self.mode == "min" else {6: 4}.get(self.style.dominant, self.style.dominant)
        open_verse = self._melody([*verse, dominant], lift=0)
        close = open_verse[:2] + self._melody([*verse[:2], dominant, 0], lift=0, first=2)
        return {"verse": open_verse, "close": close, "end": close, "bridge": self._melody([*bridge, dominant], lift=4)}

    def _chord(self, degree: int) -> Chord:
        style = self.style.flavour
        if self.mode == "maj" and degree == 6:
            degree = 4
        if self.mode == "min" and degree == 1:
            degree = 3
        table = {"sevenths": SEVENTHS, "dominant": BLUE_SEVENTHS}.get(style, TRIADS)
        quality = table[self.mode][degree]
        if style == "sevenths of the dominant" and degree == 4:
            quality = "7"
        return Chord(SCALES[self.mode][degree], quality)

    def _scale(self, chord: Chord) -> set[int]:
        """Return the pitch classes of the melody over `chord`: in minor, the dominant's third replaces the seventh degree."""
        steps = BLUES[self.mode] if self.style.flavour == "dominant" else SCALES[self.mode]
        if self.style.flavour == "dominant":
            return set(steps)
        raised = self.mode == "min" and LEADING in chord.tones
        return {*steps, *chord.tones} - ({LEADING - 1} if raised else set())

    def _melody(self, degrees: list[int], lift: int, first: int = 0) -> list[tuple[Chord, list[Event]]]:
        """Write four bars on the rhythm a b a c, the last one resting on a tone of its chord; bars before `first` are left out."""
        rhythms = self.style.rhythms.get(self.density) or RHYTHMS[self.style.meter][self.density]
        one, two = self.rng.choice(rhythms), self.rng.choice(rhythms)
        contours = {grid: [self.rng.choice((-2, -1, -1, -1, 1, 1, 1, 2)) for _ in strokes(grid)] for grid in (one, two)}
        centre = 72 + self.mood.lift + lift
        current, bars = centre + self.rng.randint(-3, 3), []
        for index, degree in enumerate(degrees):
            chord = self._chord(degree)
            if index == PHRASE - 1:
                events = self._rest_on(chord, current, closed=degree == 0)
            else:
                grid = (one, two, one)[index]
                events, current = self._line(grid, contours[grid], chord, current, centre)
            bars.append((chord, events))
        return bars[first:]

    def _line(self, grid: str, contour: list[int], chord: Chord, current: int, centre: int) -> tuple[list[Event], int]:
        scale = self._scale(chord)
        ladder = [pitch for pitch in range(centre - 11, centre + 12) if pitch % 12 in scale]
        firm = [pitch for pitch in ladder if pitch % 12 in chord.tones]
        events = []
        for (position, duration, _), step in zip(strokes(grid), contour, strict=True):
            place = min(range(len(ladder)), key=lambda rung: abs(ladder[rung] - current))
            wanted = place + step if 0 <= place + step < len(ladder) else place - step
            current = ladder[wanted]
            if position % (2 * self.meter.resolution) == 0 or duration >= 2 * self.meter.resolution:
                current = min(firm, key=lambda pitch: (abs(pitch - current), pitch))
            events.append(Event(position, duration, (current,)))
        return events, current

    def _rest_on(self, chord: Chord, current: int, closed: bool) -> list[Event]:
        """Hold one long note: the tonic in a closed phrase, the nearest tone of the chord in an open one."""
        wanted = (TONIC,) if closed else chord.tones
        pitch = min((p for p in range(current - 9, current + 10) if p % 12 in wanted), key=lambda p: (abs(p - current), p))
        return [Event(0, self.meter.positions * 3 // 4, (pitch,))]

    def _bar(self, section: str, index: int, phrases: dict, last: bool) -> Bar:
        if section == "intro":
            chord, melody = self._chord(0), []
        else:
            chord, melody = phrases[section][index]
        comp = self.bridge_comp if section == "bridge" else self.comp
        parts = [(self.lead, self._held(melody, last)), *self._accompaniment(chord, comp, last)]
        return Bar(chord, tuple(Part(program, tuple(events)) for program, events in parts if events))

    def _held(self, melody: list[Event], last: bool) -> list[Event]:
        return [Event(0, self.meter.positions, event.pitches) for event in melody] if last else melody

    def _accompaniment(self, chord: Chord, comp: str, last: bool) -> list[tuple[int, list[Event]]]:
        if last:
            length = self.meter.positions
            comp, bass = "x" + "-" * (length - 1), "r" + "-" * (length - 1)
            kit = {KICK: "x", CRASH: "x"} if self.kit else {}
        else:
            bass, kit = self.bass, self.kit
        return [(self.harmony, self._comp(chord, comp)), (self.bass_program, self._bass(chord, bass)), (DRUM_KIT, _beat(kit))]

    def _comp(self, chord: Chord, grid: str) -> list[Event]:
        tones = voicing(chord, self.style)
        ladder = (*tones, tones[0] + 12)
        return [
            Event(position, duration, tones if symbol == "x" else (ladder[int(symbol) - 1],))
            for position, duration, symbol in strokes(grid)
        ]

    def _bass(self, chord: Chord, grid: str) -> list[Event]:
        root = 33 + (chord.root - 33) % 12
        third = CHORDS[chord.quality][1]
        steps = {"r": 0, "t": third, "f": 7, "o": 12}
        return [Event(position, duration, (root + steps[symbol],)) for position, duration, symbol in strokes(grid)]


def voicing(chord: Chord, style: Style) -> tuple[int, ...]:
    """Return a chord's pitches as the harmony part plays it: close around middle C, or root, fifth and octave on a loud guitar."""
    if style.flavour == "fifths":
        root = 40 + (chord.root - 40) % 12
        return (root, root + 7, root + 12)
    return tuple(sorted(53 + (tone - 53) % 12 for tone in chord.tones))


def _beat(kit: dict[int, str]) -> list[Event]:
    struck: dict[int, list[int]] = {}
    for drum, grid in kit.items():
        for position, _, _ in strokes(grid):
            struck.setdefault(position, []).append(drum)
    return [Event(position, 1, tuple(sorted(drums))) for position, drums in sorted(struck.items())]
