"""Pictures of what was made: small ones of pictures and videos, and drawings of sound and notes.

Each is drawn at its first use and kept in `thumbnails/` under the data folder; the folder may be emptied at any time.
Knows numpy, Pillow and how to read sound and video files. Does not know the page, the database or any model.
"""

import io
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from studio.errors import BadRequest, NotFound
from studio.notes import DRUM_KIT, from_midi
from studio.types import Note, Piece, Record

FOLDER = "thumbnails"
THEMES = ("light", "dark")
SIDE = 384  # px, the longer side of a thumbnail
FRAMES = 9  # of a strip
TOP_HERTZ = 8000  # where a spectrogram ends; speech has little above

_WAVE = {"light": "#838C86", "dark": "#77817B"}
_HEAT = {  # silence, half, full
    "light": ((238, 240, 237), (92, 190, 168), (4, 50, 41)),
    "dark": ((11, 13, 12), (18, 96, 80), (214, 250, 240)),
}
_ROLL = {
    "light": ".paper{fill:#fff}.black{fill:#eef0ed}line{stroke:#dfe3de}.four{stroke:#a3aca6}"
    ".melody{fill:#0c6b58}.chords{fill:#838c86}.bass{fill:#3a433e}.drums{fill:#59625c}",
    "dark": ".paper{fill:#191d1b}.black{fill:#0b0d0c}line{stroke:#2c322f}.four{stroke:#4a534e}"
    ".melody{fill:#5cc9ae}.chords{fill:#77817b}.bass{fill:#dfe3de}.drums{fill:#a3aca6}",
}


def preview(folder: Path, record: Record, kind: str, theme: str = "light") -> Path:
    """Return the PNG or SVG file that shows a record, drawn now if it is not there yet.

    Args:
        folder: the data folder.
        kind: `thumbnail` of a picture, video or sound, `strip` of frames of a video, `waveform` or `spectrogram` of a sound,
            `roll` of a piece of music that has a MIDI file.
        theme: `light` or `dark`, the colouring of what is drawn.

    Raises:
        NotFound: the record has no such picture, or its file is gone or damaged.
    """
    if theme not in THEMES:
        raise BadRequest(f"theme is {theme[:20]!r}: it is light or dark.", param="theme")
    if (record.medium, kind) not in _KINDS or kind == "roll" and "mid" not in record.files:
        fitting = [name for medium, name in _KINDS if medium == record.medium and (name != "roll" or "mid" in record.files)]
        raise NotFound(f"There is no {kind[:20]!r} of this: {record.medium} has {', '.join(fitting) or 'no pictures'}.", param="kind")
    suffix, draw = _KINDS[record.medium, kind]
    kept = folder / FOLDER / f"{record.id}-{kind}-{theme}.{suffix}"
    if not kept.exists():
        source = folder / (record.files["mid"] if kind == "roll" else record.path)
        with reading(source):
            drawn = draw(source, theme)
        _write(kept, drawn)
    return kept


def small(folder: Path, source: Path, name: str) -> Path:
    """Return a small PNG file of any picture, kept as `name`. Raises NotFound when it is gone or damaged."""
    kept = folder / FOLDER / f"{name}.png"
    if not kept.exists():
        with reading(source):
            drawn = _small_picture(source, "light")
        _write(kept, drawn)
    return kept


@contextmanager
def reading(source: Path) -> Iterator[None]:
    """Say in one sentence that a file is gone or damaged, whatever the library that reads it makes of that. Raises NotFound."""
    if not source.exists():
        raise NotFound(f"The file {source.name} is gone from the data folder, so it cannot be shown.")
    try:
        yield
    except (OSError, ValueError, EOFError, LookupError, RuntimeError, SyntaxError, Image.DecompressionBombError) as damage:
        raise NotFound(f"The file {source.name} is damaged and cannot be shown ({damage or type(damage).__name__}).") from damage


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


# Pictures and videos.


def _small_picture(source: Path, theme: str) -> bytes:
    with Image.open(source) as picture:
        picture.draft("RGB", (SIDE, SIDE))
        small = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return _png(small)


def _first_frame(source: Path, theme: str) -> bytes:
    (frame,) = _frames(source, 1)
    frame.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return _png(frame)


def _strip(source: Path, theme: str) -> bytes:
    frames = list(_frames(source, FRAMES))
    width, height = 192, 192 * frames[0].height // frames[0].width
    sheet = Image.new("RGB", (width * len(frames), height))
    for number, frame in enumerate(frames):
        sheet.paste(frame.resize((width, height), Image.Resampling.LANCZOS), (width * number, 0))
    return _png(sheet)


