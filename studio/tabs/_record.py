"""A record as the Gallery shows it: a square of the grid, and opened with all that is known of it.

Knows what each medium looks like. Does not know how a thing was made: what it offers is the same for every task.
"""

from html import escape

from pydantic.fields import FieldInfo

from studio import media
from studio.errors import StudioError
from studio.studio import Studio
from studio.tabs import _send as send
from studio.tabs import _sound as sound
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.tabs._inputs import made_from
from studio.tabs._tasks import tab_of, title
from studio.types import Record

LETTERS = 20_000  # of a text that are shown; the file has all


def item(studio: Studio, record: Record, opened: bool) -> str:
    """Return one square of the grid with its words and its age."""
    about = f"{title(record.task)}, {words.said_ago(record.created)}"
    return (
        f'<button type="button" class="item {record.medium}" data-act="open" data-id="{stage.quoted(record.id)}" '
        f'aria-pressed="{"true" if opened else "false"}"><span class="face">{face(studio, record)}</span>'
        f'<span class="cap">{escape(said(record))}</span><span class="when">{about}</span></button>'
    )


def said(record: Record) -> str:
    return record.prompt[:200] or f"Seed {record.seed}"


def face(studio: Studio, record: Record) -> str:
    """Return what stands in the square: the picture, the waveform, the first lines of the text."""
    if record.medium == "text":
        return f"<blockquote>{escape(text_of(studio, record)[:220])}</blockquote>"
    if record.medium == "audio":
        return sound.mask(record, "thumbnail")
    film = f'<span class="tag film">{words.said_time(length)}</span>' if (length := record.facts.get("duration")) else ""
    return f'<img src="{stage.preview_url(record, "thumbnail")}" alt="" loading="lazy">{film if record.medium == "video" else ""}'


def text_of(studio: Studio, record: Record) -> str:
    try:
        return media.read_text(studio.file(record))
    except (StudioError, OSError, ValueError) as problem:
        return str(problem)


def large(studio: Studio, record: Record) -> str:
    """Return a result as it stands opened."""
    if record.medium == "text":
        text = text_of(studio, record)
        rest = f"<p>The first {LETTERS:,} letters. The file has all {len(text):,}.</p>" if len(text) > LETTERS else ""
        return f'<div class="shot words" tabindex="0"><div>{escape(text[:LETTERS])}</div>{rest}</div>'
    if record.medium == "audio":
        return sound.show(studio, record, spectrogram=False)
    if record.medium == "video":
        name = stage.quoted(said(record))
        return f'<figure class="shot"><video controls loop src="{stage.file_url(record)}" aria-label="{name}"></video></figure>'
    return stage.picture(record, said(record))


def detail(studio: Studio, record: Record) -> str:
    """Return the opened result: what it is, all that is known of it, what can be done with it."""
    close = stage.button("Close", "close", "close")
    return f'{close}<div class="stage">{large(studio, record)}</div>{known(studio, record)}'


def known(studio: Studio, record: Record) -> str:
    """Return the prompt, what can be done, and everything the record knows, as rows."""
    rows = [("Made", f"{words.moment(record.created)} ({words.said_ago(record.created)})")]
    rows += [(label, escape(str(value))) for label, value in pairs(studio, record)]
    if record.parents:
        rows.append(("Made from", ", ".join(parent(studio, name) for name in record.parents)))
    rows.append(("File", escape(record.path)))
    listed = "".join(f"<div><dt>{escape(label)}</dt><dd>{html}</dd></div>" for label, html in rows)
    above = stars(record) + buttons(studio, record) + made_from(studio, record, "")
    return f'<div class="facts"><p class="said">{escape(said(record))}</p>{above}<dl>{listed}</dl></div>'


def parent(studio: Studio, name: str) -> str:
    """Return a link to the result that another was made from."""
    try:
        found = studio.gallery.get(name)
    except StudioError:
        return "a result that was deleted"
    return stage.button(f"{title(found.task)}: {said(found)[:60]}", "open", "link", id=name)


def pairs(studio: Studio, record: Record) -> list[stage.Pair]:
    """Return (label, value) for what made a record and what came of it; what is empty is left out."""
    fields = fields_of(studio, record.model)
    first = [("Model", words.title_of(studio, record.model)), ("Seed", record.seed), ("Time taken", words.said_time(record.seconds))]
    length = sound.facts(studio, record) if record.medium == "audio" else []
    settings = [setting(name, value, fields.get(name)) for name, value in record.options.items() if value not in (None, "", [])]
    said_already = {*record.options, "seconds"}
    known = {name: value for name, value in record.facts.items() if name not in said_already and isinstance(value, (str, int, float))}
    facts = [(words.said_name(name), words.said_value(value)) for name, value in known.items()]
    revision = [("Revision", record.revision)] if record.revision else []
    return [*first, *length, *settings, *facts, *revision, ("Size of file", words.said_size(record.bytes))]


def setting(name: str, value: object, field: FieldInfo | None) -> stage.Pair:
    """Return an option as (label, value with its unit)."""
    extra = field.json_schema_extra if field and isinstance(field.json_schema_extra, dict) else {}
    return (field and field.title) or words.said_name(name), f"{words.said_value(value)} {extra.get('unit', '')}".strip()


def fields_of(studio: Studio, model: str) -> dict[str, FieldInfo]:
    """Return the fields of a model's options; none where the catalogue no longer has it."""
    try:
        return studio.registry.engine(model).Options.model_fields
    except StudioError:
        return {}


def stars(record: Record) -> str:
    """Return the rating as five buttons; the one that is set takes it away again."""
    made = "".join(star(record, number) for number in range(1, 6))
    return f'<div class="stars" role="group" aria-label="Rating">{made}</div>'


def star(record: Record, number: int) -> str:
    given, drawn = ("true", "★") if number <= record.rating else ("false", "☆")
    return (
        f'<button type="button" data-act="rate" data-id="{stage.quoted(record.id)}" data-text="{0 if number == record.rating else number}" '
        f'aria-label="{number} of 5" aria-pressed="{given}">{drawn}</button>'
    )


def buttons(studio: Studio, record: Record) -> str:
    formats = [*(sound.FORMATS if record.medium == "audio" else (("Download", ""),)), *([("MIDI", "mid")] if "mid" in record.files else [])]
    return stage.actions(
        stage.button("Make again", "again", "do", id=record.id),
        stage.button("Use these settings", "use", id=record.id) if tab_of(record.task) else "",
        *(stage.download(record, text, format) for text, format in formats),
        send.buttons(studio, record),
        stage.button("Delete", "delete", "quiet", id=record.id, sure="Delete this for good? Its file is removed as well."),
    )
