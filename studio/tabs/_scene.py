"""What stands on a generating tab: what it makes, and how each state of a job and each result looks.

Knows the stage, the facts and the strip. Does not know how a job is asked for or followed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import gradio as gr

from studio.errors import StudioError
from studio.studio import ModelStatus
from studio.tabs import Page
from studio.tabs import _send as send
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.tabs._controls import Choices
from studio.tabs._desk import Desk, Updates
from studio.tabs._follow import Seen
from studio.tabs._inputs import made_from
from studio.types import Record

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


class Scene(Desk):
    """A desk, and the look of what comes of it.

    Attributes:
        stage, about, strip: the drawn result, what is to be known of it, the latest results.
        live: a sentence for those who listen. go, halt: the buttons that begin and stop.
        mine: the ids of the jobs this page waits for. current: the id of the job on the stage.
        pending: a request that waits for an answer to the question on the stage, where the desk does not hold it.
    """

    def __init__(self, page: Page, trade: Trade):
        super().__init__(page, trade.task, trade.skip, trade.fold, trade.choices)
        self.trade = trade

    # ---- drawing

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
        self.mine, self.current, self.pending = gr.State([]), gr.State(""), gr.State(None)

    def draw_strip(self) -> None:
        self.strip = stage.drawn(elem_classes="plain")

    @property
    def scene(self) -> list[gr.components.Component]:
        """What `follow` draws on."""
        return [self.stage, self.about, self.live, self.strip, self.halt, self.mine, self.current, self.pending, self.model]

    # ---- what the states look like

    def empty(self) -> str:
        """Return the empty stage: what this tab makes, and prompts of the chosen model to try."""
        prompts = self.studio.spec(self.start).prompts if self.start else ()
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
        begun = seen.state == "running" and seen.step
        pairs = stage.progress_words(seen) if begun else [("Model", self.name(seen.job.model)), ("Seed", seen.job.seed)]
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
            now = stage.button("Make it now", "retry", "do", id=seen.job.id)
            return stage.message(f"A {self.trade.noun} was interrupted", sentence, now)
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
        detail = f"{seen.code or 'failed'}, job {seen.job.id}"
        return stage.failed(what, seen.error or "The reason is in the log.", "".join(buttons), detail)

    def lighter(self, model: str) -> ModelStatus | None:
        """Return the model on disk that takes the least memory, other than this one."""
        others = [one for one in self.studio.models(self.trade.task) if one.on_disk and one.spec.id != model]
        return min(others, key=words.weight) if others else None

    def refused(self, error: StudioError) -> str:
        """Return the stage of a request that did not become a job."""
        return stage.failed("This cannot be made", str(error), "")

    def of(self, record: Record) -> str:
        """Return what is to be known of a result and what can be done with it."""
        pairs = [("Model", self.name(record.model)), *self.trade.facts(record), ("Seed", record.seed)]
        pairs += words.settings_of(record, self.fields(record.model)) + [("Time", words.said_time(record.seconds))]
        return stage.facts(record.prompt, pairs, made_from(self.studio, record) + self.buttons(record))

    def buttons(self, record: Record) -> str:
        return stage.actions(
            stage.button("Use these settings", "use", id=record.id),
            stage.button(f"Vary this {self.trade.noun}", "vary", id=record.id),
            *(stage.download(record, text, format) for text, format in self.trade.formats),
            self.trade.actions(record),
            send.buttons(self.studio, record),
            stage.button("Delete", "delete", "quiet", id=record.id, sure=f"Delete this {self.trade.noun} for good?"),
        )

    def latest(self, user: str, chosen: str = "") -> str:
        records = self.studio.gallery.list(task=self.trade.task, limit=LATEST, user=user)
        return stage.strip(records, [self.trade.thumb(record) for record in records], chosen, kind=self.trade.strip)


def live(sentence: str) -> str:
    """Return a sentence for those who listen to the page; it is not seen."""
    return f'<p role="status" aria-live="polite">{stage.quoted(sentence)}</p>'