def _frames(source: Path, count: int) -> Iterator[Image.Image]:
    """Yield up to `count` frames, evenly spread from the first to the last."""
    import av

    with av.open(str(source)) as video:
        total = video.streams.video[0].frames or sum(1 for _ in video.decode(video=0))
        wanted = {round(place) for place in np.linspace(0, total - 1, min(count, total))} if count > 1 else {0}
        video.seek(0)
        for number, frame in enumerate(video.decode(video=0)):
            if number in wanted:
                yield frame.to_image()
            if number >= max(wanted):
                return


# Sound.


class Sound(NamedTuple):
    """Length in seconds and sampling rate in hertz of a sound file."""

    seconds: float
    rate: int

    @property
    def top(self) -> float:
        """The highest frequency of its spectrogram, in hertz."""
        return min(self.rate / 2, TOP_HERTZ)


def sound(source: Path) -> Sound:
    """Return what a sound file's header says. Raises NotFound when it is gone or damaged."""
    import soundfile

    with reading(source):
        header = soundfile.info(str(source))
    return Sound(header.frames / header.samplerate, header.samplerate)


def peaks(source: Path, count: int) -> np.ndarray:
    """Return the loudest sample of each of `count` equal parts of a sound, float (count,), scaled so that the loudest is 1.

    What is quieter than -40 dB throughout stays as quiet as it is: silence is drawn as silence.
    """
    import soundfile

    with soundfile.SoundFile(str(source)) as file:
        ends = np.linspace(0, file.frames, count + 1).astype(int)
        parts = (file.read(max(1, end - start), dtype="float32", always_2d=True) for start, end in zip(ends, ends[1:], strict=False))
        loud = np.array([np.abs(part).max(initial=0.0) for part in parts])
    return loud / max(loud.max(), 0.01)


def _bars(source: Path, theme: str, count: int) -> bytes:
    heights = 38 * peaks(source, count).clip(0.03, 1)
    bars = "".join(f'<rect x="{3 * n}" y="{20 - h / 2:.1f}" width="2" height="{h:.1f}" rx="1"/>' for n, h in enumerate(heights))
    return _svg(3 * count - 1, 40, f'<g fill="{_WAVE[theme]}">{bars}</g>').encode()


def _small_wave(source: Path, theme: str) -> bytes:
    return _bars(source, theme, 56)


def _wave(source: Path, theme: str) -> bytes:
    return _bars(source, theme, 200)


