"""The Models tab: what is in memory, what runs and waits, and every model of the catalogue.

Knows the catalogue, the memory table and jobs. Does not know what a model does beyond its task's name.
"""

import threading
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import gradio as gr

from studio.errors import NotFound, StudioError
from studio.studio import ModelStatus, Studio
from studio.tabs import Page, user_of
from studio.tabs import _asking as asking
from studio.tabs import _stage as stage
from studio.tabs import _ways as ways
from studio.tabs import _words as words
from studio.tabs._desk import QUIET
from studio.tabs._disk import Disk
from studio.tabs._follow import Seen
from studio.tabs._tasks import title
from studio.types import FINISHED, Job, MemoryTable, Request

TITLE = "Models"
PLACE = 70
LOOK = 1.0  # seconds between two looks while the tab is open
REMEMBERED = timedelta(minutes=10)  # a load that failed is told of so long
UNFINISHED = ("queued", "downloading", "loading", "running")
UNKNOWN = '<span class="unknown">not known</span>'
NUMBERS = ("No model is", "One model is", "Two models are", "Three models are", "Four models are", "Five models are")


class Way:
    """How far every unfinished job is. A thread for each job gathers its events; nothing here waits for them."""

    def __init__(self, studio: Studio):
        self._studio, self._lock = studio, threading.Lock()
        self._seen: dict[str, Seen] = {}

    def look(self, jobs: list[Job]) -> list[Seen]:
        """Return what has been seen of these jobs; those that are new are followed from now on, those that ended are forgotten."""
        with self._lock:
            kept = {job.id: self._seen.get(job.id) or self._follow(job) for job in jobs}
            self._seen = kept
        return [kept[job.id] for job in jobs]

    def _follow(self, job: Job) -> Seen:
        seen = Seen(job, state=job.state, position=job.position, wait=job.wait)
        threading.Thread(target=self._gather, args=(seen,), name=f"models {job.id}", daemon=True).start()
        return seen

    def _gather(self, seen: Seen) -> None:
        try:
            for _, event in self._studio.follow(seen.job.id):
                seen.take(event)
        except NotFound:
            pass  # its events are gone: it has ended


# ---- what it looks like


def budget(memory: MemoryTable, names: dict[str, str]) -> str:
    """Return the memory in a sentence, and as a bar with a segment for each model."""
    number = len(memory.models)
    counted = f"{NUMBERS[number] if number < len(NUMBERS) else f'{number} models are'} in memory."
    rule = " The one idle longest makes room when another needs it." if number > 1 else ""
    parts = "".join(segment(one.bytes, memory.budget, names.get(one.model, one.model)) for one in memory.models)
    said = f"{words.said_size(memory.used) if memory.used else '0'} of {words.said_size(memory.budget)}"
    return (
        f'<section class="budget"><div><h2>{said} in use</h2><p>{counted}{rule}</p></div>'
        f'<div class="stack" role="img" aria-label="{said} in use">{parts}</div></section>'
    )


def segment(size: int, whole: int, name: str) -> str:
    share = 100 * size / whole if whole else 0
    return f'<i style="width:{share:.2f}%" title="{stage.quoted(name)}, {words.said_size(size)}"></i>'


def queue(seen: list[Seen], missed: list[Job], names: dict[str, str], paused: bool = False, pauses: bool = False) -> str:
    """Return what runs and waits, each with its progress and a way to stop it, and what could not be loaded.

    `pauses`: whoever looks may pause the queue.
    """
    lines = [queue_line(one, names.get(one.job.model, one.job.model)) for one in seen]
    lines += [missed_line(job, names.get(job.model, job.model)) for job in missed]
    inside = f"<ul>{''.join(lines)}</ul>" if lines else "<p>Nothing runs or waits.</p>"
    return f'<section class="queued" aria-label="Queue">{pausing(paused, pauses, bool(seen))}{inside}</section>'


