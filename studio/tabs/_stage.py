"""The pieces drawn by hand: what stands on the stage in every state, facts, actions, strips, notes.

Each function returns HTML and escapes what it is given, unless an argument is called `inside` or `html`: that one is HTML
already. A button carries `data-act` (and `data-id`, `data-text`); clicked, it reaches Python as the `.click` of the
`drawn(...)` piece it is in, as `evt.act`, `evt.id`, `evt.text`. `data-sure` is a question asked first.
"""

import base64
import io
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from studio.tabs import _words as words
from studio.tabs._follow import Seen
from studio.types import Record

CLICKS = """element.addEventListener('click', event => {
  const button = event.target.closest('[data-act]');
  if (!button || !element.contains(button)) return;
  if (button.dataset.act === 'theme') { window.studioTheme(); return; }
  if (button.dataset.sure && !confirm(button.dataset.sure)) return;
  trigger('click', {...button.dataset});
});"""

Pair = tuple[str, Any]


def drawn(html: str = "", **how: Any) -> gr.HTML:
    """Return a piece of the page drawn by hand, without gradio's own styles for what is in it."""
    return gr.HTML(html, js_on_load=CLICKS, apply_default_css=False, **how)


def quoted(text: Any) -> str:
    return escape(str(text), quote=True)


def file_url(record: Record, format: str = "") -> str:
    """Return where a record's file is, relative to the page, so that it holds under a root path and behind a tunnel."""
    return f"v1/gallery/{quoted(record.id)}/file" + (f"?format={quoted(format)}" if format else "")


def preview_url(record: Record, kind: str, theme: str = "light") -> str:
    """Return where a small drawing of a record is: `thumbnail`, `waveform`, `spectrogram` or `roll`."""
    return f"v1/gallery/{quoted(record.id)}/preview?kind={quoted(kind)}&theme={quoted(theme)}"


def both_themes(record: Record, kind: str, alt: str) -> str:
    """Return a preview that is drawn once for each theme; the stylesheet shows the one that fits."""
    light, dark = preview_url(record, kind), preview_url(record, kind, "dark")
    return (
        f'<img class="on-light" src="{light}" alt="{quoted(alt)}" loading="lazy">'
        f'<img class="on-dark" src="{dark}" alt="{quoted(alt)}" loading="lazy">'
    )


def button(text: str, act: str, look: str = "soft", id: str = "", text_sent: str = "", sure: str = "", label: str = "") -> str:
    """Return a button; `look` is `do` (the main one), `soft`, `quiet`, `link` or `try`, `label` says more to screen readers."""
    extra = "".join(f' {name}="{quoted(value)}"' for name, value in (
        ("data-id", id), ("data-text", text_sent), ("data-sure", sure), ("aria-label", label)) if value)  # fmt: skip
    return f'<button type="button" class="{look}" data-act="{act}"{extra}>{escape(text)}</button>'


def bar(share: float, label: str) -> str:
    """Return a bar of which `share`, 0 to 1, is full."""
    percent = 100 * min(max(share, 0.0), 1.0)
    return (
        f'<i class="bar" role="progressbar" aria-label="{quoted(label)}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent:.0f}"><i style="width:{percent:.1f}%"></i></i>'
    )


# ---- the stage, state by state


def chips(prompts: Iterable[str]) -> str:
    """Return prompts to try, as buttons."""
    return "".join(button(prompt, "try", "try", text_sent=prompt) for prompt in prompts)


def empty(title: str, sentence: str, prompts: Sequence[str] = (), pictures: Sequence[str] = ()) -> str:
    """Return the stage before anything was made; `pictures` are addresses of up to three examples."""
    pile = f'<div class="pile">{"".join(f"""<img src="{quoted(one)}" alt="">""" for one in pictures[:3])}</div>' if pictures else ""
    tries = f'<div class="tries"><span>Try</span>{chips(prompts[:3])}</div>' if prompts else ""
    return f'<div class="card empty">{pile}<h2>{escape(title)}</h2><p>{escape(sentence)}</p>{tries}</div>'


