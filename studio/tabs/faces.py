"""The Faces tab: faces of nobody by their seeds, one large beside the sheet, and the way from one to another.

A sheet is the records of one job, a walk is a video. What a model cannot do (many have no walk) is not offered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from studio.errors import BadRequest, StudioError
from studio.tabs import Page, user_of
from studio.tabs import _stage as stage
from studio.tabs._desk import QUIET, Updates
from studio.tabs._follow import Seen
from studio.tabs._generate import Bench, Trade
from studio.types import MAX_SEED, ModelSpec, Record

TITLE = "Faces"
PLACE = 50
MOST = 240  # faces of one job that are shown
FRAMES = 48  # of a walk


def drawn(records: Sequence[Record], chosen: str = "") -> str:
    """Return what stands on the stage: a walk, one face, or a sheet with one of its faces large beside it."""
    if records[0].medium == "video":
        return walk(records[0])
    if len(records) == 1:
        return stage.picture(records[0], f"Face of seed {records[0].seed}")
    one = next((record for record in records if record.id == chosen), records[0])
    return f'<div class="faces">{sheet(records, one.id)}{large(one)}</div>'


def large(record: Record) -> str:
    return f'<figure class="large"><img src="{stage.file_url(record)}" alt="Face of seed {record.seed}"></figure>'


def sheet(records: Sequence[Record], chosen: str, total: int = 0) -> str:
    """Return small faces with their seeds in the corner; those up to `total` that are still to come are empty squares."""
    cells = "".join(cell(record, record.id == chosen) for record in records)
    return f'<div class="sheet" role="group" aria-label="Faces by seed">{cells}{"<i></i>" * (total - len(records))}</div>'


def cell(record: Record, chosen: bool) -> str:
    return (
        f'<button type="button" data-act="open" data-id="{stage.quoted(record.id)}" aria-label="Seed {record.seed}" '
        f'aria-pressed="{"true" if chosen else "false"}" tabindex="{0 if chosen else -1}">'
        f'<img src="{stage.preview_url(record, "thumbnail")}" alt=""><span>{record.seed}</span></button>'
    )


def walk(record: Record) -> str:
    """Return a walk: the video, and its frames in a row; a click on a frame goes there."""
    said = f"Walk from seed {record.seed} to seed {record.options.get('walk_to', '')}"
    return (
        f'<figure class="shot film"><video controls loop muted playsinline src="{stage.file_url(record)}" aria-label="{said}"></video>'
        f'<img class="walk" src="{stage.preview_url(record, "strip")}" alt="Frames of the walk, from the first to the last"></figure>'
    )


def ends(record: Record) -> str:
    """Return the buttons that make a face an end of a walk."""
    if record.medium == "video":
        return ""
    return stage.button("Walk from here", "from", id=record.id) + stage.button("Walk to here", "to", id=record.id)


def walks(options: Mapping[str, Any]) -> bool:
    """Whether a model with these options can walk from one face to another."""
    return {"walk_to", "frames"} <= options.keys()


TRADE = Trade(
    tab="faces",
    task="unconditional-image-generation",
    noun="face",
    draw=drawn,
    thumb=stage.thumbnail,
    title="Faces of nobody",
    sentence="Every seed is a face. Choose how many, and look through them.",
    skip=("walk_to", "frames"),
    strip="thumbs",
)


class Faces(Bench):
    """The bench with a sheet on its stage and a second thing to make: a walk between two seeds.

    Attributes:
        walk: what belongs to the walk. begin, end, frames: its controls. go_walk: its button.
    """

    def __init__(self, page: Page, trade: Trade):
        super().__init__(page, replace(trade, actions=lambda record: ends(record) if walks(self.fields(record.model)) else ""))

    def build(self) -> "Faces":
        with self.work():
            with self.desk():
                with self.first():
                    self.draw_prompt()
                    self.draw_model()
                with self.rest():
                    self.draw_seed()
                    self.draw_main()
                    self.draw_walk()
                    self.draw_inputs()
                    self.draw_advanced()
                self.draw_buttons()
            with self.result():
                self.draw_result()
        self.wire()
        return self

    def draw_seed(self) -> None:
        self.seed = seed("First seed", "The faces after it have the seeds that follow", "A new one each time")

    def draw_advanced(self, title: str = "Advanced", open: bool = False) -> None:
        with gr.Accordion(title, open=open):
            self.controls.draw_more(self.start)

    def draw_walk(self) -> None:
        with gr.Accordion("Walk", open=False, visible=bool(self.start) and walks(self.fields(self.start))) as self.walk:
            with gr.Row(elem_classes="pair"):
                self.begin, self.end = seed("From seed"), seed("To seed")
            self.frames = gr.Slider(2, 240, FRAMES, step=1, label="Frames", buttons=[], interactive=True)
            self.go_walk = gr.Button("Walk between them", size="sm")

    @property
    def own(self) -> list[gr.blocks.Block]:
        return [self.begin, self.end, self.frames, self.walk]

    def fill_own(self, spec: ModelSpec, options: Mapping[str, Any]) -> Updates:
        update: Updates = {self.walk: gr.Accordion(visible=walks(self.fields(spec.id)))}
        if options.get("walk_to") is not None:
            update |= {self.end: options["walk_to"], self.frames: options.get("frames", FRAMES)}
        return update

    def use(self, record: Record) -> Updates:
        begin = {self.begin: record.seed, self.walk: gr.Accordion(open=True)} if record.medium == "video" else {}
        return {**super().use(record), **begin}

    def wire(self) -> None:
        super().wire()
        asked = [self.mine, self.begin, self.end, self.frames, *self.asked]
        self.follows(self.go_walk.click(self.submit_walk, asked, self.scene, **QUIET))
        self.page.blocks.load(lambda: (None, None), None, [self.begin, self.end], **QUIET)

    def submit_walk(self, request: gr.Request, mine: list[str], begin: int | None, end: int | None, frames: int, *values: Any) -> Updates:
        """Write the job of a walk down."""
        try:
            if begin is None or end is None:
                raise BadRequest(
                    "A walk has two ends: give both seeds, or press “Walk from here” and “Walk to here” under two faces.", param="walk_to"
                )
            asked = self.request(*values)
            options = {**asked.options, "walk_to": int(end), "frames": int(frames or FRAMES)}
            options.pop("count", None)
            wanted = asked.model_copy(update={"seed": int(begin), "options": options})
            return self.submitted(wanted, request, mine, wanted)
        except StudioError as error:
            return {self.stage: self.refused(error), self.about: "", self.live: ""}

    def on_about(self, event: gr.EventData, request: gr.Request, mine: list[str]) -> Updates:
        if event.act not in ("from", "to"):
            return super().on_about(event, request, mine)
        try:
            chosen = self.record(event.id, request).seed
        except StudioError as error:
            gr.Warning(str(error))
            return {self.halt: gr.skip()}
        return {self.begin if event.act == "from" else self.end: chosen, self.walk: gr.Accordion(open=True)}

    def opened(self, record: Record, request: gr.Request, mine: Sequence[str]) -> Updates:
        """Show a face among those it was made with."""
        together = self.studio.gallery.list(job=record.job, user=user_of(request), limit=MOST)[::-1]
        return {**super().opened(record, request, mine), self.stage: drawn(together, record.id)}

    def on_its_way(self, seen: Seen) -> str:
        """Fill the sheet while it is made."""
        count = seen.job.options.get("count", 1)
        if seen.state != "running" or not seen.records or count < 2:
            return super().on_its_way(seen)
        newest = seen.records[-1]
        done = stage.bar(seen.step / seen.total if seen.total else 0, "Progress")
        return f'<div class="faces">{sheet(seen.records, newest.id, count)}{large(newest)}{done}</div>'


def seed(label: str, info: str | None = None, placeholder: str = "") -> gr.Number:
    return gr.Number(
        None, label=label, info=info, placeholder=placeholder, precision=0, minimum=0, maximum=MAX_SEED, min_width=0, interactive=True
    )  # fmt: skip


def build(page: Page) -> None:
    Faces(page, TRADE).build()