def pausing(paused: bool, pauses: bool, busy: bool) -> str:
    """Return that the queue is paused, and the button for those who may pause it or let it go on."""
    if paused:
        said = "<p><b>The queue is paused.</b> What runs goes on to its end; nothing else begins.</p>"
        return f'<div class="paused" role="note">{said}{stage.button("Go on", "resume") if pauses else ""}</div>'
    return f'<div class="paused">{stage.button("Pause the queue", "pause", "quiet")}</div>' if pauses and busy else ""


def missed_line(job: Job, name: str) -> str:
    again = stage.button("Try again", "load", id=job.model, label=f"Try again to load {name}")
    why = f'<p class="miss">{escape(job.error or "")}</p>'
    return f'<li role="alert"><div><b>Not loaded</b> <span>{escape(name)}</span>{why}</div>{again}</li>'


def missed(studio: Studio, user: str, now: datetime) -> list[Job]:
    """Return the loads that failed a short while ago, the newest of each model, unless it is in memory by now."""
    newest: dict[str, Job] = {}
    for job in studio.jobs(user, limit=100):
        if job.action == "load":
            newest.setdefault(job.model, job)
    recent = (now - REMEMBERED).strftime("%Y-%m-%dT%H:%M:%S")
    return [job for job in newest.values() if job.state == "failed" and job.finished and job.finished > recent]


def queue_line(seen: Seen, name: str) -> str:
    job, share = seen.job, share_of(seen)
    what = escape(name) if job.action == "load" else f"{title(job.task)}, {escape(name)}: {escape(job.prompt[:120]) or f'seed {job.seed}'}"
    bar = stage.bar(share, f"Progress of {name}") if share is not None else ""
    about = job.prompt[:60] or name
    stop = stage.button("Stop", "stop", id=job.id, label=f"Stop: {about}")
    soon = stage.button("Run next", "next", "quiet", id=job.id, label=f"Run next: {about}") if later(seen) else ""
    return f"<li><div><b>{doing(seen)}</b> <span>{what}</span>{bar}</div>{soon}{stop}</li>"


def later(seen: Seen) -> bool:
    """Whether another job comes before one that waits, besides the one that may run."""
    return seen.state == "queued" and seen.position > 1


def share_of(seen: Seen) -> float | None:
    """Return how much of a job is done, 0 to 1, None where that is not known."""
    if seen.state == "downloading" and seen.transfer and seen.transfer.total:
        return seen.transfer.done / seen.transfer.total
    if seen.state == "loading":
        return seen.fraction
    return seen.step / seen.total if seen.state == "running" and seen.total else None


def doing(seen: Seen) -> str:
    """Return a job's state in words with its numbers."""
    if seen.state == "queued":
        return words.place_in_queue(seen.position, seen.wait)
    parts = [seen.state.capitalize()]
    if seen.state == "downloading" and seen.transfer and seen.transfer.total:
        parts.append(words.said_part(seen.transfer.done, seen.transfer.total))
        parts += [f"{words.said_size(seen.transfer.rate)}/s"] if seen.transfer.rate else []
    if seen.state == "running" and seen.total:
        parts.append(f"{seen.unit} {seen.step} of {seen.total}")
    if seen.left is not None:
        parts.append(f"{words.said_time(seen.left)} left")
    return ", ".join(parts)


COLUMNS = ("Model", "Task", "Licence", "On disk", "Memory", "State")


