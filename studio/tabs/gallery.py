"""The Gallery tab: everything ever made, and what was not finished.

Knows records and jobs. Does not know how a thing was made: what it offers is the same for every task.
"""

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from studio.errors import NotFound, StudioError
from studio.studio import Studio
from studio.tabs import Page, call, user_of
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.tabs._desk import QUIET
from studio.tabs._record import detail, item
from studio.tabs._tasks import TASKS, tab_of, title
from studio.tabs._unfinished import again, unfinished, unfinished_list
from studio.types import Record

TITLE = "Gallery"
PLACE = 60
STEP = 24  # results on the first page, and more at each "Show more"
RATINGS = [("Any rating", 0), ("Rated", 1), *((f"{stars} stars or more", stars) for stars in (2, 3, 4)), ("5 stars", 5)]

# The keyboard goes with what is opened, and back to where it was opened from.
TO_CARD = """() => {
  window.studioOpened = document.querySelector('.grid .item[aria-pressed=true]')?.dataset.id;
  document.querySelector('.detail .close')?.focus({ preventScroll: true });
}"""
TO_GRID = """() => {
  const item = document.querySelector(`.grid .item[data-id="${window.studioOpened}"]`);
  if (!document.querySelector('.detail .close')) item?.focus({ preventScroll: true });
}"""


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
        return stage.message("Nothing here yet", "Whatever you make is kept here, with everything that is needed to make it again.")
    what = f"Nothing matches “{wanted.query.strip()}”" if wanted.query.strip() else "Nothing matches"
    sentence = "The search looks in prompts, models and tags, with every filter that is set."
    return stage.message(what, sentence, stage.button("Show everything", "clear"))


# ---- what clicks do


class Library:
    """The controls of the tab and its events."""

    def __init__(self, page: Page):
        self.page, self.studio = page, page.studio

    def build(self, tab: gr.Tab) -> None:
        with gr.Column(elem_classes="library"):
            self.left = stage.drawn(elem_classes="plain", visible=False)
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
        models = [(spec.name, spec.id) for spec in self.studio.registry.specs()]
        hidden = {"show_label": False, "interactive": True, "min_width": 0}
        with gr.Row(elem_classes="tools"):
            self.query = gr.Textbox("", label="Search", placeholder="Search prompts and models", scale=1, elem_classes="search", **hidden)
            tasks = [("All", ""), *((title(task), task) for task in TASKS)]
            self.task = gr.Radio(tasks, value="", label="Task", elem_classes="segmented", **hidden)
            self.model = gr.Dropdown([("Any model", ""), *models], value="", label="Model", filterable=False, **hidden)
            self.rating = gr.Dropdown(RATINGS, value=0, label="Rating", filterable=False, elem_classes="rating", **hidden)

    def wire(self, tab: gr.Tab) -> None:
        filters, view = [self.query, self.task, self.model, self.rating], [self.count, self.chosen]
        asked, shown = [*filters, *view], [self.grid, self.more, self.count]
        everything = [self.left, *shown, self.card, self.opened, self.chosen, *filters, self.page.call, self.page.nav]
        gr.on([one.change for one in filters], self.narrow, filters, shown, trigger_mode="always_last", **QUIET)
        self.more.click(self.extend, asked, shown, **QUIET)
        self.grid.click(self.on_grid, asked, everything, **QUIET).then(None, js=TO_CARD, **QUIET)
        self.opened.click(self.on_opened, asked, everything, **QUIET).then(None, js=TO_GRID, **QUIET)
        self.left.click(self.on_left, None, [self.left, self.page.call, self.page.nav], **QUIET)
        gr.on([tab.select, self.page.blocks.load], self.look, asked, [self.left, *shown], **QUIET)

    def narrow(self, request: gr.Request, query: str, task: str, model: str, rating: int) -> dict:
        return self.drawn(request, Wanted(query, task, model, rating))

    def extend(self, request: gr.Request, *asked: Any) -> dict:
        wanted = Wanted(*asked)
        return self.drawn(request, replace(wanted, count=wanted.count + STEP))

    def look(self, request: gr.Request, *asked: Any) -> dict:
        """Show what there is now: the tab was opened."""
        return {**self.drawn(request, Wanted(*asked)), self.left: self.not_finished(request)}

    def drawn(self, request: gr.Request, wanted: Wanted) -> dict:
        html, more = grid(self.studio, user_of(request), wanted)
        return {self.grid: html, self.more: gr.Button(visible=more), self.count: wanted.count}

    def not_finished(self, request: gr.Request) -> gr.HTML:
        jobs = unfinished(self.studio, user_of(request))
        return gr.HTML(unfinished_list(self.studio, jobs), visible=bool(jobs))

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
        redrawn = self.drawn(request, replace(Wanted(*asked), opened=record.id))
        return {**redrawn, self.card: gr.Column(visible=True), self.opened: detail(self.studio, record), self.chosen: record.id}

    def shut(self, request: gr.Request, *asked: Any) -> dict:
        redrawn = self.drawn(request, replace(Wanted(*asked), opened=""))
        return {**redrawn, self.card: gr.Column(visible=False), self.opened: "", self.chosen: ""}

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
            return self.shut(request, *asked)
        if event.act == "send":
            return {self.page.call: call(event.text, source=record.id), self.page.nav: gr.Tabs(selected=event.text)}
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


def build(page: Page) -> None:
    Library(page).build(gr.context.Context.block)
