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

from collections.abc import AsyncIterator, Sequence
from typing import Any

import gradio as gr

from studio.errors import AgreementRequired, NotFound, StudioError
from studio.tabs import Page, call, user_of
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.tabs._asking import question
from studio.tabs._desk import FOLLOWING, QUIET, Updates
from studio.tabs._follow import Seen, Turns, answer, watch
from studio.tabs._scene import Scene, Trade, live
from studio.types import FINISHED, Job, Record, Request

UNFINISHED = ("queued", "downloading", "loading", "running")


class Bench(Scene):
    """A scene, and what clicks and jobs do to it. A job that an event puts among `mine` is followed."""

    def __init__(self, page: Page, trade: Trade):
        super().__init__(page, trade)
        self.turns = Turns()
        self.away: set[str] = set()  # pages (sessions) that look at an older result while a job runs
        self.drawn: dict[str, set[str]] = {}  # page -> its jobs whose end it has seen

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

    # ---- events

    def wire(self) -> None:
        """Set up what clicks do."""
        self.follows(self.go.click(self.submit, [self.mine, *self.asked], self.scene, trigger_mode="multiple", **QUIET))
        self.halt.click(self.stop, self.current, self.halt, queue=False, **QUIET)
        self.follows(self.stage.click(self.on_stage, [self.mine, self.pending, *self.asked], self.everything, **QUIET))
        self.follows(self.about.click(self.on_about, self.mine, self.everything, **QUIET))
        self.strip.click(self.on_strip, self.mine, [self.stage, self.about, self.strip], **QUIET)
        self.wire_desk()
        called = [self.page.call, self.mine, self.model, self.prompt]
        self.follows(self.page.call.change(self.called, called, self.everything, **QUIET))
        self.follows(self.page.blocks.load(self.arrive, None, self.everything, **QUIET))
        self.page.blocks.unload(self.left)
        gr.api(self.ask, api_name=self.trade.tab, concurrency_limit=None)

    @property
    def everything(self) -> list[gr.blocks.Block]:
        """Whatever a click on this tab may change."""
        elsewhere = [self.page.call, self.page.nav]
        return [*self.filled, self.prompt, self.seed, *(one for one in self.scene if one is not self.model), *elsewhere]

    def follows(self, event: Any) -> Any:
        """Let a job that an event has put among `mine` be followed; at its end a model may no longer be one to download."""
        followed = event.then(self.follow, self.mine, self.scene, **FOLLOWING)
        return followed.then(self.note_of, [self.model, self.prompt], self.note, **QUIET)

    def submit(self, request: gr.Request, mine: list[str], *values: Any) -> Updates:
        """Write a job down and show that it waits."""
        self.away.discard(request.session_hash or "")
        try:
            return self.submitted(self.request(*values), request, mine)
        except StudioError as error:
            return {self.stage: self.refused(error), self.about: "", self.live: ""}

    def submitted(self, wanted: Request, request: gr.Request, mine: list[str], kept: Request | None = None) -> Updates:
        """Write a job down, or ask first: before a first download, and for an agreement to the model's terms.

        `kept` is the request itself where the desk does not hold it, so that the answer finds it.
        """
        try:
            return self.queued(self.studio.submit(self.inputs.kept(wanted, user_of(request)), user_of(request), ask=True), mine)
        except AgreementRequired:
            return self.asking(wanted, request, mine, kept)

    def asking(self, wanted: Request, request: gr.Request, mine: list[str], kept: Request | None = None) -> Updates:
        """Return the updates that ask whether the model may be downloaded and used. Jobs that run go on unseen."""
        if self.unfinished(mine):
            self.away.add(request.session_hash or "")
        status = self.studio.model(wanted.model)
        panel = question(status, self.studio.offer(wanted.model), self.trade.verb.lower())
        about = stage.facts(wanted.prompt, [("Model", status.spec.name)])
        return {self.stage: panel, self.about: about, self.live: live(f"{status.spec.name} asks for an answer."), self.pending: kept}

    def answered(self, model: str, request: gr.Request, mine: list[str], kept: Request | None, *values: Any) -> Updates:
        """Remember the agreement and make what was asked for: the kept request, or what the desk holds now, with the model agreed to."""
        self.away.discard(request.session_hash or "")
        self.studio.agree(model, user_of(request))
        wanted = kept or self.request(values[0], model, *values[2:])
        return {self.pending: None, **self.submitted(wanted, request, mine, kept)}

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

    def on_stage(self, event: gr.EventData, request: gr.Request, mine: list[str], kept: Request | None = None, *values: Any) -> Updates:
        """A prompt to try, an answer to the question, a job to run again, another model to use, a result to look at."""
        act, name = event.act, getattr(event, "id", "")
        if act == "try":
            return {self.prompt: event.text}
        if act == "later":
            self.away.discard(request.session_hash or "")
            return {self.stage: self.empty(), self.about: "", self.live: "", self.pending: None}
        try:
            if act == "agree":
                return self.answered(name, request, mine, kept, *values)
            if act == "retry":
                self.studio.job(name, user_of(request))
                return self.queued(self.studio.rerun(name, user_of(request)), mine)
            if act == "instead":
                return self.fill(name)
            if act == "open":
                return self.opened(self.record(name, request), request, mine)
        except AgreementRequired:
            again = self.studio.job(name, user_of(request)).request
            return self.asking(again, request, mine, again)
        except StudioError as error:
            return {self.stage: self.refused(error)}
        return {self.halt: gr.skip()}

    def varied(self, record: Record) -> dict[str, Any]:
        """Return the options of a result that another seed shall vary."""
        return {**record.options}

    def on_about(self, event: gr.EventData, request: gr.Request, mine: list[str]) -> Updates:
        """Use a result's settings, vary it, send it on, delete it, or go back to the one being made."""
        user = user_of(request)
        try:
            if event.act == "back":
                self.away.discard(request.session_hash or "")
                return {self.halt: gr.skip()}
            record = self.record(getattr(event, "id", ""), request)
            if event.act == "use":
                return self.use(record)
            if event.act == "vary":
                again = self.studio.job(record.job, user).request.model_copy(update={"seed": None, "options": self.varied(record)})
                return self.submitted(again, request, mine, again)
            if event.act == "send":
                return {self.page.call: call(event.text, source=record.id), self.page.nav: gr.Tabs(selected=event.text)}
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

    def opened(self, record: Record, request: gr.Request, mine: Sequence[str]) -> Updates:
        """Return the updates that put an older result on the stage; a job that runs goes on unseen until one comes back to it."""
        back = ""
        if self.unfinished(mine):
            self.away.add(request.session_hash or "")
            back = stage.button("Back to the one being made", "back", "link")
        about = self.of(record) + back
        return {self.stage: self.trade.draw([record]), self.about: about, self.strip: self.latest(user_of(request), record.id)}

    def called(self, request: gr.Request, call: dict | None, mine: list[str], model: str | None = None, prompt: str = "") -> Updates:
        """Answer another tab: fill the controls from a record, start from one, or follow a job."""
        if not call or call.get("tab") != self.trade.tab:
            return {self.halt: gr.skip()}
        try:
            if "job" in call:
                return self.queued(self.studio.job(call["job"], user_of(request)), mine)
            if "source" in call:
                return self.start_from(self.record(call["source"], request), model, prompt)
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


def told(record: Record) -> dict[str, Any]:
    """Return a record for a program, with its file's address; gradio's client takes whatever has a `path` for an upload of its own."""
    return {**record.model_dump(exclude={"path", "files", "user"}), "url": stage.file_url(record)}
