"""The Video tab: a few seconds of video from words. It stands on the page where the catalogue has a model for it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from studio.tabs import Page
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.tabs._desk import QUIET, Updates
from studio.tabs._generate import Bench, Trade
from studio.types import ModelSpec, Record

TITLE = "Video"
PLACE = 45
NEEDS = "text-to-video"

SHAPES = ("Wide", "Square", "Tall")
WIDE = 3 / 2  # width to height where a model's own size is square
GRAIN = 32  # px; sizes are multiples of it, as every family takes them
LONGEST = 10.0  # s, of the slider; Advanced takes more frames


def prompt() -> gr.Textbox:
    hint = "What should be seen, and what moves? One scene in a few sentences works best."
    return gr.Textbox(label="Prompt", lines=4, max_lines=10, placeholder=hint, interactive=True)


def player(records: Sequence[Record]) -> str:
    """Return the video of one job with its player; its first frame stands there until it plays."""
    return "".join(shown(record) for record in records)


def shown(record: Record) -> str:
    source, poster = stage.file_url(record), stage.preview_url(record, "thumbnail")
    name = stage.quoted(f"Video: {record.prompt[:80] or record.model}")
    return (
        f'<figure class="shot video"><video controls loop playsinline preload="metadata" src="{source}" poster="{poster}" '
        f'aria-label="{name}"{stage.proportions(record)}></video></figure>'
    )


def thumb(record: Record) -> str:
    """Return what stands for a video in the strip: its first frame and its length."""
    length = record.facts.get("duration")
    return stage.thumbnail(record) + (f'<span class="tag film">{words.said_time(length)}</span>' if length else "")


def facts(record: Record) -> list[stage.Pair]:
    """Return the length, and what was asked for where the model could not make exactly that."""
    known = record.facts
    length = [("Length", words.said_time(known["duration"]))] if "duration" in known else []
    return [*length, *([("Adjusted", known["adjusted"])] if "adjusted" in known else [])]


TRADE = Trade(
    tab="video",
    task=NEEDS,
    noun="video",
    draw=player,
    thumb=thumb,
    prompt=prompt,
    title="Video from words",
    sentence="Say what should be seen and what moves.",
    formats=(("Download MP4", ""),),
    facts=facts,
    skip=("duration",),
    fold=("width", "height"),
    strip="thumbs",
)


def sized(shape: str, width: int, height: int) -> tuple[int, int]:
    """Return width and height of a shape with about as many pixels as a model's own size; a wide one is the model's own, or that turned."""
    if shape == "Square":
        side = _rounded(math.sqrt(width * height))
        return side, side
    long, short = max(width, height), min(width, height)
    if long == short:
        long, short = _rounded(long * math.sqrt(WIDE)), _rounded(long / math.sqrt(WIDE))
    return (long, short) if shape == "Wide" else (short, long)


def _rounded(side: float) -> int:
    return round(side / GRAIN) * GRAIN


def shape_of(options: Mapping[str, Any]) -> str | None:
    """Return the shape that options have; None where they leave it to the model."""
    width, height = options.get("width"), options.get("height")
    if not width or not height:
        return None
    return "Square" if width == height else "Wide" if width > height else "Tall"


def size_said(options: Mapping[str, Any]) -> str:
    width, height = options.get("width"), options.get("height")
    return f"{width} x {height} pixels" if width and height else "The model's own size"


def length_of(options: Mapping[str, Any]) -> float | None:
    """Return the length that frames and their pace make, in seconds; None where one of them is left to the model."""
    frames, fps = options.get("frames"), options.get("fps")
    return round(frames / fps, 1) if frames and fps else None


def length_said(options: Mapping[str, Any]) -> str:
    return f"{options['frames']} frames, {options['fps']} a second. Longer takes more memory and time."


class VideoBench(Bench):
    """The bench with two controls more: the shape, which sets width and height, and the length, which sets the frames."""

    def draw_main(self) -> None:
        self.shape = gr.Radio(list(SHAPES), value="Wide", label="Shape", info=" ", elem_classes="segmented", interactive=True)
        self.length = gr.Slider(0.5, LONGEST, value=5, step=0.1, label="Length (s)", info=" ", buttons=[], interactive=True)
        super().draw_main()

    @property
    def own(self) -> list[gr.blocks.Block]:
        return [self.shape, self.length]

    def fill_own(self, spec: ModelSpec, options: Mapping[str, Any]) -> Updates:
        length, has_size = length_of(options), shape_of(self.controls.defaults(spec)) is not None
        said = {} if length is None else {"value": min(max(length, 0.5), LONGEST), "info": length_said(options)}
        return {
            self.shape: gr.Radio(value=shape_of(options), info=size_said(options), visible=has_size),
            self.length: gr.Slider(visible=length is not None, **said),
        }

    def wire(self) -> None:
        super().wire()
        self.shape.input(self.on_shape, [self.shape, *self.asked], self.filled, **QUIET)
        self.length.release(self.on_length, [self.length, *self.asked], self.filled, **QUIET)

    def on_shape(self, shape: str, *values: Any) -> Updates:
        """Set width and height of the chosen model and keep everything else."""
        asked = self.request(*values)
        own = self.controls.defaults(self.studio.spec(asked.model))
        width, height = sized(shape, own["width"], own["height"])
        return self.fill(asked.model, {**asked.options, "width": width, "height": height}, asked.prompt)

    def on_length(self, seconds: float, *values: Any) -> Updates:
        """Set the frames that make this length at the pace that is set, and keep everything else."""
        asked = self.request(*values)
        fps = asked.options.get("fps") or self.controls.defaults(self.studio.spec(asked.model))["fps"]
        frames = max(2, round(seconds * fps))
        return self.fill(asked.model, {**asked.options, "frames": frames}, asked.prompt)

    def empty(self) -> str:
        """Return the empty stage, which says what there is to download where no model of videos is on this machine."""
        models = self.studio.models(self.task)
        if not models or any(one.on_disk for one in models):
            return super().empty()
        smallest = min(models, key=lambda one: one.spec.size_bytes or math.inf).spec
        size = f", is {words.said_size(smallest.size_bytes)}" if smallest.size_bytes else ""
        sentence = f"{self.trade.sentence} A model has to be downloaded first; the smallest, {smallest.name}{size}."
        return stage.empty(self.trade.title, sentence)


def build(page: Page) -> None:
    VideoBench(page, TRADE).build()
