"""The Image tab: pictures from words."""

import gradio as gr

from studio.tabs import Page
from studio.tabs import _stage as stage
from studio.tabs._generate import Bench, Trade

TITLE = "Image"
PLACE = 10


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
    strip="thumbs",
)


def build(page: Page) -> None:
    Bench(page, TRADE).build()