def levels(source: Path, columns: int = 1200, window: float = 0.05, depth: float = 75.0) -> np.ndarray:
    """Return a spectrogram, float (rows, columns) in 0-1: row 0 is 0 Hz, the last one `Sound.top`; 1 is the loudest, 0 is `depth` dB less.

    Args:
        columns: how many moments, at most; a short sound has one every 5 ms.
        window: seconds each moment looks at, by a Hann window.
    """
    import soundfile

    with soundfile.SoundFile(str(source)) as file:
        rate, width = file.samplerate, int(file.samplerate * window)
        columns = max(2, min(columns, int(file.frames / rate / 0.005)))
        moments = []
        for middle in np.linspace(0, file.frames, columns).astype(int):
            start = max(0, middle - width // 2)
            file.seek(min(start, file.frames))
            moments.append(_fitted(file.read(width, dtype="float32", always_2d=True), width))
    rows = int(width * min(rate / 2, TOP_HERTZ) / rate) + 1
    power = 20 * np.log10(np.abs(np.fft.rfft(np.array(moments) * np.hanning(width))).T[:rows] + 1e-5)
    return ((power - max(power.max(), -30) + depth) / depth).clip(0, 1)


def _fitted(samples: np.ndarray, width: int) -> np.ndarray:
    mono = samples.mean(axis=1) if len(samples) else np.zeros(0, np.float32)
    return np.pad(mono, (0, width - len(mono)))


def _spectrogram(source: Path, theme: str) -> bytes:
    level = levels(source)[::-1, :, None] ** 1.3
    paper, middle, ink = (np.array(colour, float) for colour in _HEAT[theme])
    colours = np.where(level < 0.5, paper + (middle - paper) * level * 2, middle + (ink - middle) * (level - 0.5) * 2)
    return _png(Image.fromarray(colours.astype(np.uint8)).resize((1200, 300), Image.Resampling.BICUBIC))


# Notes.


def read_notes(source: Path) -> Piece:
    """Return the notes of a MIDI file. Raises NotFound when it is gone or damaged."""
    with reading(source):
        return from_midi(source.read_bytes())


def parts(piece: Piece) -> dict[int, str]:
    """Return what each program of a piece plays: `melody` the highest, `bass` the lowest, `chords` the rest, and `drums`.

    A program with fewer than one note in twelve is an ornament: it is neither melody nor bass, however high or low it lies.
    """
    pitches = defaultdict(list)
    for note in piece.notes:
        pitches[note.program].append(note.pitch)
    names = {program: "drums" if program == DRUM_KIT else "chords" for program in pitches}
    pitches.pop(DRUM_KIT, None)
    enough = sum(map(len, pitches.values())) / 12
    order = sorted((program for program in pitches if len(pitches[program]) >= enough), key=lambda program: np.mean(pitches[program]))
    if order and np.mean(pitches[order[0]]) < 55:
        names[order[0]] = "bass"
    return names | ({order[-1]: "melody"} if order else {})


class Roll:
    """A piano roll: time to the right in seconds, one row per semitone, and two rows for the drums at the bottom."""

    def __init__(self, piece: Piece):
        self.piece, self.parts = piece, parts(piece)
        pitches = [note.pitch for note in piece.notes if note.program != DRUM_KIT] or [60]
        self.low, self.high = min(pitches) - 2, max(pitches) + 2
        self.rows = self.high - self.low + 1 + (2 if DRUM_KIT in self.parts else 0)
        self.bar = 60 / piece.tempo * piece.beats_per_bar
        self.seconds = max((note.start + note.duration for note in piece.notes), default=self.bar)
        self.bars = max(1, round(self.seconds / self.bar + 0.49))

    def octaves(self) -> list[tuple[str, float]]:
        """Return the name of each C and how far down the roll it stands, 0 to 1."""
        octaves = (pitch for pitch in range(self.low, self.high + 1) if pitch % 12 == 0)
        return [(f"C{pitch // 12 - 1}", (self.high - pitch + 0.5) / self.rows) for pitch in octaves]

    def svg(self, style: str = "", attributes: str = "") -> str:
        """Return the drawing. Without a style its classes are coloured by the page: paper, black, four, melody, chords, bass, drums."""
        black = "".join(
            f'<rect class="black" y="{self.high - pitch}" width="{self.seconds:.2f}" height="1"/>'
            for pitch in range(self.low, self.high + 1)
            if pitch % 12 in (1, 3, 6, 8, 10)
        )
        lines = "".join(
            f'<line class="{"bar" if number % 4 else "four"}" x1="{number * self.bar:.3f}" x2="{number * self.bar:.3f}" y2="{self.rows}"/>'
            for number in range(1, self.bars)
        )
        paper = f'<rect class="paper" width="{self.seconds:.2f}" height="{self.rows}"/>'
        notes = "".join(map(self._note, self.piece.notes))
        return _svg(f"{self.seconds:.2f}", self.rows, f"{style and f'<style>{style}</style>'}{paper}{black}{lines}{notes}", attributes)

    def _note(self, note: Note) -> str:
        y, height = self.high - note.pitch + 0.08, 0.84
        if note.program == DRUM_KIT:
            y, height = self.rows - (0.9 if note.pitch < 38 else 1.9), 0.8
        width = max(0.04, min(note.duration, 0.08) if note.program == DRUM_KIT else note.duration - 0.02)
        return f'<rect class="{self.parts[note.program]}" x="{note.start:.3f}" y="{y:.2f}" width="{width:.3f}" height="{height}"/>'


def _roll(source: Path, theme: str) -> bytes:
    style = f"{_ROLL[theme]}line{{stroke-width:1px;vector-effect:non-scaling-stroke}}"
    return Roll(read_notes(source)).svg(style).encode()


def _svg(width: float | str, height: float, content: str, attributes: str = "") -> str:
    shape = f'viewBox="0 0 {width} {height}" preserveAspectRatio="none"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {shape}{attributes and " " + attributes}>{content}</svg>'


_KINDS: dict[tuple[str, str], tuple[str, Callable[[Path, str], bytes]]] = {
    ("image", "thumbnail"): ("png", _small_picture),
    ("video", "thumbnail"): ("png", _first_frame),
    ("video", "strip"): ("png", _strip),
    ("audio", "thumbnail"): ("svg", _small_wave),
    ("audio", "waveform"): ("svg", _wave),
    ("audio", "spectrogram"): ("png", _spectrogram),
    ("audio", "roll"): ("svg", _roll),
}
