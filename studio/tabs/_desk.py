"""The desk of a generating tab: the model menu with its note, the options of the chosen model, the seed.

Knows how what one asks for is put together. Does not know what becomes of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from pydantic import BaseModel

from studio.errors import NotFound, StudioError
from studio.tabs import Page, user_of
from studio.tabs import _menu as menu
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.tabs._controls import Choices, Controls
from studio.tabs._inputs import Inputs
from studio.tabs._send import text_of
from studio.types import MAX_SEED, ModelSpec, Record, Request

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# A newer follower may begin while an older one still goes on.
FOLLOWING: dict[str, Any] = {**QUIET, "concurrency_limit": None, "trigger_mode": "multiple"}
Updates = dict[Any, Any]  # component -> its update, as gradio takes them from an event


def layout(name: str, **how: Any):
    """Return a method that opens a column of the page's layout, for `with`; `name` are its classes."""

    @contextmanager
    def opened(self: Any) -> Iterator[gr.Column]:
        with gr.Column(elem_classes=name.split(), **how) as column:
            yield column

    return opened


class Desk:
    """The controls of one generating tab.

    Attributes:
        model, note, seed: the menu, what it says of the chosen model, the seed. prompt: a control whose value is a str.
        controls: those of the models' options. inputs: the places for files to start from.
        start: the model to begin with, None where the catalogue has none.
    """

    prompt: gr.components.Component

    def __init__(
        self, page: Page, task: str, skip: Iterable[str] = (), fold: Iterable[str] = (), choices: Mapping[str, Choices] | None = None
    ):  # fmt: skip
        self.page, self.studio, self.task = page, page.studio, task
        self.start = menu.first(self.studio, task)
        self.controls = Controls(self.studio.registry.specs(task), self.options_of, skip, fold, choices)
        self.inputs = Inputs(self.studio, task, self.controls)

    def options_of(self, model: str) -> type[BaseModel]:
        return self.studio.registry.engine(model).Options

    # ---- drawing

    @contextmanager
    def work(self) -> Iterator[gr.Row]:
        """Open the row of the whole tab: desk and result."""
        with gr.Row(elem_classes="work") as row:
            yield row

    desk = layout("desk", scale=0, min_width=376)
    first = layout("first")
    rest = layout("rest")
    result = layout("result")

    def draw_model(self) -> None:
        """Draw the menu of models and the note under it."""
        entries = menu.entries(self.studio, self.task)
        self.model = gr.Dropdown(entries, value=self.start, label="Model", filterable=False, interactive=True)
        self.note = stage.drawn(self.note_of(self.start), elem_classes="plain")

    def draw_settings(self) -> None:
        """Draw the settings that matter, files to start from, and the rest folded under Advanced, the seed among them."""
        self.draw_main()
        self.draw_inputs()
        self.draw_advanced()

    def draw_main(self) -> None:
        self.controls.draw_main(self.start)

    def draw_inputs(self) -> None:
        self.inputs.draw(self.start)

    def draw_advanced(self, title: str = "Advanced", open: bool = False) -> None:
        with gr.Accordion(title, open=open):
            self.controls.draw_more(self.start)
            self.draw_seed()

    def draw_seed(self) -> None:
        self.seed = gr.Number(
            None, label="Seed", info="The same seed makes the same again", placeholder="A new one each time",
            precision=0, minimum=0, maximum=MAX_SEED, min_width=0, interactive=True,
        )  # fmt: skip

    def note_of(self, model: str | None, prompt: str | None = "") -> str:
        """Return the note under the menu; a field nobody has written in holds None."""
        if not model:
            return menu.nothing(self.studio)
        bigger = any(not spec.starter for spec in self.studio.registry.specs(self.task) if spec.id != model)
        return menu.about(self.studio.model(model), prompt or "", bigger)

    # ---- what is asked for

    @property
    def asked(self) -> list[gr.components.Component]:
        """The inputs `request(*values)` is made from."""
        return [self.prompt, self.model, self.seed, *self.controls.components, *self.inputs.components]

    def request(self, prompt: str, model: str | None, seed: float | None, *values: Any) -> Request:
        """Return what the controls ask for, its inputs as paths. Raises NotFound where there is no model."""
        if not model:
            catalogue = self.studio.registry.path.name
            raise NotFound(f"No model in {catalogue} can do this. Add one, then start the studio again.", param="model")
        spec, count = self.studio.spec(model), len(self.controls.components)
        given = self.inputs.read(spec, prompt or "", values[count:])
        options = self.controls.read(spec, values[:count], given["inputs"])
        return Request(model=model, prompt=prompt or "", seed=None if seed is None else int(seed), options=options, **given)

    # ---- filling the controls

    @property
    def filled(self) -> list[gr.blocks.Block]:
        """The outputs of `fill`."""
        return [self.model, self.note, *self.controls.outputs, *self.inputs.outputs, *self.own]

    @property
    def own(self) -> list[gr.blocks.Block]:
        """Controls of the tab itself which `fill_own` fills."""
        return []

    def fill_own(self, spec: ModelSpec, options: Mapping[str, Any]) -> Updates:
        """Return updates of `own` for a model whose options are `options`; for tabs that draw controls of their own."""
        return {}

    def fill(
        self, model: str, options: Mapping[str, Any] | None = None, prompt: str = "", inputs: Mapping[str, Path] | None = None
    ) -> Updates:  # fmt: skip
        """Return updates that choose a model and show its controls, with its defaults and over them `options`.

        `inputs` are the files to start from, by role; None leaves those that are there.
        """
        spec = self.studio.spec(model)
        menu_now = gr.Dropdown(choices=menu.entries(self.studio, self.task), value=model)
        shown = dict(zip(self.controls.outputs, self.controls.show(spec, options), strict=True))
        own = self.fill_own(spec, {**self.controls.defaults(spec), **(options or {})})
        places = self.inputs.show(spec) if inputs is None else self.inputs.fill(spec, inputs)
        return {self.model: menu_now, self.note: self.note_of(model, prompt), **shown, **places, **own}

    def menu_now(self) -> Any:
        """Return an update of the menu: a model may be in memory by now."""
        return gr.Dropdown(choices=menu.entries(self.studio, self.task))

    def use(self, record: Record) -> Updates:
        """Return updates that set everything as it was for a record."""
        filled = self.fill(record.model, record.options, record.prompt, self.inputs.of_record(record))
        return {self.prompt: record.prompt, self.seed: record.seed, **filled}

    def start_from(self, record: Record, model: str | None, prompt: str) -> Updates:
        """Return updates that make a result the start of the next: a text is the prompt, else it is an input of a model that takes it."""
        if record.medium == "text":
            text = text_of(self.studio, record)
            return {self.prompt: text, **({self.inputs.origin: {"id": record.id, "text": text}} if self.inputs.origin else {})}
        fitting = [spec for spec in self.studio.registry.specs(self.task) if record.medium in self.inputs.of(spec).values()]
        chosen = next((spec for spec in fitting if spec.id == model), None)
        paths = {self.inputs.role_for(record.medium, self.inputs.of(chosen or fitting[0])): self.studio.file(record)}
        said = {} if (prompt or "").strip() else {self.prompt: record.prompt}
        if chosen:
            return {**said, **self.inputs.fill(chosen, paths)}
        best = menu.first(self.studio, self.task, [spec.id for spec in fitting])
        return {**said, **self.fill(best, prompt=prompt, inputs=paths)}

    def wire_desk(self) -> None:
        """Let the controls follow the menu, and the note the prompt."""
        self.inputs.wire()
        self.model.input(lambda model, prompt: self.fill(model, prompt=prompt), [self.model, self.prompt], self.filled, **QUIET)
        self.note.click(self.on_note, [self.model, self.prompt], [self.page.nav, *self.filled], **QUIET)
        if not isinstance(self.prompt, gr.State):
            self.prompt.change(self.note_of, [self.model, self.prompt], self.note, trigger_mode="always_last", **QUIET)

    def on_note(self, model: str, prompt: str) -> Updates:
        """Go from a starter to a bigger model, or to the list of models where this tab has none."""
        bigger = menu.bigger(self.studio.models(self.task), model)
        return self.fill(bigger, prompt=prompt) if bigger else {self.page.nav: gr.Tabs(selected="models")}

    # ---- names

    def name(self, model: str) -> str:
        return words.title_of(self.studio, model)

    def record(self, name: str, request: gr.Request) -> Record:
        """Return a record of the one who asks. Raises NotFound."""
        return self.studio.gallery.get(name, user=user_of(request))

    def fields(self, model: str) -> dict[str, Any]:
        """Return the fields of a model's options; none where the catalogue no longer has it."""
        try:
            return self.options_of(model).model_fields
        except StudioError:
            return {}
