"""The Text tab: a chat with a language model, or a page that it goes on writing."""

import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import gradio as gr

from studio.errors import AgreementRequired, StudioError
from studio.tabs import Page, user_of
from studio.tabs import _stage as stage
from studio.tabs import _talk as talks
from studio.tabs._asking import question
from studio.tabs._desk import FOLLOWING, QUIET, Desk, Updates, layout
from studio.tabs._follow import Seen, Turns, answer, watch
from studio.tabs._talk import Talk
from studio.types import FINISHED, Job, Message, Request

TITLE = "Text"
PLACE = 20
TASK = "text-generation"
UNFINISHED = ("queued", "downloading", "loading", "running")
CHAT, WRITE = "Chat", "Completion"


class TextDesk(Desk):
    """The desk and the talk beside it.

    Attributes:
        prompt: the message to send. page_text: the page in completion. talk: what was said, a `Talk`.
    """

    def __init__(self, page: Page):
        super().__init__(page, TASK, skip=("system",))
        self.turns = Turns()
        self.asked_by: dict[str, str] = {}  # page (session) -> the job it waits for: a double click asks once
        self.lock = threading.Lock()

    # ---- drawing

    def build(self) -> None:
        with self.work():
            with self.desk():
                with self.first():
                    self.draw_model()
                with self.rest():
                    self.draw_rest()
            with self.conversation():
                self.draw_talk()
        self.wire()

    conversation = layout("result chat")

    def draw_rest(self) -> None:
        self.mode = gr.Radio([CHAT, WRITE], value=CHAT, label="Mode", elem_classes="segmented", interactive=True)
        with gr.Accordion("Instructions", open=False):
            self.system = gr.Textbox(
                label="System prompt", lines=3, max_lines=10, info="Read by the model before each answer",
                placeholder="Answer in a few plain sentences.", interactive=True,
            )  # fmt: skip
        with gr.Accordion("Settings", open=False):
            self.draw_main()
            self.controls.draw_more(self.start)
            self.draw_seed()
        self.list = stage.drawn(elem_classes="plain")

    def draw_talk(self) -> None:
        self.talk = gr.State(Talk())
        self.hello = stage.drawn(self.greeting(CHAT), elem_classes="plain hello")
        self.chat = gr.Chatbot(
            label="Chat", show_label=False, layout="panel", height="100%", buttons=["copy"], feedback_options=None, editable="user",
            allow_tags=False, visible=False, elem_classes="talk",
        )  # fmt: skip
        self.page_text = gr.Textbox(
            label="Text", show_label=False, lines=16, max_lines=24, visible=False, interactive=True, elem_classes="sheet-of-text",
            placeholder="Begin a text. The model goes on where you stop.",
        )  # fmt: skip
        self.pulse = stage.drawn(elem_classes="plain")
        self.live = stage.drawn(elem_classes="live hide")
        with gr.Row(elem_classes="composer"):
            self.prompt = gr.Textbox(
                label="Message", show_label=False, placeholder="Write a message", lines=1, max_lines=8,
                scale=1, min_width=0, interactive=True,
            )  # fmt: skip
            self.go = gr.Button("Send", variant="primary", elem_classes="go", scale=0, min_width=84)
            self.halt = gr.Button("Stop", elem_classes="halt", scale=0, min_width=76, interactive=False)

    def greeting(self, mode: str) -> str:
        """Return what stands in the place of a talk that has not begun."""
        if mode == WRITE:
            return ""
        prompts = self.studio.spec(self.start).prompts if self.start else ()
        return stage.empty("A talk with a language model", "The model runs on this machine; nothing you write leaves it.", prompts)

    # ---- events

    @property
    def scene(self) -> list[gr.components.Component]:
        talk = [self.hello, self.chat, self.page_text, self.prompt, self.talk]
        return [*talk, self.pulse, self.live, self.go, self.halt, self.list, self.model]

    @property
    def everything(self) -> list[gr.blocks.Block]:
        return [*self.filled, self.mode, self.system, self.seed, *(one for one in self.scene if one is not self.model)]

    def wire(self) -> None:
        asked = [self.talk, self.mode, self.page_text, self.system, *self.asked]
        gr.on([self.go.click, self.prompt.submit], self.send, asked, self.scene, **QUIET).then(*self.following, **FOLLOWING)
        for event, act in ((self.chat.retry, self.again), (self.chat.edit, self.edited), (self.pulse.click, self.on_pulse)):
            event(act, asked, self.scene, **QUIET).then(*self.following, **FOLLOWING)
        self.halt.click(self.stop, self.talk, self.halt, queue=False, **QUIET)
        self.hello.click(self.tried, None, self.prompt, **QUIET)
        self.mode.input(self.on_mode, [self.mode, self.talk], self.scene, **QUIET)
        self.list.click(self.on_list, self.mode, self.everything, **QUIET)
        self.wire_desk()
        self.page.call.change(self.called, self.page.call, self.everything, **QUIET)
        self.page.blocks.load(self.arrive, None, self.everything, **QUIET).then(*self.following, **FOLLOWING)
        self.page.blocks.unload(self.left)
        gr.api(self.api_chat, api_name="chat", concurrency_limit=None)
        gr.api(self.api_complete, api_name="complete", concurrency_limit=None)

    @property
    def following(self) -> tuple[Any, list, list]:
        return self.follow, [self.talk, self.mode], self.scene

    def send(self, request: gr.Request, talk: Talk, mode: str, text: str, system: str, message: str, *values: Any) -> Updates:
        """Send the message, or let the model go on with the page."""
        if self.under_way(talk.job):
            return {self.halt: gr.skip()}
        if mode == WRITE:
            return self.asking(Talk(text=text or "", before=text or "", parent=talk.parent), request, system, *values)
        if not (message or "").strip():
            return {self.halt: gr.skip()}
        return {**self.asking(talk.saying(message), request, system, *values), self.prompt: ""}

    def again(self, request: gr.Request, talk: Talk, mode: str, text: str, system: str, message: str, *values: Any) -> Updates:
        """Ask for the last answer anew."""
        if self.under_way(talk.job):
            return {self.halt: gr.skip()}
        if mode == WRITE:
            return self.asking(replace(talk, text=talk.before), request, system, *values)
        last = max((index for index, one in enumerate(talk.messages) if one.role == "user"), default=-1)
        return self.asking(talk.until(last + 1), request, system, *values)

    def edited(
        self, event: gr.EditData, request: gr.Request, talk: Talk, mode: str, text: str, system: str, message: str, *values: Any
    ) -> Updates:  # fmt: skip
        """Say something else in the place of an earlier message; what came after it is left behind."""
        index = event.index if isinstance(event.index, int) else event.index[0]
        if self.under_way(talk.job) or not 0 <= index < len(talk.messages):
            return {self.chat: talks.bubbles(talk)}
        return self.asking(talk.until(index).saying(talks.plain(str(event.value))), request, system, *values)

    def on_pulse(
        self, event: gr.EventData, request: gr.Request, talk: Talk, mode: str, text: str, system: str, message: str, *values: Any
    ) -> Updates:  # fmt: skip
        """Write the answer anew, go on with it, or take back what the model added to the page."""
        if event.act == "undo":
            return {**self.shown(replace(talk, text=talk.before), WRITE), self.pulse: ""}
        if event.act == "later":
            return self.later(talk, mode, message)
        if event.act == "agree":
            self.studio.agree(event.id, user_of(request))
            talk, values = (talk if mode == CHAT else Talk(text=text or "", before=text or "", parent=talk.parent)), (event.id, *values[1:])
        if event.act in ("on", "agree") and not self.under_way(talk.job):
            return self.asking(talk, request, system, *values)
        return self.again(request, talk, mode, text, system, message, *values)

    def later(self, talk: Talk, mode: str, message: str) -> Updates:
        """Take the question away and give back what was to be sent."""
        if mode == WRITE or not talk.messages or talk.messages[-1].role != "user":
            return {self.pulse: ""}
        back = talk.until(len(talk.messages) - 1)
        return {**self.shown(back, CHAT), self.pulse: "", self.prompt: message or talk.messages[-1].content}

    def asking(self, talk: Talk, request: gr.Request, system: str, *values: Any) -> Updates:
        """Submit what is to be answered, and show that it waits. `values` are those of model, seed and controls."""
        instructions = (system or "").strip()
        try:
            wanted = self.request(talk.text, *values)
            said = [Message(role="system", content=instructions)] if instructions and talk.messages else []
            parents = [talk.parent] if talk.parent else []
            wanted = wanted.model_copy(update={"messages": [*said, *talk.messages] if talk.messages else [], "parents": parents})
            with self.lock:
                if self.under_way(self.asked_by.get(request.session_hash or "", "")):
                    return {self.halt: gr.skip()}
                job = self.studio.submit(wanted, user_of(request), ask=True)
                self.asked_by[request.session_hash or ""] = job.id
        except AgreementRequired:
            panel = question(self.studio.model(wanted.model), self.studio.offer(wanted.model), "answer" if talk.messages else "go on")
            return {**self.shown(talk, CHAT if talk.messages else WRITE), self.pulse: panel}
        except StudioError as error:
            refused = Seen(Job.model_construct(id=""), state="failed", error=str(error))
            return {**self.shown(talk, CHAT if talk.messages else WRITE), self.pulse: talks.after(refused, True)}
        return self.answering(replace(talk, job=job.id), Seen(job))

    def under_way(self, job: str) -> bool:
        """Whether a job has not ended; "" is none."""
        try:
            return bool(job) and self.studio.job(job).state not in FINISHED
        except StudioError:
            return False

    async def follow(self, request: gr.Request, talk: Talk, mode: str) -> AsyncIterator[Updates]:
        """Show the answer as it is written."""
        if not talk.job:
            yield {self.halt: gr.skip()}
            return
        wanted, said = self.turns.enter(request.session_hash), ""
        async for seen in watch(self.studio, self.studio.job(talk.job, user_of(request)), wanted):
            if seen.ended:
                yield self.answered(talk, seen, user_of(request))
            else:
                yield {**self.answering(talk, seen), **({} if seen.state == said else {self.live: announced(seen)})}
            said = seen.state
        if not wanted():
            yield {self.live: gr.skip()}  # what was yielded last is sent once more at the end, and must not undo the newer follower's work

    def left(self, request: gr.Request) -> None:
        """Forget a page that was closed. Its answer is written to the end."""
        self.turns.leave(request.session_hash)
        self.asked_by.pop(request.session_hash or "", None)

    def answering(self, talk: Talk, seen: Seen) -> Updates:
        so_far = talk.with_piece(seen.text)
        return {
            **self.shown(so_far, CHAT if talk.messages else WRITE, waits=True), self.talk: talk,
            self.pulse: talks.pulse(seen, self.name(seen.job.model)),
            self.go: gr.Button(interactive=False), self.halt: gr.Button(interactive=True),
        }  # fmt: skip

    def answered(self, talk: Talk, seen: Seen, user: str) -> Updates:
        """Return the updates of an answer that has ended; what was written before a stop or a failure stays."""
        parent = seen.records[0].id if seen.records else talk.parent
        done = replace(talk.with_piece(self.whole(seen)), job="", parent=parent)
        return {
            **self.shown(done, CHAT if talk.messages else WRITE), self.talk: done, self.pulse: talks.after(seen, bool(talk.messages)),
            self.live: announced(seen), self.go: gr.Button(interactive=True), self.halt: gr.Button(interactive=False),
            self.list: talks.earlier(self.studio, TASK, user, parent), self.model: self.menu_now(),
        }  # fmt: skip

    def whole(self, seen: Seen) -> str:
        """Return the answer as it was saved, else what was seen of it."""
        saved = talks.answer_of(self.studio, seen.job.model_copy(update={"results": [record.id for record in seen.records]}))
        return saved or seen.text

    def shown(self, talk: Talk, mode: str, waits: bool = False) -> Updates:
        """Return the updates that show a talk or a page."""
        if mode == WRITE:
            page = gr.Textbox(value=talk.text, visible=True, interactive=not waits)
            return {self.page_text: page, self.chat: gr.Chatbot(visible=False), self.hello: gr.HTML(visible=False), self.talk: talk}
        begun = bool(talk.messages)
        chat = gr.Chatbot(value=talks.bubbles(talk, waits), visible=begun, elem_classes=["talk", "writing"] if waits else ["talk"])
        return {self.chat: chat, self.hello: gr.HTML(visible=not begun), self.page_text: gr.Textbox(visible=False), self.talk: talk}

    def tried(self, event: gr.EventData) -> str:
        """Put an example where one writes."""
        return getattr(event, "text", "")

    def stop(self, talk: Talk, request: gr.Request) -> Any:
        if talk.job:
            self.studio.job(talk.job, user_of(request))
            self.studio.cancel(talk.job)
        return gr.skip()

    def on_mode(self, mode: str, talk: Talk) -> Updates:
        """Change between chat and completion; a talk and a page each wait for one's return."""
        composer = {self.prompt: gr.Textbox(visible=mode == CHAT), self.go: gr.Button("Send" if mode == CHAT else "Go on")}
        return {
            **self.shown(talk, mode),
            **composer,
            self.pulse: "",
            self.hello: gr.HTML(self.greeting(mode), visible=mode == CHAT and not talk.messages),
        }

    def on_list(self, event: gr.EventData, request: gr.Request, mode: str) -> Updates:
        """Open an earlier talk, or begin a new one."""
        if event.act == "new":
            return self.on_page(Talk(), mode, user_of(request))
        try:
            return self.back_to(self.studio.job(getattr(event, "id", ""), user_of(request)), user_of(request))
        except StudioError as error:
            gr.Warning(str(error))
            return {self.halt: gr.skip()}

    def back_to(self, job: Job, user: str) -> Updates:
        """Return the updates that open the talk of a job, with its model and settings."""
        running = job.state not in FINISHED
        talk = replace(talks.asked_before(job), job=job.id) if running else talks.opened(self.studio, job)
        mode = CHAT if job.request.messages else WRITE
        return {**self.on_page(talk, mode, user), **self.fill(job.model, job.options), self.system: talks.instructions_of(job)}

    def on_page(self, talk: Talk, mode: str, user: str) -> Updates:
        there = {self.mode: mode, self.list: talks.earlier(self.studio, TASK, user, talk.parent)}
        buttons = {
            self.go: gr.Button("Send" if mode == CHAT else "Go on", interactive=True),
            self.halt: gr.Button(interactive=bool(talk.job)),
        }
        return {**self.on_mode(mode, talk), **there, **buttons}

    def called(self, request: gr.Request, call: dict | None) -> Updates:
        """Open the talk that another tab points at."""
        if not call or call.get("tab") != "text":
            return {self.halt: gr.skip()}
        try:
            job = call["job"] if "job" in call else self.record(call["record"], request).job
            return self.back_to(self.studio.job(job, user_of(request)), user_of(request))
        except StudioError as error:
            gr.Warning(str(error))
            return {self.halt: gr.skip()}

    def arrive(self, request: gr.Request) -> Updates:
        """Find an answer that is being written for this user, when the page is opened."""
        user = user_of(request)
        running = [job for job in self.studio.jobs(user, UNFINISHED, TASK) if job.action == "run"]
        if running:
            return self.back_to(running[0], user)
        filled = self.fill(self.start) if self.start else {}
        return {**filled, self.list: talks.earlier(self.studio, TASK, user, "")}

    # ---- gradio's own API

    async def api_chat(
        self, message: str, history: list[dict] | None = None, system: str = "", model: str = "", seed: int | None = None,
        options: dict | None = None, request: gr.Request = None,
    ) -> AsyncIterator[str]:  # fmt: skip
        """Answer a message. Yields the answer as far as it is written.

        Args:
            message: what is said to the model.
            history: the messages before it, each {"role": "user" | "assistant", "content": str}.
            system: instructions that the model reads first.
            model: an id of the catalogue; "" takes the first text model.
            seed: 0 to 4294967295; without it a new one is drawn.
            options: any option of the model's engine, such as temperature and max_tokens.
        """
        said = [{"role": "system", "content": system}] if system else []
        messages = [Message(**one) for one in [*said, *(history or []), {"role": "user", "content": message}]]
        async for text in self.written(
            Request(model=model or self.start or "", messages=messages, seed=seed, options=options or {}), request
        ):
            yield text

    async def api_complete(
        self, prompt: str, model: str = "", seed: int | None = None, options: dict | None = None, request: gr.Request = None
    ) -> AsyncIterator[str]:  # fmt: skip
        """Go on with a text. Yields what is written so far, without the prompt."""
        async for text in self.written(Request(model=model or self.start or "", prompt=prompt, seed=seed, options=options or {}), request):
            yield text

    async def written(self, wanted: Request, request: gr.Request) -> AsyncIterator[str]:
        try:
            async for seen in answer(self.studio, wanted, user_of(request)):
                yield self.whole(seen) if seen.ended else seen.text
        except StudioError as error:
            raise gr.Error(str(error), print_exception=False) from error


def announced(seen: Seen) -> str:
    """Return the sentence a screen reader hears; the answer itself is read from the chat's log."""
    sentence = {"running": "Writing.", "done": "The answer is complete.", "cancelled": "Stopped."}.get(seen.state, "")
    return f'<p role="status" aria-live="polite">{sentence}</p>'


def build(page: Page) -> None:
    TextDesk(page).build()
