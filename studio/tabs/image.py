"""The Image tab: pictures from words."""

import math
from collections.abc import Mapping
from typing import Any

import gradio as gr

from studio.tabs import Page
from studio.tabs import _stage as stage
from studio.tabs._desk import QUIET, Updates
from studio.tabs._generate import Bench, Trade
from studio.types import ModelSpec

TITLE = "Image"
PLACE = 10

SHAPES = {"Square": 1.0, "Wide": 3 / 2, "Tall": 2 / 3}  # width to height
GRAIN = 16  # px; sizes are multiples of it
SIDE = 512  # px, of a square where a model names no size of its own


def prompt() -> gr.Textbox:
    return gr.Textbox(label="Prompt", lines=3, max_lines=8, placeholder="What should be in the picture?", interactive=True)


TRADE = Trade(
    tab="image",
    task="text-to-image",
    noun="picture",
    draw=stage.pictures,
    thumb=stage.thumbnail,
    prompt=prompt,
    title="Pictures from words",
    sentence="Say what should be in the picture.",
    formats=(("Download PNG", ""),),
    fold=("width", "height"),
    strip="thumbs",
)


def sized(shape: str, options: Mapping[str, Any]) -> tuple[int, int]:
    """Return width and height of a shape with about as many pixels as a model's own size."""
    side = math.sqrt((options.get("width") or SIDE) * (options.get("height") or SIDE))
    root = math.sqrt(SHAPES[shape])
    return round(side * root / GRAIN) * GRAIN, round(side / root / GRAIN) * GRAIN


def shape_of(options: Mapping[str, Any]) -> str | None:
    """Return the shape that options have; None where it is none of those offered."""
    width, height = options.get("width"), options.get("height")
    if not width or not height:
        return "Square"
    return next((name for name, ratio in SHAPES.items() if abs(width / height / ratio - 1) < 0.12), None)


def size_said(options: Mapping[str, Any]) -> str:
    """Return the size of the finished picture in words."""
    width, height, scale = options.get("width"), options.get("height"), options.get("scale") or 1
    return f"{width * scale} x {height * scale} pixels" if width and height else "The model's own size"


class ImageBench(Bench):
    """The bench with one control more: the shape, which sets width and height."""

    def draw_main(self) -> None:
        self.shape = gr.Radio(list(SHAPES), value="Square", label="Shape", info=" ", elem_classes="segmented", interactive=True)
        super().draw_main()

    @property
    def own(self) -> list[gr.blocks.Block]:
        return [self.shape]

    def fill_own(self, spec: ModelSpec, options: Mapping[str, Any]) -> Updates:
        fits = {"width", "height"} <= self.fields(spec.id).keys()
        return {self.shape: gr.Radio(value=shape_of(options), info=size_said(options), visible=fits)}

    def wire(self) -> None:
        super().wire()
        self.shape.input(self.on_shape, [self.shape, *self.asked], self.filled, **QUIET)

    def on_shape(self, shape: str, *values: Any) -> Updates:
        """Set width and height of the chosen model and keep everything else."""
        asked = self.request(*values)
        spec = self.studio.spec(asked.model)
        width, height = sized(shape, self.controls.defaults(spec))
        return self.fill(asked.model, {**asked.options, "width": width, "height": height}, asked.prompt)


def build(page: Page) -> None:
    ImageBench(page, TRADE).build()
