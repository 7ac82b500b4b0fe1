"""Numbers and names as a person says them: bytes, durations, ages, the settings of a record."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from pydantic.fields import FieldInfo

from studio.studio import ModelStatus, Studio
from studio.types import ModelSpec, Record

SAID = {
    "num_inference_steps": "Steps",
    "steps": "Steps",
    "guidance_scale": "Guidance",
    "negative_prompt": "Left out",
    "top_p": "Top-p",
    "top_k": "Top-k",
    "max_tokens": "Longest answer",
}


def said_size(count: float) -> str:
    """Return bytes as a person reads them: `50 MB`, `2.7 GB`."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB" if count < 1e11 else f"{count / 1e9:.0f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{max(count, 0) / 1e3:.0f} kB"


def said_count(count: int) -> str:
    """Return a great number as a person says it: `360 million`, `3.5 billion`."""
    return f"{count / 1e9:.2g} billion" if count >= 1e9 - 5e5 else f"{max(1, round(count / 1e6))} million"


def said_short(count: int) -> str:
    """Return the same as menus write it: `360M`, `3.5B`."""
    number, unit = said_count(count).split()
    return number + unit[0].upper()


def marks(spec: ModelSpec) -> list[str]:
    """Return what has to be known of a model before it is chosen."""
    return [*(["gated"] if spec.gated else []), *([] if spec.commercial else ["not for commercial use"])]


def said_part(done: float, total: float) -> str:
    """Return `1.4 of 2.7 GB`: both in the unit of the whole."""
    whole = said_size(total)
    scale = {"GB": 1e9, "MB": 1e6, "kB": 1e3}[whole[-2:]]
    return f"{done / scale:.{1 if scale == 1e9 else 0}f} of {whole}"


def said_time(seconds: float) -> str:
    """Return a duration: `0.9 s`, `39 s`, `2 min 5 s`, `1 h 20 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def said_ago(created: str, now: datetime | None = None) -> str:
    """Return how long ago an ISO 8601 moment was; what is older than a week is a date."""
    moment = datetime.fromisoformat(created.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for limit, unit, word in ((60, 0, "just now"), (3600, 60, "min"), (86400, 3600, "h"), (604800, 86400, "d")):
        if seconds < limit:
            return f"{seconds // unit:.0f} {word} ago" if unit else word
    return f"{moment:%d %b %Y}"


def moment(created: str) -> str:
    """Return an ISO 8601 moment as HTML which the page's script rewrites in the reader's own zone."""
    return f'<time datetime="{escape(created, quote=True)}">{escape(created[:16].replace("T", " "))} UTC</time>'


def plural(count: int, one: str, many: str = "") -> str:
    """Return `1 picture`, `3 pictures`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def place_in_queue(position: int, wait: float | None = None) -> str:
    """Return what a waiting job's heading says; `position` jobs run before it, for `wait` seconds by what such jobs took so far."""
    soon = f", about {said_time(wait)} to wait" if wait and wait >= 1 else ""
    if position < 1:
        return f"Next in the queue{soon}"
    names = ("Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth")
    return f"{names[position - 1] if position <= len(names) else f'Number {position + 1}'} in the queue{soon}"


def unknown_words(text: str, words: tuple[str, ...]) -> list[str]:
    """Return the words of `text` that are not among `words`, as written, each once; none where any word will do."""
    if not words:
        return []
    known = {word.lower() for word in words}
    found = dict.fromkeys(re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text))
    return [word for word in found if word.lower() not in known]


def said_value(value: Any) -> str:
    """Return a setting as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(said_value, value))
    return str(value)


def said_name(name: str) -> str:
    """Return an option's name as a label."""
    return SAID.get(name) or name.replace("_", " ").capitalize()


def title_of(studio: Studio, model: str) -> str:
    """Return a model's title; its id where the catalogue no longer has it."""
    return next((spec.name for spec in studio.registry.specs() if spec.id == model), model)


def standing(status: ModelStatus) -> str:
    """Return where a model is: in memory, on disk, or to download."""
    return "in memory" if status.loaded else "on disk" if status.on_disk else "to download"


def weight(status: ModelStatus) -> int:
    """Return the bytes that say most about a model's size: in memory, else on disk, else to download."""
    return status.memory_bytes or status.disk_bytes or status.spec.size_bytes or 0


def settings_of(record: Record, fields: Mapping[str, FieldInfo]) -> list[tuple[str, str]]:
    """Return the settings of a record worth reading, as (label, value): those that are not empty and not their engine's default."""
    options = {name: value for name, value in record.options.items() if value not in (None, "", [], ())}
    pairs = []
    if {"width", "height"} <= options.keys():
        pairs.append(("Size", f"{options.pop('width')} x {options.pop('height')}"))
    for name, value in options.items():
        field = fields.get(name)
        if field is None or value != field.get_default(call_default_factory=True):
            pairs.append(((field.title if field else None) or said_name(name), said_value(value)))
    return pairs
