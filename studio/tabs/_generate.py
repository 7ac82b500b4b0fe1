"""The shared bench of every tab that makes something: a desk of controls, a stage, and the one way from a click to a result.

A tab says in a `Trade` what sets it apart and calls `Bench(page, trade).build()`; one that needs more on its page calls the
`draw_...` methods itself, in its own layout, and `wire()` at the end:

    trade = Trade(tab="image", task="text-to-image", noun="picture", draw=stage.pictures, thumb=stage.thumbnail, ...)
    Bench(page, trade).build()

    bench = Bench(page, trade)
    with bench.work():
        with bench.desk():
            with bench.first(): bench.draw_prompt(); bench.draw_model()
            with bench.rest(): my_own_control = gr.Slider(...); bench.draw_settings()
            bench.draw_buttons()
        with bench.result():
            bench.draw_result()
    bench.wire()

The way: Generate -> `submit` writes the job down -> `follow` draws its states until it has ended, then the next one of this page.
A page that is opened finds the unfinished jobs of its user and follows them; a page that is closed cancels nothing.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from studio.errors import NotFound, StudioError
from studio.studio import ModelStatus
from studio.tabs import Page, user_of
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.tabs._controls import Choices
from studio.tabs._desk import FOLLOWING, QUIET, Desk, Updates
from studio.tabs._follow import Seen, Turns, answer, watch
from studio.types import FINISHED, Job, Record, Request

UNFINISHED = ("queued", "downloading", "loading", "running")
LATEST = 9  # results in the strip


@dataclass(frozen=True)
class Trade:
    """What sets one generating tab apart from the others.

    Attributes:
        tab: the tab's id, the name of its file; its jobs are asked for by this name in gradio's own API, too.
        task: the Hub's name; the models that do it fill the menu.
        noun: what is made, in the singular: "picture".
        draw: the records of one finished job -> HTML for the stage.
        thumb: a record -> HTML inside its button in the strip.
        prompt: makes the control whose value is the prompt; None where the models take none.
        verb: on the main button.
        title, sentence: of the empty stage.
        actions: a record -> HTML of more buttons and links beside its own ("Use these settings", "Vary", "Download", "Delete").
        formats: the downloads offered, as (text, format); "" is the file itself.
        facts: a record -> (label, value) pairs that stand before its settings.
        choices: options that are chosen from a list which depends on the model, such as voices.
        skip: options the tab does not draw. fold: options that stand under Advanced although they are `main`.
        strip: the class of the strip, for its looks.
    """

    tab: str
    task: str
    noun: str
    draw: Callable[[Sequence[Record]], str]
    thumb: Callable[[Record], str]
    prompt: Callable[[], gr.components.Component] | None = None
    verb: str = "Generate"
    title: str = ""
    sentence: str = ""
    actions: Callable[[Record], str] = lambda record: ""
    formats: tuple[tuple[str, str], ...] = (("Download", ""),)
    facts: Callable[[Record], list[stage.Pair]] = lambda record: []
    choices: dict[str, Choices] = field(default_factory=dict)
    skip: tuple[str, ...] = ()
    fold: tuple[str, ...] = ()
    strip: str = ""


class Bench(Desk):
    """A desk, a stage and what happens between them.

    Attributes:
        stage, about, strip: the drawn result, what is to be known of it, the latest results.
        mine: the ids of the jobs this page waits for. current: the id of the job on the stage.
    """

    def __init__(self, page: Page, trade: Trade):
        super().__init__(page, trade.task, trade.skip, trade.fold, trade.choices)
        self.trade, self.turns = trade, Turns()
        self.away: set[str] = set()  # pages (sessions) that look at an older result while a job runs
        self.drawn: dict[str, set[str]] = {}  # page -> its jobs whose end it has seen

    # ---- drawing

    def build(self) -> "Bench":
        """Draw the whole tab and set up its events."""
        with self.work():
            with self.desk():
                with self.first():
                    self.draw_prompt()
                    self.draw_model()
                with self.rest():
                    self.draw_settings()
                self.draw_buttons()
            with self.result():
                self.draw_result()
        self.wire()
        return self

    def draw_prompt(self) -> None:
        self.prompt = self.trade.prompt() if self.trade.prompt else gr.State("")

    def draw_buttons(self) -> None:
        """Draw Generate and Stop."""
        with gr.Row(elem_classes="actions"):
            self.go = gr.Button(self.trade.verb, variant="primary", elem_classes="go", scale=3, min_width=0)
            self.halt = gr.Button("Stop", elem_classes="halt", scale=1, min_width=0, interactive=False)

    def draw_result(self) -> None:
        """Draw the stage, the facts under it and the strip of the latest results."""
        self.draw_stage()
        self.draw_strip()

    def draw_stage(self) -> None:
        self.stage = stage.drawn(self.empty(), elem_classes="stage")
        self.about = stage.drawn(elem_classes="about")
        self.live = stage.drawn(elem_classes="live hide")
        self.mine, self.current = gr.State([]), gr.State("")

    def draw_strip(self) -> None:
        self.strip = stage.drawn(elem_classes="plain")

    # ---- events

    @property
    def scene(self) -> list[gr.components.Component]:
        """What `follow` draws on."""
        return [self.stage, self.about, self.live, self.strip, self.halt, self.mine, self.current, self.model]

    def wire(self) -> None:
        """Set up what clicks do."""
        self.follows(self.go.click(self.submit, [self.mine, *self.asked], self.scene, trigger_mode="multiple", **QUIET))
        self.halt.click(self.stop, self.current, self.halt, queue=False, **QUIET)
        self.follows(self.stage.click(self.on_stage, self.mine, self.everything, **QUIET))
        self.follows(self.about.click(self.on_about, self.mine, self.everything, **QUIET))
        self.strip.click(self.on_strip, self.mine, [self.stage, self.about, self.strip], **QUIET)
        self.wire_desk()
        self.follows(self.page.call.change(self.called, [self.page.call, self.mine], self.everything, **QUIET))
        self.follows(self.page.blocks.load(self.arrive, None, self.everything, **QUIET))
        self.page.blocks.unload(self.left)
        gr.api(self.ask, api_name=self.trade.tab, concurrency_limit=None)

    @property
    def everything(self) -> list[gr.blocks.Block]:
        """Whatever a click on this tab may change."""
        return [*self.filled, self.prompt, self.seed, *(one for one in self.scene if one is not self.model)]

    def follows(self, event: Any) -> Any:
        """Let a job that an event has put among `mine` be followed."""
        return event.then(self.follow, self.mine, self.scene, **FOLLOWING)

    def submit(self, request: gr.Request, mine: list[str], *values: Any) -> Updates:
        """Write a job down and show that it waits."""
        self.away.discard(request.session_hash or "")
        try:
            return self.queued(self.studio.submit(self.request(*values), user_of(request)), mine)
        except StudioError as error:
            return {self.stage: self.refused(error), self.about: "", self.live: ""}

    def queued(self, job: Job, mine: list[str]) -> Updates:
        """Return the updates for a job just written down: behind others of this page it leaves the stage to them."""
        ahead = self.unfinished(mine)
        update = {self.mine: [*(one.id for one in ahead), job.id], self.halt: gr.Button(interactive=True)}
        if ahead:
            gr.Info(f"Queued behind {words.plural(len(ahead), 'job')} of yours.", duration=3)
            return update
        return {**update, self.current: job.id, self.stage: self.on_its_way(Seen(job)), self.about: self.way_facts(Seen(job))}

    def jobs_of(self, mine: Sequence[str]) -> list[Job]:
        """Return the jobs of a page, the oldest first."""
        found = []
        for name in mine:
            try:
                found.append(self.studio.job(name))
            except NotFound:
                continue
        return found

    def unfinished(self, mine: Sequence[str]) -> list[Job]:
        return [job for job in self.jobs_of(mine) if job.state not in FINISHED]

    async def follow(self, request: gr.Request, mine: list[str]) -> AsyncIterator[Updates]:
        """Draw this page's jobs, one after the other, until none is left or a newer follower of the page takes over."""
        page = request.session_hash or ""
        wanted = self.turns.enter(page)
        drawn = self.drawn[page] = self.drawn.get(page, set()) & set(mine)
        waiting = [job for job in self.jobs_of(mine) if job.id not in drawn]
        if not waiting:
            yield {self.halt: gr.skip()}  # gradio empties every output of a generator that yields nothing
        while waiting and wanted():
            job, said = waiting.pop(0), ""
            async for seen in watch(self.studio, job, wanted):
                yield self.seen_from(page, self.drawing(seen, said, user_of(request)))
                said = seen.state
            if wanted():
                drawn.add(job.id)
            if waiting and said == "failed":
                gr.Warning(f"One {self.trade.noun} was not made. {seen.error}")
        if wanted():
            self.away.discard(page)
        else:
            yield {self.halt: gr.skip()}  # what was yielded last is sent once more at the end, and must not undo the newer follower's work

    def left(self, request: gr.Request) -> None:
        """Forget a page that was closed. Its jobs go on."""
        page = request.session_hash or ""
        self.turns.leave(page)
        self.away.discard(page)
        self.drawn.pop(page, None)

    def seen_from(self, page: str, updates: Updates) -> Updates:
        """Leave the stage alone where the page looks at something else."""
        hidden = (self.stage, self.about) if page in self.away else ()
        return {block: update for block, update in updates.items() if block not in hidden} or {self.halt: gr.skip()}

    def stop(self, current: str, request: gr.Request) -> Any:
        """Stop the job on the stage; those behind it go on."""
        if current:
            self.studio.job(current, user_of(request))
            self.studio.cancel(current)
        return gr.skip()

    def arrive(self, request: gr.Request) -> Updates:
        """Find what this user has under way, when the page is opened."""
        user = user_of(request)
        jobs = self.studio.jobs(user, UNFINISHED, self.trade.task)[::-1]
        update = {self.strip: self.latest(user), self.mine: [job.id for job in jobs if job.action == "run"]}
        update[self.seed] = None  # a number field without a value begins as 0, which is a seed like any other
        model = jobs[0].model if jobs else self.start
        if model:
            update |= self.fill(model, jobs[0].options if jobs else None)
        newest = self.studio.jobs(user, (), self.trade.task, limit=1)
        if newest and newest[0].state == "interrupted":
            update[self.stage] = self.ended(Seen(newest[0], state="interrupted"))
        return update

    def on_stage(self, event: gr.EventData, request: gr.Request, mine: list[str]) -> Updates:
        """A prompt to try, a job to run again, another model to use, a result to look at."""
        act, name = event.act, getattr(event, "id", "")
        if act == "try":
            return {self.prompt: event.text}
        try:
            if act == "retry":
                self.studio.job(name, user_of(request))
                return self.queued(self.studio.rerun(name, user_of(request)), mine)
            if act == "instead":
                return self.fill(name)
            if act == "open":
                return self.opened(self.record(name, request), request, mine)
        except StudioError as error:
            return {self.stage: self.refused(error)}
        return {self.halt: gr.skip()}

    def on_about(self, event: gr.EventData, request: gr.Request, mine: list[str]) -> Updates:
        """Use a result's settings, vary it, delete it, or go back to the one being made."""
        user = user_of(request)
        try:
            if event.act == "back":
                self.away.discard(request.session_hash or "")
                return {self.halt: gr.skip()}
            record = self.record(getattr(event, "id", ""), request)
            if event.act == "use":
                return self.use(record)
            if event.act == "vary":
                again = self.studio.job(record.job, user).request.model_copy(update={"seed": None, "options": {**record.options}})
                return self.queued(self.studio.submit(again, user), mine)
            if event.act == "delete":
                self.studio.gallery.delete(record.id)
                return {self.stage: self.empty(), self.about: "", self.strip: self.latest(user), self.live: live("Deleted.")}
        except StudioError as error:
            gr.Warning(str(error))
        return {self.halt: gr.skip()}

    def on_strip(self, event: gr.EventData, request: gr.Request, mine: list[str]) -> Updates:
        try:
            return self.opened(self.record(getattr(event, "id", ""), request), request, mine)
        except StudioError as error:
            gr.Warning(str(error))
            return {self.strip: self.latest(user_of(request))}

    def called(self, request: gr.Request, call: dict | None, mine: list[str]) -> Updates:
        """Answer another tab: fill the controls from a record, or follow a job."""
        if not call or call.get("tab") != self.trade.tab:
            return {self.halt: gr.skip()}
        try:
            if "job" in call:
                return self.queued(self.studio.job(call["job"], user_of(request)), mine)
            return self.use(self.record(call["record"], request))
        except StudioError as error:
            gr.Warning(str(error))
            return {self.halt: gr.skip()}

    async def ask(self, prompt: str = "", model: str = "", seed: int | None = None, options: dict | None = None,
                  request: gr.Request = None) -> AsyncIterator[dict]:  # fmt: skip
        """Make something and wait for it. Yields {"job", "state", "step", "total"}, at the end with "results", a list of records.

        Args:
            prompt: what to make.
            model: an id of the catalogue; "" takes the first.
            seed: 0 to 4294967295; without it a new one is drawn.
            options: any option of the model's engine.
        """
        wanted = Request(model=model or self.start or "", prompt=prompt, seed=seed, options=options or {})
        try:
            async for seen in answer(self.studio, wanted, user_of(request)):
                results = [told(record) for record in seen.records] if seen.ended else []
                yield {"job": seen.job.id, "state": seen.state, "step": seen.step, "total": seen.total, "results": results}
        except StudioError as error:
            raise gr.Error(str(error), print_exception=False) from error

    # ---- what the states look like

    def empty(self) -> str:
        """Return the empty stage: what this tab makes, and prompts of the chosen model to try."""
        prompts = self.studio.model(self.start).spec.prompts if self.start else ()
        return stage.empty(self.trade.title, self.trade.sentence, prompts, stage.examples(self.trade.tab))

    def drawing(self, seen: Seen, said: str, user: str) -> Updates:
        """Return the updates that show a job as it is seen now; `said` is the state last announced."""
        if seen.ended:
            return self.finished(seen, user)
        update = {self.stage: self.on_its_way(seen), self.about: self.way_facts(seen)}
        if seen.state != said:
            update[self.live] = live(stage.announced(seen, self.name(seen.job.model), self.trade.noun))
            update[self.halt], update[self.current] = gr.Button(interactive=True), seen.job.id
        return update

    def on_its_way(self, seen: Seen) -> str:
        return stage.on_its_way(seen, self.name(seen.job.model), self.trade.noun)

    def way_facts(self, seen: Seen) -> str:
        """Return the line under the stage while a job runs; it keeps the place of the buttons that come with the result."""
        pairs = stage.progress_words(seen) if seen.state == "running" and seen.step else [("Model", self.name(seen.job.model)), ("Seed", seen.job.seed)]
        return stage.facts(seen.job.prompt, pairs, '<div class="soon"></div>')

    def finished(self, seen: Seen, user: str) -> Updates:
        update = {self.stage: self.ended(seen), self.about: "", self.current: "", self.halt: gr.Button(interactive=False)}
        update[self.live] = live(stage.announced(seen, self.name(seen.job.model), self.trade.noun))
        if seen.records:
            update[self.about] = self.of(seen.records[0])
        update[self.strip] = self.latest(user, seen.records[0].id if seen.records else "")
        update[self.model] = self.menu_now()
        return update

    def ended(self, seen: Seen) -> str:
        """Return the stage of a job that has ended."""
        if seen.records:
            return self.trade.draw(seen.records)
        again = stage.button("Try again", "retry", "do", id=seen.job.id)
        if seen.state == "failed":
            return self.broken(seen)
        if seen.state == "interrupted":
            sentence = f"The studio ended while it was being made: {seen.job.prompt or self.name(seen.job.model)}"
            return stage.message(f"A {self.trade.noun} was interrupted", sentence, stage.button("Make it now", "retry", "do", id=seen.job.id))
        if seen.state == "cancelled":
            at = f" at {seen.unit} {seen.step} of {seen.total}" if seen.total and seen.step else ""
            return stage.message(f"Stopped{at}", f"No {self.trade.noun} was kept. The model is still in memory.", again)
        return stage.message("Nothing was made", "The model ended without a result.", again)

    def broken(self, seen: Seen) -> str:
        """Return the stage of a failed job: try again, or a model that asks for less."""
        buttons = [stage.button("Try again", "retry", "do", id=seen.job.id)]
        other = self.lighter(seen.job.model) if seen.code in ("out_of_memory", "model_unavailable") else None
        if other:
            buttons.insert(0, stage.button(f"Use {other.spec.name}", "instead", "do", id=other.spec.id))
            buttons[1] = stage.button("Try again", "retry", "soft", id=seen.job.id)
        what = f"{self.name(seen.job.model)} made no {self.trade.noun}"
        return stage.failed(what, seen.error or "The reason is in the log.", "".join(buttons), f"{seen.code or 'failed'}, job {seen.job.id}")

    def lighter(self, model: str) -> ModelStatus | None:
        """Return the model on disk that takes the least memory, other than this one."""
        others = [one for one in self.studio.models(self.trade.task) if one.on_disk and one.spec.id != model]
        return min(others, key=words.weight) if others else None

    def refused(self, error: StudioError) -> str:
        """Return the stage of a request that did not become a job."""
        return stage.failed("This cannot be made", str(error), "")

    def opened(self, record: Record, request: gr.Request, mine: Sequence[str]) -> Updates:
        """Return the updates that put an older result on the stage; a job that runs goes on unseen until one comes back to it."""
        back = ""
        if self.unfinished(mine):
            self.away.add(request.session_hash or "")
            back = stage.button("Back to the one being made", "back", "link")
        about = self.of(record) + back
        return {self.stage: self.trade.draw([record]), self.about: about, self.strip: self.latest(user_of(request), record.id)}

    def of(self, record: Record) -> str:
        """Return what is to be known of a result and what can be done with it."""
        pairs = [("Model", self.name(record.model)), *self.trade.facts(record), ("Seed", record.seed)]
        pairs += words.settings_of(record, self.fields(record.model)) + [("Time", words.said_time(record.seconds))]
        return stage.facts(record.prompt, pairs, self.buttons(record))

    def buttons(self, record: Record) -> str:
        return stage.actions(
            stage.button("Use these settings", "use", id=record.id),
            stage.button(f"Vary this {self.trade.noun}", "vary", id=record.id),
            *(stage.download(record, text, format) for text, format in self.trade.formats),
            self.trade.actions(record),
            stage.button("Delete", "delete", "quiet", id=record.id, sure=f"Delete this {self.trade.noun} for good?"),
        )

    def latest(self, user: str, chosen: str = "") -> str:
        records = self.studio.gallery.list(task=self.trade.task, limit=LATEST, user=user)
        return stage.strip(records, [self.trade.thumb(record) for record in records], chosen, kind=self.trade.strip)


def told(record: Record) -> dict[str, Any]:
    """Return a record for a program, with its file's address; gradio's client takes whatever has a `path` for an upload of its own."""
    return {**record.model_dump(exclude={"path", "files", "user"}), "url": stage.file_url(record)}


def live(sentence: str) -> str:
    """Return a sentence for those who listen to the page; it is not seen."""
    return f'<p role="status" aria-live="polite">{stage.quoted(sentence)}</p>'
