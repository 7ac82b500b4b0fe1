"""Sound as it is shown: its waveform, spectrogram or notes on one mat, over a player that every browser has.

Each function returns HTML. The page's script moves the line of what was played and lets a click on the drawing go there.
"""

import math
from collections.abc import Sequence
from html import escape

from studio import pictures
from studio.errors import StudioError
from studio.studio import Studio
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.types import Record

TICKS = 9  # at most, under a drawing
FORMATS = (("WAV", "wav"), ("FLAC", "flac"), ("MP3", "mp3"))
PARTS = {"melody": "Melody", "chords": "Chords", "bass": "Bass", "drums": "Drums"}


def shown(studio: Studio, records: Sequence[Record]) -> str:
    """Return what stands on the stage for the sound of one job: notes where there are some, else waveform and spectrogram."""
    return "".join(show(studio, record) for record in records)


def show(studio: Studio, record: Record, spectrogram: bool = True) -> str:
    """Return one sound with its player."""
    try:
        length = pictures.sound(studio.file(record))
        drawing = roll(studio, record) if "mid" in record.files else waves(record, length, spectrogram)
    except StudioError as problem:
        return stage.message("This sound cannot be shown", str(problem))
    return f'<figure class="shot sound">{drawing}{player(record)}</figure>'


def player(record: Record) -> str:
    name = f"Player: {record.prompt[:80] or record.model}"
    return f'<audio controls preload="metadata" src="{stage.file_url(record)}" aria-label="{stage.quoted(name)}"></audio>'


def waves(record: Record, length: pictures.Sound, spectrogram: bool = True) -> str:
    """Return the waveform, and under it the spectrogram, on one axis of time."""
    said = f"Waveform, {words.said_time(length.seconds)}"
    tracks = f'<div class="wave" role="img" aria-label="{said}">{mask(record, "waveform")}</div>'
    if spectrogram:
        heat = stage.both_themes(record, "spectrogram", "Spectrogram")
        tracks += f'<div class="heat"><span class="y" aria-hidden="true"><i>{length.top / 1000:g} kHz</i><i>0</i></span>{heat}</div>'
    return timed(tracks, length.seconds)


def roll(studio: Studio, record: Record) -> str:
    """Return the notes of a piece as a piano roll, with what is to be known of them."""
    drawn = pictures.Roll(pictures.read_notes(studio.file(record, "mid")))
    names = "".join(f'<span style="top:{down:.1%}">{name}</span>' for name, down in drawn.octaves())
    said = f"Piano roll: {words.plural(len(drawn.piece.notes), 'note')} in {words.plural(drawn.bars, 'bar')}"
    picture = drawn.svg(attributes=f'role="img" aria-label="{said}"')
    tracks = f'<div class="roll"><span class="keys" aria-hidden="true">{names}</span>{picture}</div>'
    return timed(tracks, drawn.seconds) + legend(drawn)


def legend(roll: pictures.Roll) -> str:
    kinds = [kind for kind in PARTS if kind in roll.parts.values()]
    parts = "".join(f'<i class="{kind}"></i>{PARTS[kind]} ' for kind in kinds)
    counted = f"{words.plural(roll.bars, 'bar')}, {roll.piece.beats_per_bar} beats to the bar, {roll.piece.tempo:.0f} beats a minute"
    return f'<p class="legend">{parts}<span>{counted}</span></p>'


def timed(tracks: str, seconds: float) -> str:
    """Return drawings on one axis of time, with the line of what was played."""
    return f'<div class="tracks" data-seconds="{seconds:.3f}">{tracks}<i class="head"></i></div>{axis(seconds)}'


def axis(seconds: float) -> str:
    """Return the seconds under a drawing, at a step of 1, 2 or 5 times a power of ten."""
    seconds = max(seconds, 0.01)
    step = step_of(seconds)
    marks = (number * step for number in range(int(seconds / step) + 1))
    spans = "".join(f'<span style="left:{mark / seconds:.2%}">{mark:g} s</span>' for mark in marks)
    return f'<div class="axis" aria-hidden="true">{spans}</div>'


def step_of(seconds: float) -> float:
    power = 10.0 ** math.floor(math.log10(seconds / TICKS))
    return next(power * factor for factor in (1, 2, 5, 10) if seconds / (power * factor) <= TICKS)


def mask(record: Record, kind: str) -> str:
    """Return a waveform as a mask, so that the stylesheet colours what was played and what was not."""
    return f"""<i class="mask" style="mask-image:url('{stage.preview_url(record, kind)}')"></i>"""


def clip(studio: Studio, record: Record) -> str:
    """Return what stands for a sound in a strip: a small waveform, its words, length and age."""
    when = ", ".join(part for part in (length_said(studio, record), words.said_ago(record.created)) if part)
    said = escape(record.prompt[:120]) or escape(record.model)
    return f'{mask(record, "thumbnail")}<span class="cap">{said}</span><span class="when">{when}</span>'


def length_said(studio: Studio, record: Record) -> str:
    """Return how long a sound is, "" where its file is gone or damaged."""
    try:
        return words.said_time(pictures.sound(studio.file(record)).seconds)
    except StudioError:
        return ""


def facts(studio: Studio, record: Record) -> list[stage.Pair]:
    said = length_said(studio, record)
    return [("Length", said)] if said else []