def table(statuses: list[ModelStatus], memory: MemoryTable, jobs: list[Job], unagreed: Collection[str] = ()) -> str:
    """Return the catalogue as one table; on the phone its rows become cards. `unagreed` models ask for an agreement first."""
    if not statuses:
        return stage.message("The catalogue is empty", "Add a model as it is shown below, then start again.")
    used = {one.model: one.leased for one in memory.models}
    coming = {job.model: job for job in jobs if job.action == "load"}
    heads = "".join(f'<th scope="col"{" class=num" if name in ("On disk", "Memory") else ""}>{name}</th>' for name in COLUMNS)
    rows = "".join(
        row(status, memory.budget, used.get(status.spec.id, False), coming.get(status.spec.id), status.spec.id in unagreed)
        for status in statuses
    )
    heads += '<th scope="col"><span class="hide">Action</span></th>'
    return f'<table class="models"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def row(status: ModelStatus, budget: int, leased: bool, coming: Job | None, asks: bool = False) -> str:
    spec = status.spec
    starter = ' <span class="tag">Starter</span>' if spec.starter else ""
    starter += "".join(f' <span class="tag">{mark.capitalize()}</span>' for mark in words.marks(spec))
    about = f"<p>{escape(spec.description)}</p>" if spec.description else ""
    about += f"<p>{words.said_count(spec.parameters)} parameters</p>" if spec.parameters else ""
    weight = words.said_size(status.memory_bytes) if status.memory_bytes else UNKNOWN
    share = min(1.0, status.memory_bytes / budget) if budget else 0.0
    bar = f'<i class="bar {"" if status.loaded else "ghost"}" aria-hidden="true"><i style="width:{share:.1%}"></i></i>'
    disk = words.said_size(status.disk_bytes) if status.on_disk else "0"
    return (
        f'<tr><th scope="row"><b>{escape(spec.name)}</b>{starter}{about}</th>'
        f'<td data-label="Task">{title(status.task)}</td><td data-label="Licence">{escape(spec.license) or UNKNOWN}</td>'
        f'<td data-label="On disk" class="num">{disk}</td><td data-label="Memory" class="num">{weight}{bar}{ways.control(status)}</td>'
        f'<td data-label="State">{state_tag(status, leased, coming)}</td><td>{action(status, leased, coming, asks)}</td></tr>'
    )


def state_tag(status: ModelStatus, leased: bool, coming: Job | None) -> str:
    if coming:
        return '<span class="tag">On its way</span>'
    if status.loaded:
        return f'<span class="tag on">{"At work" if leased else "In memory"}</span>'
    return '<span class="tag">On disk</span>' if status.on_disk else '<span class="tag off">Not downloaded</span>'


def action(status: ModelStatus, leased: bool, coming: Job | None, asks: bool = False) -> str:
    """Return the one button that fits a model's state; where the model `asks` for an agreement, so does the button."""
    name, model, sure = status.spec.name, status.spec.id, asking.sure(status) if asks else ""
    if coming:
        return stage.button("Stop", "stop", id=coming.id, label=f"Stop loading {name}")
    if status.loaded:
        return "" if leased else stage.button("Unload", "unload", id=model, label=f"Unload {name}")
    if status.on_disk:
        return stage.button("Load", "load", id=model, label=f"Load {name}", sure=sure)
    size = f" {words.said_size(status.spec.size_bytes)}" if status.spec.size_bytes else ""
    return stage.button(f"Download{size}", "load", id=model, label=f"Download {name}{size}", sure=sure)


def how_to_add(studio: Studio) -> str:
    """Return how the catalogue grows, and what of it could not be read."""
    problems = "".join(f"<li>{escape(problem)}</li>" for problem in studio.registry.problems)
    wrong = f'<div class="wrong" role="note"><b>Left out of the catalogue</b><ul>{problems}</ul></div>' if problems else ""
    example = "my-model:\n  engine: image_diffusers\n  source: owner/name"
    path = f"<code>{escape(str(studio.registry.path))}</code>"
    return (
        f'{wrong}<section class="adding"><h2>Add a model</h2><p>Two lines under a name of your choice in {path}: the family, '
        f"and a repository of the Hub or a local folder. Start the studio again, and it is here.</p><pre>{escape(example)}</pre>"
        f"<p>Families: {escape(', '.join(families()))}.</p></section>"
    )


def families() -> list[str]:
    from studio.registry import engine_names

    return [name for name in engine_names() if name != "fake"]


# ---- what clicks do