def examples(tab: str) -> list[str]:
    """Return the addresses of the pictures that show what a tab makes, `examples/TAB-1.webp` and so on, which hold them."""
    files = sorted((Path(__file__).parent / "examples").glob(f"{tab}-*.webp"))
    return ["data:image/webp;base64," + base64.b64encode(file.read_bytes()).decode() for file in files]


def waiting(title: str, sentence: str, share: float | None = None) -> str:
    """Return the stage of a job on its way: a ring, or a bar where it is known how far it is."""
    ring, line = ('<i class="spin"></i>', "") if share is None else ("", bar(share, title))
    return f'<div class="card wait">{ring}<h2>{escape(title)}</h2>{line}<p>{escape(sentence)}</p></div>'


def message(title: str, sentence: str, buttons: str = "") -> str:
    """Return a quiet message on the stage, with buttons made by `button`."""
    row = f'<div class="do-row">{buttons}</div>' if buttons else ""
    return f'<div class="card"><h2>{escape(title)}</h2><p>{escape(sentence)}</p>{row}</div>'


def failed(title: str, why: str, buttons: str, detail: str = "") -> str:
    """Return the stage of a job that came to nothing: what, why, and what to do about it."""
    details = f"<details><summary>Technical details</summary><pre>{escape(detail)}</pre></details>" if detail else ""
    return (
        f'<div class="card failed" role="alert"><span class="tag">Not made</span><h2>{escape(title)}</h2>'
        f'<p>{escape(why)}</p><div class="do-row">{buttons}</div>{details}</div>'
    )


def data_url(preview: Any) -> str:
    """Return a picture, from PIL or as JPEG bytes, as an address that holds it."""
    if not isinstance(preview, (bytes, bytearray)):
        buffer = io.BytesIO()
        preview.convert("RGB").save(buffer, "JPEG", quality=80)
        preview = buffer.getvalue()
    return "data:image/jpeg;base64," + base64.b64encode(preview).decode()


def making(preview: Any, step: int, total: int) -> str:
    """Return the live preview in the box the result will have, with the progress on the stage's lower edge."""
    width, height = Image.open(io.BytesIO(preview)).size if isinstance(preview, (bytes, bytearray)) else preview.size
    return (
        f'<figure class="shot making"><img src="{data_url(preview)}" alt="Preview at step {step}" style="aspect-ratio:{width}/{height}">'
        f"{bar(step / total if total else 0, 'Progress')}</figure>"
    )


def picture(record: Record, alt: str = "") -> str:
    """Return a picture on its mat."""
    return f'<figure class="shot"><img src="{file_url(record)}" alt="{quoted(alt or record.prompt)}"{proportions(record)}></figure>'


def proportions(record: Record) -> str:
    """Return the attribute that keeps a picture's place in its own proportions; none where its size is not known."""
    found = re.fullmatch(r"(\d+)x(\d+)", str(record.facts.get("size", "")))
    return f' style="aspect-ratio:{found[1]}/{found[2]}"' if found else ""


def pictures(records: Sequence[Record]) -> str:
    """Return the pictures of one job: one fills the stage, several stand side by side and open when clicked."""
    if len(records) == 1:
        return picture(records[0])
    cells = "".join(
        f'<button type="button" data-act="open" data-id="{quoted(record.id)}" aria-label="Open picture {number} of {len(records)}">'
        f'<img src="{file_url(record)}" alt="{quoted(record.prompt)}"></button>'
        for number, record in enumerate(records, 1)
    )
    return f'<div class="shot many" style="--across:{2 if len(records) < 5 else 4}">{cells}</div>'


def thumbnail(record: Record) -> str:
    """Return what stands in a picture's place in a strip."""
    return f'<img src="{preview_url(record, "thumbnail")}" alt="{quoted(record.prompt)}" loading="lazy">'


# ---- a job's way


