"""The Gallery tab: everything ever made, and what was not finished.

Knows records and jobs. Does not know how a thing was made: what it offers is the same for every task.
"""

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from studio import media, pictures
from studio.errors import NotFound, StudioError
from studio.studio import Studio
from studio.tabs import Page, call, user_of
from studio.tabs import _sound as sound
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.tabs._tasks import TASKS, tab_of, title
from studio.types import Job, Record, Request

TITLE = "Gallery"
PLACE = 60
STEP = 24  # results on the first page, and more at each "Show more"
LEFT = 5  # unfinished jobs that are listed; the others are folded
RATINGS = [("Any rating", 0), *((f"{'★' * stars} or more" if stars < 5 else "★★★★★", stars) for stars in range(1, 6))]
LETTERS = 20_000  # of a text that are shown; the file has all
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class Wanted:
    """What the grid shows: the filters, how many, and which one is open."""

    query: str = ""
    task: str = ""
    model: str = ""
    rating: int = 0
    count: int = STEP
    opened: str = ""

    @property
    def narrowed(self) -> bool:
        return bool(self.query.strip() or self.task or self.model or self.rating)


# ---- what it looks like


def grid(studio: Studio, user: str, wanted: Wanted) -> tuple[str, bool]:
    """Return the grid, and whether there is more to show."""
    found = studio.gallery.list(
        wanted.query, wanted.task or None, wanted.model or None, limit=wanted.count + 1, user=user, rating=wanted.rating or None
    )
    if not found:
        return nothing(wanted), False
    items = "".join(item(studio, record, record.id == wanted.opened) for record in found[: wanted.count])
    return f'<div class="grid">{items}</div>', len(found) > wanted.count


def nothing(wanted: Wanted) -> str:
    if not wanted.narrowed:
        return stage.message("Nothing here yet", "Whatever you make on the other tabs is kept here, with everything that is needed to make it again.")
    what = f"Nothing matches “{wanted.query.strip()}”" if wanted.query.strip() else "Nothing matches"
    return stage.message(what, "The search looks in prompts, models and tags, with every filter that is set.", stage.button("Show everything", "clear"))


