"""The twelve styles the composer knows: meters, tempos, instruments, harmony, and the rhythms of every part.

Patterns are grids with one character a position: `.` is silence, `-` holds the note before it. In `comp` an `x` is the whole chord
and a digit one of its tones from below; in `bass` r, t, f, o are root, third, fifth and octave; in `kit` an `x` is a stroke.
Chords are scale degrees counted from 0. Programs are General MIDI, counted from 0.
"""

from dataclasses import dataclass, field

KICK, RIM, SNARE, CLOSED_HAT, OPEN_HAT, CRASH, RIDE, TAMBOURINE, SHAKER = 36, 37, 38, 42, 46, 49, 51, 54, 70


@dataclass(frozen=True)
class Style:
    """What makes a piece sound like its style. `minor` and `drums` are probabilities; `flavour` names the chords' colour."""

    meter: str
    tempo: tuple[int, int]
    leads: tuple[int, ...]
    harmonies: tuple[int, ...]
    basses: tuple[int, ...]
    comp: tuple[str, ...]
    bass: tuple[str, ...]
    kit: tuple[dict[int, str], ...] = ()
    drums: float = 0.0
    minor: float = 0.4
    flavour: str = "triads"
    dominant: int = 4
    verse: tuple[tuple[int, int, int], ...] = ((0, 5, 3), (0, 3, 0), (0, 5, 1), (0, 0, 3))
    bridge: tuple[tuple[int, int, int], ...] = ((3, 0, 3), (5, 3, 1), (3, 3, 0))
    rhythms: dict[str, tuple[str, ...]] = field(default_factory=dict)


RHYTHMS = {
    "4/4": {
        "sparse": ("x-------x-------", "x-----------x---", "x-------x---x---"),
        "medium": ("x---x---x---x---", "x---x-x-x---x---", "x-----x-x-------", "x---x---x-x-x---"),
        "busy": ("x-x-x-x-x---x-x-", "x-x-x---x-x-x-x-", "x---x-x-x-x-x-x-", "x--xx---x-x-x-x-"),
    },
    "3/4": {
        "sparse": ("x-----------", "x-------x---", "x---x-------"),
        "medium": ("x---x---x---", "x-----x-x---", "x-------x-x-"),
        "busy": ("x-x-x-x-x-x-", "x---x-x-x-x-", "x-x-x---x-x-"),
    },
    "12/8": {
        "sparse": ("x-----x-----", "x--------x-x", "...x-----x--"),
        "medium": ("x-xx--x-xx--", "x--x-xx-----", "..xx-xx--x--"),
        "busy": ("x-xx-xx-xx-x", "x-xxxxx-xx--", "xxxx-xx-xx-x"),
    },
    "6/8": {
        "sparse": ("x--x--", "x-----", "x--x-x"),
        "medium": ("x-xx--", "x-xx-x", "xxxx--"),
        "busy": ("xxxxxx", "x-xxxx", "xxxx-x"),
    },
}