class Shelf:
    """The tab's drawn pieces, kept as they are while nothing has changed."""

    def __init__(self, page: Page):
        self.page, self.studio = page, page.studio
        self.way, self.disk = Way(page.studio), Disk(page.studio)

    def build(self, tab: gr.Tab) -> None:
        with gr.Column(elem_classes="library"):
            self.budget = stage.drawn(elem_classes="plain")
            self.queue = stage.drawn(elem_classes="plain")
            self.table = stage.drawn(elem_classes="plain")
            self.stored = stage.drawn(elem_classes="plain")
            stage.drawn(how_to_add(self.studio), elem_classes="plain")
            self.last, self.timer = gr.State([]), gr.Timer(LOOK, active=False)
        pieces = [self.budget, self.queue, self.table, self.stored, self.last]
        self.timer.tick(self.look, self.last, pieces, queue=False, **QUIET)
        gr.on([tab.select, self.page.blocks.load], self.look, self.last, pieces, queue=False, **QUIET)
        self.table.click(self.on_table, self.last, pieces, **QUIET)
        self.queue.click(self.on_table, self.last, pieces, **QUIET)
        self.stored.click(self.on_table, self.last, pieces, **QUIET)
        # A tab opened by the page itself, as by the header, tells only the tab; one left by a click tells the row of tabs.
        tab.select(lambda: gr.Timer(active=True), None, self.timer, queue=False, **QUIET)
        self.page.nav.select(self.left, None, self.timer, queue=False, **QUIET)

    @staticmethod
    def left(chosen: gr.SelectData) -> gr.Timer:
        """Look no more when another tab is opened."""
        return gr.Timer(active=chosen.value == TITLE)

    def drawing(self, user: str) -> list[str]:
        """Return the pieces as they are now."""
        memory, statuses = self.studio.memory(), self.studio.models()
        jobs = [job for job in self.studio.jobs(user, UNFINISHED) if job.state not in FINISHED][::-1]
        names = {status.spec.id: status.spec.name for status in statuses}
        lost = missed(self.studio, user, datetime.now(UTC))
        unagreed = {model for model in names if not self.studio.agreed(model, user)}
        coming = queue(self.way.look(jobs), lost, names, self.studio.paused, self.studio.may_pause(user))
        return [budget(memory, names), coming, table(statuses, memory, jobs, unagreed), self.disk.drawn()]

    def look(self, last: list[str], request: gr.Request) -> list[Any]:
        """Draw what has changed since the last look."""
        now = self.drawing(user_of(request))
        last = last or [""] * len(now)
        return [*(fresh if fresh != old else gr.skip() for fresh, old in zip(now, last, strict=True)), now]

    def place(self, model: str, way: str, user: str) -> None:
        """Keep how a model is to lie in memory; one that is there now is loaded anew."""
        self.studio.choose(model, **ways.chosen(way))
        if self.studio.model(model).loaded:
            self.studio.submit(Request(model=model), user, action="load")

    def on_table(self, event: gr.EventData, last: list[str], request: gr.Request) -> list[Any]:
        """Load, download, unload, delete from the disk; stop a job, let it run next, or pause the queue."""
        user = user_of(request)
        try:
            if event.act == "load":
                self.studio.agree(event.id, user)  # the button has asked where there are terms
                self.studio.submit(Request(model=event.id), user, action="load")
            elif event.act == "place":
                self.place(event.id, event.text, user)
            elif event.act == "unload":
                self.studio.unload(event.id)
            elif event.act == "delete":
                gr.Info(self.disk.delete(event.id))
            elif event.act == "stop":
                self.studio.job(event.id, user)
                self.studio.cancel(event.id)
            elif event.act == "next":
                self.studio.move(self.studio.job(event.id, user).id, 0)
            elif event.act in ("pause", "resume"):
                self.studio.pause(event.act == "pause", user)
        except StudioError as error:
            gr.Warning(str(error))
        return self.look(last, request)


def build(page: Page) -> None:
    Shelf(page).build(gr.context.Context.block)