def item(studio: Studio, record: Record, opened: bool) -> str:
    """Return one square of the grid with its words and its age."""
    return (
        f'<button type="button" class="item {record.medium}" data-act="open" data-id="{stage.quoted(record.id)}" '
        f'aria-pressed="{"true" if opened else "false"}"><span class="face">{face(studio, record)}</span>'
        f'<span class="cap">{escape(said(record))}</span><span class="when">{title(record.task)}, {words.said_ago(record.created)}</span></button>'
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
        return f'<figure class="shot"><video controls loop src="{stage.file_url(record)}" aria-label="{stage.quoted(said(record))}"></video></figure>'
    return stage.picture(record, said(record))


def detail(studio: Studio, record: Record) -> str:
    """Return the opened result: what it is, all that is known of it, what can be done with it."""
    close = stage.button("Close", "close", "close")
    return f'{close}<div class="stage">{large(studio, record)}</div>{known(studio, record)}'


def known(studio: Studio, record: Record) -> str:
    """Return the prompt and everything the record knows, as rows."""
    rows = [("Made", f"{words.moment(record.created)} ({words.said_ago(record.created)})")]
    rows += [(label, escape(str(value))) for label, value in pairs(studio, record)]
    if record.parents:
        links = ", ".join(stage.button(f"Result {number}", "open", "link", id=parent) for number, parent in enumerate(record.parents, 1))
        rows.append(("Made from", links))
    listed = "".join(f"<div><dt>{escape(label)}</dt><dd>{html}</dd></div>" for label, html in rows)
    return f'<div class="facts"><p class="said">{escape(said(record))}</p><dl>{listed}</dl>{stars(record)}{buttons(record)}</div>'


def pairs(studio: Studio, record: Record) -> list[stage.Pair]:
    known = [("Model", words.title_of(studio, record.model)), ("Seed", record.seed), ("Time taken", words.said_time(record.seconds))]
    known += [(words.said_name(name), words.said_value(value)) for name, value in record.options.items() if value not in (None, "", [])]
    if record.medium in ("audio",) and (length := sound.length_said(studio, record)):
        known.append(("Length", length))
    known += [(words.said_name(name), words.said_value(value)) for name, value in record.facts.items() if isinstance(value, (str, int, float))]
    revision = [("Revision", record.revision)] if record.revision else []
    return [*known, *revision, ("Size of file", words.said_size(record.bytes)), ("File", record.path)]


def stars(record: Record) -> str:
    """Return the rating as five buttons; the one that is set takes it away again."""
    made = "".join(
        f'<button type="button" data-act="rate" data-id="{stage.quoted(record.id)}" data-text="{0 if number == record.rating else number}" '
        f'aria-label="{number} of 5" aria-pressed="{"true" if number <= record.rating else "false"}">{"★" if number <= record.rating else "☆"}</button>'
        for number in range(1, 6)
    )
    return f'<div class="stars" role="group" aria-label="Rating">{made}</div>'


def buttons(record: Record) -> str:
    formats = [*(sound.FORMATS if record.medium == "audio" else (("Download", ""),)), *([("MIDI", "mid")] if "mid" in record.files else [])]
    return stage.actions(
        stage.button("Make again", "again", "do", id=record.id),
        stage.button("Use these settings", "use", id=record.id) if tab_of(record.task) else "",
        *(stage.download(record, text, format) for text, format in formats),
        stage.button("Delete", "delete", "quiet", id=record.id, sure="Delete this for good? Its file is removed as well."),
    )


# ---- what was not finished


def unfinished(studio: Studio, user: str) -> list[Job]:
    """Return the jobs that can be run again, the newest first: interrupted ones, and failed ones that were not made since."""
    jobs = [job for job in studio.jobs(user, ("interrupted", "failed", "done"), limit=200) if job.action == "run"]
    made, left = set(), []
    for job in jobs:
        key = (job.model, job.prompt, job.seed, str(job.options))
        if job.state == "done":
            made.add(key)
        elif job.state == "interrupted" or key not in made:
            left.append(job)
            made.add(key)
    return left


def unfinished_list(studio: Studio, jobs: list[Job]) -> str:
    """Return the list of jobs that came to nothing, with the ways to run them again."""
    if not jobs:
        return ""
    interrupted = sum(job.state == "interrupted" for job in jobs)
    every = stage.button("Run all again", "all", label="Run all interrupted jobs again") if interrupted > 1 else ""
    counted = words.plural(len(jobs), "result was not made", "results were not made")
    lines = [unfinished_line(studio, job) for job in jobs]
    more = f"<details><summary>{len(jobs) - LEFT} more</summary><ul>{''.join(lines[LEFT:])}</ul></details>" if len(jobs) > LEFT else ""
    return f'<section class="left" aria-label="Not finished"><header><h2>{counted}</h2>{every}</header><ul>{"".join(lines[:LEFT])}</ul>{more}</section>'


def unfinished_line(studio: Studio, job: Job) -> str:
    prompt = job.prompt or f"Seed {job.seed}"
    why = "Interrupted: the studio ended while it was being made." if job.state == "interrupted" else job.error or "It failed."
    about = f"{title(job.task)}, {escape(words.title_of(studio, job.model))}, {words.said_ago(job.created)}"
    again = stage.button("Run again", "rerun", id=job.id, label=f"Run again: {prompt[:80]}")
    return f'<li><div><b>{escape(prompt[:160])}</b><p class="miss">{escape(why)}</p><p>{about}</p></div>{again}</li>'


# ---- what clicks do


class Library:
    """The controls of the tab and its events."""

    def __init__(self, page: Page):
        self.page, self.studio = page, page.studio

    def build(self, tab: gr.Tab) -> None:
        with gr.Column(elem_classes="library"):
            self.left = stage.drawn(elem_classes="plain")
            self.draw_filters()
            with gr.Row(elem_classes="shelf"):
                with gr.Column(scale=1, min_width=300, elem_classes="found"):
                    self.grid = stage.drawn(elem_classes="plain")
                    self.more = gr.Button("Show more", size="sm", visible=False, elem_classes="more")
                with gr.Column(elem_classes="detail", scale=0, min_width=424, visible=False) as self.card:
                    self.opened = stage.drawn(elem_classes="plain")
            self.count, self.chosen = gr.State(STEP), gr.State("")
        self.wire(tab)

    def draw_filters(self) -> None:
        models = [(status.spec.name, status.spec.id) for status in self.studio.models()]
        hidden = {"show_label": False, "interactive": True, "min_width": 0}
        with gr.Row(elem_classes="tools"):
            self.query = gr.Textbox(label="Search", placeholder="Search prompts and models", scale=1, elem_classes="search", **hidden)
            self.task = gr.Radio([("All", ""), *((title(task), task) for task in TASKS)], value="", label="Task", elem_classes="segmented", **hidden)
            self.model = gr.Dropdown([("Any model", ""), *models], value="", label="Model", filterable=False, **hidden)
            self.rating = gr.Dropdown(RATINGS, value=0, label="Rating", filterable=False, elem_classes="rating", **hidden)

    def wire(self, tab: gr.Tab) -> None:
        filters, view = [self.query, self.task, self.model, self.rating], [self.count, self.chosen]
        asked, shown = [*filters, *view], [self.grid, self.more, self.count]
        everything = [self.left, *shown, self.card, self.opened, self.chosen, *filters, self.page.call, self.page.nav]
        gr.on([one.change for one in filters], self.narrow, filters, shown, trigger_mode="always_last", **QUIET)
        self.more.click(self.extend, asked, shown, **QUIET)
        self.grid.click(self.on_grid, asked, everything, **QUIET)
        self.opened.click(self.on_opened, asked, everything, **QUIET)
        self.left.click(self.on_left, None, [self.left, self.page.call, self.page.nav], **QUIET)
        gr.on([tab.select, self.page.blocks.load], self.look, asked, [self.left, *shown], **QUIET)

    def narrow(self, request: gr.Request, query: str, task: str, model: str, rating: int) -> dict:
        return self.drawn(request, Wanted(query, task, model, rating))

    def extend(self, request: gr.Request, *asked: Any) -> dict:
        wanted = Wanted(*asked)
        return self.drawn(request, Wanted(*asked[:4], wanted.count + STEP, wanted.opened))

    def look(self, request: gr.Request, *asked: Any) -> dict:
        """Show what there is now: the tab was opened."""
        return {**self.drawn(request, Wanted(*asked)), self.left: self.not_finished(request)}

    def drawn(self, request: gr.Request, wanted: Wanted) -> dict:
        html, more = grid(self.studio, user_of(request), wanted)
        return {self.grid: html, self.more: gr.Button(visible=more), self.count: wanted.count}

    def not_finished(self, request: gr.Request) -> str:
        return unfinished_list(self.studio, unfinished(self.studio, user_of(request)))

    def on_grid(self, event: gr.EventData, request: gr.Request, *asked: Any) -> dict:
        if event.act == "clear":
            fresh = {self.query: "", self.task: "", self.model: "", self.rating: 0}
            return {**fresh, **self.drawn(request, Wanted())}
        return self.open(event.id, request, *asked)

    def open(self, name: str, request: gr.Request, *asked: Any) -> dict:
        """Show one result beside the grid."""
        try:
            record = self.studio.gallery.get(name, user=user_of(request))
        except NotFound:
            gr.Warning("It is no longer there; somebody deleted it.")
            return self.shut(request, *asked)
        redrawn = self.drawn(request, Wanted(*asked[:5], record.id))
        return {**redrawn, self.card: gr.Column(visible=True), self.opened: detail(self.studio, record), self.chosen: record.id}

    def shut(self, request: gr.Request, *asked: Any) -> dict:
        return {**self.drawn(request, Wanted(*asked[:5])), self.card: gr.Column(visible=False), self.opened: "", self.chosen: ""}

    def on_opened(self, event: gr.EventData, request: gr.Request, *asked: Any) -> dict:
        """Rate, delete, make again, use the settings, or go back to the grid."""
        if event.act == "close":
            return self.shut(request, *asked)
        if event.act == "open":
            return self.open(event.id, request, *asked)
        try:
            return self.done_with(self.studio.gallery.get(event.id, user=user_of(request)), event, request, *asked)
        except StudioError as error:
            gr.Warning(str(error))
            return {self.count: gr.skip()}

    def done_with(self, record: Record, event: gr.EventData, request: gr.Request, *asked: Any) -> dict:
        if event.act == "rate":
            return {self.opened: detail(self.studio, self.studio.gallery.rate(record.id, int(event.text)))}
        if event.act == "delete":
            self.studio.gallery.delete(record.id)
            pictures.forget(self.studio.folder, record.id)
            return self.shut(request, *asked)
        if event.act == "again":
            return self.sent(record.task, job=again(self.studio, record, user_of(request)).id)
        return self.sent(record.task, record=record.id)

    def sent(self, task: str, **what: str) -> dict:
        """Go to the tab that makes things of this task, with a record to be used or a job to be followed."""
        tab = tab_of(task)
        if not tab:
            gr.Info("It is being made. The result will stand here when it is done.")
            return {self.count: gr.skip()}
        return {self.page.call: call(tab, **what), self.page.nav: gr.Tabs(selected=tab)}

    def on_left(self, event: gr.EventData, request: gr.Request) -> dict:
        """Run one unfinished job again, or all that were interrupted."""
        user = user_of(request)
        try:
            if event.act == "rerun":
                old = self.studio.job(event.id, user)
                return {**self.sent(old.task, job=self.studio.rerun(old.id, user).id), self.left: self.not_finished(request)}
            again = [self.studio.rerun(job.id, user) for job in reversed(unfinished(self.studio, user)) if job.state == "interrupted"]
            gr.Info(f"{words.plural(len(again), 'job')} put in the queue. The results will stand here when they are done.")
        except StudioError as error:
            gr.Warning(str(error))
        return {self.left: self.not_finished(request)}


def again(studio: Studio, record: Record, user: str) -> Job:
    """Submit what made exactly this record, with its own seed: of several made at once, this one alone."""
    asked = studio.job(record.job, user).request
    alone = {"count": 1} if record.options.get("count", 1) != 1 else {}
    options = {**record.options, **alone}
    return studio.submit(Request(**{**asked.model_dump(), "seed": record.seed, "options": options}), user)


def build(page: Page) -> None:
    Library(page).build(gr.context.Context.block)