def progress_words(seen: Seen) -> list[Pair]:
    """Return how far a running job is, as (label, value)."""
    unit = seen.unit.capitalize()
    pairs: list[Pair] = [(unit, f"{seen.step:,} of {seen.total:,}" if seen.total else f"{seen.step:,}")]
    if seen.pace:
        pairs.append(("Speed", f"{seen.pace:.1f} {seen.unit}s/s"))
    if seen.left is not None:
        pairs.append(("Left", words.said_time(seen.left)))
    return pairs


def on_its_way(seen: Seen, model: str, noun: str) -> str:
    """Return the stage of a job that has not ended: waiting, downloading, loading or generating."""
    if seen.state == "queued":
        ahead = words.plural(seen.position, "job is", "jobs are") + " ahead of this one." if seen.position else "It starts in a moment."
        return waiting(words.place_in_queue(seen.position, seen.wait), ahead + " You can leave this page; the work goes on.")
    if seen.state == "downloading":
        return downloading(seen, model)
    if seen.state == "loading":
        share = seen.fraction if 0 < seen.fraction < 1 else None
        return waiting(f"Loading {model}", f"It stays in memory for the next {noun}.", share)
    if seen.preview is not None:
        return making(seen.preview, seen.step, seen.total)
    share = seen.step / seen.total if seen.total and seen.step else None
    return waiting(f"Making the {noun}", ", ".join(str(value) for _, value in progress_words(seen)[1:]) or "It has just begun.", share)


def downloading(seen: Seen, model: str) -> str:
    title, stay = f"Downloading {model}", "You can leave this page; the download goes on."
    transfer = seen.transfer
    if not transfer or not transfer.total:
        return waiting(title, stay)
    parts = [words.said_part(transfer.done, transfer.total)]
    if transfer.rate:
        parts.append(f"{words.said_size(transfer.rate)}/s")
    if seen.left is not None:
        parts.append(f"{words.said_time(seen.left)} left")
    return waiting(title, f"{', '.join(parts)}. {stay}", transfer.done / transfer.total)


def announced(seen: Seen, model: str, noun: str) -> str:
    """Return the one sentence a screen reader hears when a job changes its state."""
    return {
        "queued": f"{words.place_in_queue(seen.position, seen.wait)}.",
        "downloading": f"Downloading {model}.",
        "loading": f"Loading {model}.",
        "running": f"Making the {noun}.",
        "done": f"Done: the {noun} is ready.",
        "cancelled": "Stopped.",
        "interrupted": "Interrupted.",
        "failed": "",  # the failed card is an alert itself
    }[seen.state]


# ---- what it is, and what to do with it


def facts(title: str, pairs: Iterable[Pair], html: str = "") -> str:
    """Return a result's prompt and what is to be known of it; `html` stands below, such as `actions`."""
    rows = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(str(value))}</dd></div>" for label, value in pairs)
    said = f'<p class="said">{escape(title)}</p>' if title else ""
    return f'<div class="facts">{said}<dl>{rows}</dl>{html}</div>'


def download(record: Record, text: str, format: str = "", look: str = "soft") -> str:
    """Return a link that saves a record's file."""
    return f'<a class="{look}" href="{file_url(record, format)}" download>{escape(text)}</a>'


def actions(*parts: str) -> str:
    """Return a row of buttons and links under the facts."""
    return f'<div class="sends">{"".join(parts)}</div>'


def strip(records: Sequence[Record], inside: Sequence[str], chosen: str = "", title: str = "Latest", kind: str = "") -> str:
    """Return the latest results in a row, each a button that opens it; `inside` is the HTML in each."""
    if not records:
        return ""
    cells = "".join(
        f'<button type="button" class="thumb" data-act="open" data-id="{quoted(record.id)}" '
        f'title="{quoted(record.prompt[:200] or "Seed " + str(record.seed))}" '
        f'aria-pressed="{"true" if record.id == chosen else "false"}">{html}</button>'
        for record, html in zip(records, inside, strict=True)
    )
    return f'<h3 class="over">{escape(title)}</h3><div class="strip {kind}">{cells}</div>'


def note(*lines: str) -> str:
    """Return the grey note under a model menu; `lines` are HTML."""
    return f'<div class="world">{"".join(lines)}</div>'
