"""The desk of a generating tab: the model menu with its note, the options of the chosen model, the seed.

Knows how what one asks for is put together. Does not know what becomes of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gradio as gr
from pydantic import BaseModel

from studio.errors import NotFound, StudioError
from studio.tabs import Page, user_of
from studio.tabs import _menu as menu
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.tabs._controls import Choices, Controls
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
        controls: those of the models' options. start: the model to begin with, None where the catalogue has none.
    """

    prompt: gr.components.Component

    def __init__(
        self, page: Page, task: str, skip: Iterable[str] = (), fold: Iterable[str] = (), choices: Mapping[str, Choices] | None = None
    ):  # fmt: skip
        self.page, self.studio, self.task = page, page.studio, task
        self.start = menu.first(self.studio, task)
        self.controls = Controls(self.studio.registry.specs(task), self.options_of, skip, fold, choices)

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
        """Draw the settings that matter, the rest folded under Advanced, the seed among them."""
        self.draw_main()
        self.draw_advanced()

    def draw_main(self) -> None:
        self.controls.draw_main(self.start)

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
        return [self.prompt, self.model, self.seed, *self.controls.components]

    def request(self, prompt: str, model: str | None, seed: float | None, *values: Any) -> Request:
        """Return what the controls ask for. Raises NotFound where there is no model."""
        if not model:
            catalogue = self.studio.registry.path.name
            raise NotFound(f"No model in {catalogue} can do this. Add one, then start the studio again.", param="model")
        options = self.controls.read(self.studio.model(model).spec, values)
        return Request(model=model, prompt=prompt or "", seed=None if seed is None else int(seed), options=options)

    # ---- filling the controls

    @property
    def filled(self) -> list[gr.blocks.Block]:
        """The outputs of `fill`."""
        return [self.model, self.note, *self.controls.outputs, *self.own]

    @property
    def own(self) -> list[gr.blocks.Block]:
        """Controls of the tab itself which `fill_own` fills."""
        return []

    def fill_own(self, spec: ModelSpec, options: Mapping[str, Any]) -> Updates:
        """Return updates of `own` for a model whose options are `options`; for tabs that draw controls of their own."""
        return {}

    def fill(self, model: str, options: Mapping[str, Any] | None = None, prompt: str = "") -> Updates:
        """Return updates that choose a model and show its controls, with its defaults and over them `options`."""
        spec = self.studio.model(model).spec
        menu_now = gr.Dropdown(choices=menu.entries(self.studio, self.task), value=model)
        shown = dict(zip(self.controls.outputs, self.controls.show(spec, options), strict=True))
        own = self.fill_own(spec, {**self.controls.defaults(spec), **(options or {})})
        return {self.model: menu_now, self.note: self.note_of(model, prompt), **shown, **own}

    def menu_now(self) -> Any:
        """Return an update of the menu: a model may be in memory by now."""
        return gr.Dropdown(choices=menu.entries(self.studio, self.task))

    def use(self, record: Record) -> Updates:
        """Return updates that set everything as it was for a record."""
        return {self.prompt: record.prompt, self.seed: record.seed, **self.fill(record.model, record.options, record.prompt)}

    def wire_desk(self) -> None:
        """Let the controls follow the menu, and the note the prompt."""
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