STYLES = {
    "waltz": Style(
        meter="3/4",
        tempo=(90, 170),
        leads=(0, 21, 40, 71, 73),
        harmonies=(0, 48),
        basses=(32, 43),
        comp=("....x---x---", "....x--.x--."),
        bass=("r-----------", "r---........"),
    ),
    "march": Style(
        meter="4/4",
        tempo=(100, 130),
        leads=(56, 61, 71, 72),
        harmonies=(60, 61),
        basses=(58,),
        comp=("....x-......x-..", "....x-..x-..x-.."),
        bass=("r---....f---....", "r---..r-f---..f-"),
        kit=({KICK: "x.......x.......", SNARE: "....x.......x.xx"}, {KICK: "x.......x.......", SNARE: "....x.xx....x..."}),
        drums=0.95,
        minor=0.15,
        rhythms={"busy": ("x---x--xx---x--x", "x--xx---x--xx---", "x---x-x-x---x-x-")},
    ),
    "blues": Style(
        meter="12/8",
        tempo=(60, 120),
        leads=(22, 26, 65, 0),
        harmonies=(0, 16),
        basses=(32, 33),
        comp=("..x...x....x", "x-....x-....", "..x--x..x--x"),
        bass=("r--t--f--t--", "r--f--o--f--", "r-rf-fr-rf-f"),
        kit=({RIDE: "x..x.xx..x.x", SNARE: "...x.....x..", KICK: "x.....x....."}, {CLOSED_HAT: "x.xx.xx.xx.x", SNARE: "...x.....x.."}),
        drums=0.8,
        minor=0.25,
        flavour="dominant",
        verse=((0, 3, 0), (0, 0, 0), (0, 3, 3)),
        bridge=((3, 3, 0), (3, 0, 3)),
    ),
    "lullaby": Style(
        meter="3/4",
        tempo=(60, 90),
        leads=(8, 10, 73, 75),
        harmonies=(46, 0),
        basses=(42, 48),
        comp=("1---2---3---", "1-2-3-4-3-2-", "1---3---2---"),
        bass=("r-----------",),
        minor=0.25,
        verse=((0, 3, 0), (0, 5, 3), (0, 1, 0)),
        rhythms={"busy": ("x-----x-x---", "x---x---x-x-"), "medium": ("x-------x---", "x-----x-x---", "x---x---x---")},
    ),
    "bossa": Style(
        meter="4/4",
        tempo=(100, 140),
        leads=(66, 73, 11, 24),
        harmonies=(24, 4),
        basses=(32,),
        comp=("x-....x-....x-..", "x-..x-....x-..x-", "..x-..x-....x-.."),
        bass=("r-----f-f-----r-", "r-----r-f-----f-"),
        kit=({RIM: "x.....x.....x...", CLOSED_HAT: "x.x.x.x.x.x.x.x."}, {RIM: "x.....x...x.....", SHAKER: "x.x.x.x.x.x.x.x."}),
        drums=0.85,
        minor=0.4,
        flavour="sevenths",
        verse=((0, 0, 1), (0, 5, 1), (1, 4, 0)),
        bridge=((3, 3, 2), (3, 1, 2)),
        rhythms={
            "medium": ("..x---x-..x---x-", "x-----x-----x---", "x---..x---..x---"),
            "busy": ("x-x---x-x---x-x-", "..x-x-x---x-x---", "x--x--x-x--x--x-"),
        },
    ),
    "baroque": Style(
        meter="4/4",
        tempo=(70, 116),
        leads=(6, 40, 68, 74),
        harmonies=(6, 48),
        basses=(42,),
        comp=("1-2-3-2-1-2-3-2-", "1-3-2-3-1-3-2-3-", "x---....x---...."),
        bass=("r---t---f---t---", "r---o---f---t---", "r-o-t-o-f-o-t-o-"),
        minor=0.5,
        verse=((0, 3, 6), (0, 5, 1), (0, 4, 5), (0, 2, 3)),
        bridge=((5, 1, 4), (2, 5, 1), (3, 6, 2)),
        rhythms={
            "medium": ("x---x-x-x---x-x-", "x-x-x-x-x---x---", "x-----x-x-x-x---"),
            "busy": ("x-x-xxx-x-x-xxx-", "x-x-x-x-x-x-x-x-", "x---xxx-x---xxx-"),
        },
    ),
    "chiptune": Style(
        meter="4/4",
        tempo=(120, 170),
        leads=(80,),
        harmonies=(80, 81),
        basses=(38, 39),
        comp=("1-2-3-2-1-2-3-2-", "1-2-3-4-1-2-3-4-", "..3-..3-..3-..3-"),
        bass=("r-o-r-o-r-o-r-o-", "r-r-..r-r-..r-o-"),
        kit=({KICK: "x.......x.......", SNARE: "....x.......x..."}, {KICK: "x...x...x...x...", CLOSED_HAT: "..x...x...x...x."}),
        drums=0.9,
        minor=0.5,
        verse=((0, 5, 3), (0, 6, 5), (0, 3, 4)),
        bridge=((5, 3, 0), (3, 4, 5)),
    ),
    "ragtime": Style(
        meter="4/4",
        tempo=(90, 130),
        leads=(3, 0),
        harmonies=(3, 0),
        basses=(3, 0),
        comp=("....x-......x-..",),
        bass=("r-......f-......", "r-......o-......"),
        minor=0.1,
        flavour="sevenths of the dominant",
        verse=((0, 3, 0), (0, 5, 1), (0, 0, 3)),
        bridge=((2, 5, 1), (3, 0, 5)),
        rhythms={
            "sparse": ("x--x--x-x-------", "x-----x-x--x----"),
            "medium": ("x-x--x-xx---x---", "..x-x--xx-x-x---", "x--x--x-x---x-x-"),
            "busy": ("x-x-x--xx-x-x--x", "..x-xx-xx--x--x-", "x-xx-x-xx-x-x-x-"),
        },
    ),
    "techno": Style(
        meter="4/4",
        tempo=(120, 145),
        leads=(81, 80, 87),
        harmonies=(90, 89),
        basses=(38,),
        comp=("x---------------", "x-----x-....x---", "..x-..x-..x-..x-"),
        bass=("..r-..r-..r-..r-", "r-..r-r-..r-r-..", "r-r-o-r-r-r-o-r-"),
        kit=(
            {KICK: "x...x...x...x...", OPEN_HAT: "..x...x...x...x."},
            {KICK: "x...x...x...x...", SNARE: "....x.......x...", CLOSED_HAT: "..x...x...x...x."},
        ),
        drums=1.0,
        minor=0.85,
        dominant=6,
        verse=((0, 5, 6), (0, 0, 5), (0, 3, 5)),
        bridge=((5, 6, 0), (3, 5, 6)),
        rhythms={
            "medium": ("x--x--x-........", "..x-..x-x-..x-..", "x-----x--x------"),
            "busy": ("x--x--x-x--x--x-", "x-x-..x-x-x-..x-", "..x-x-..x-x-x-x-"),
        },
    ),
    "folk": Style(
        meter="6/8",
        tempo=(80, 125),
        leads=(40, 21, 78, 110),
        harmonies=(25, 24),
        basses=(32, 43),
        comp=("..x..x", "x-xx-x", "x--x--"),
        bass=("r--f--", "r--r--", "r-----"),
        kit=({TAMBOURINE: "x..x.."}, {KICK: "x.....", TAMBOURINE: "...x.x"}),
        drums=0.5,
        minor=0.4,
        dominant=4,
        verse=((0, 3, 0), (0, 6, 0), (0, 4, 3)),
        bridge=((3, 0, 4), (5, 3, 0)),
    ),
    "ambient": Style(
        meter="4/4",
        tempo=(56, 84),
        leads=(11, 98, 73, 88),
        harmonies=(88, 89, 91),
        basses=(38, 43),
        comp=("x---------------", "1---2---3---4---"),
        bass=("r---------------",),
        minor=0.5,
        flavour="sevenths",
        dominant=3,
        verse=((0, 5, 3), (0, 2, 5), (0, 3, 1)),
        bridge=((3, 5, 0), (5, 1, 3)),
        rhythms={
            "sparse": ("x---------------", "........x-------", "x-----------x---"),
            "medium": ("x-------x-------", "....x-------x---", "x-----------x---"),
            "busy": ("x---x---x-------", "x-------x---x---", "....x---x---x---"),
        },
    ),
    "rock": Style(
        meter="4/4",
        tempo=(100, 150),
        leads=(30, 29, 16, 18),
        harmonies=(30, 29),
        basses=(33, 34),
        comp=("x-x-x-x-x-x-x-x-", "x---..x-x---..x-", "x-------x---x---"),
        bass=("r-r-r-r-r-r-r-r-", "r---..r-r---f---"),
        kit=(
            {KICK: "x.....x.x.......", SNARE: "....x.......x...", CLOSED_HAT: "x.x.x.x.x.x.x.x."},
            {KICK: "x.......x.x.....", SNARE: "....x.......x..."},
        ),
        drums=1.0,
        minor=0.5,
        flavour="fifths",
        dominant=6,
        verse=((0, 3, 4), (0, 5, 6), (0, 6, 3)),
        bridge=((5, 3, 0), (3, 5, 6)),
    ),
}


@dataclass(frozen=True)
class Mood:
    """How a mood bends a style: its densities, where in the tempo range it lies, how likely minor, how far the melody moves (semitones)."""

    densities: tuple[str, ...]
    tempo: tuple[float, float]
    minor: float | None
    lift: int
    drums: float = 1.0


MOODS = {
    "calm": Mood(("sparse", "medium"), (0.0, 0.4), None, 0, 0.6),
    "happy": Mood(("medium", "busy"), (0.35, 0.9), 0.08, 3),
    "sad": Mood(("sparse", "medium"), (0.0, 0.35), 0.92, -3, 0.7),
    "lively": Mood(("busy",), (0.65, 1.0), None, 2),
    "mysterious": Mood(("sparse", "medium"), (0.1, 0.6), 0.92, -7),
}
