"""The Speech tab: text read aloud."""

import gradio as gr

from studio.tabs import Page
from studio.tabs import _sound as sound
from studio.tabs._generate import Bench, Trade

TITLE = "Speech"
PLACE = 30


def text() -> gr.Textbox:
    return gr.Textbox(label="Text", lines=5, max_lines=14, placeholder="What should be said?", interactive=True)


def trade(page: Page) -> Trade:
    """Return what sets speech apart: a text, a voice where the model has several, a recording."""
    studio = page.studio

    def voices(model: str) -> list[tuple[str, str]]:
        return [(voice_said(voice), voice["id"]) for voice in studio.voices(model)]

    return Trade(
        tab="speech",
        task="text-to-speech",
        noun="recording",
        draw=lambda records: sound.shown(studio, records),
        thumb=lambda record: sound.clip(studio, record),
        prompt=text,
        verb="Speak",
        title="Text read aloud",
        sentence="Write what should be said, and choose a voice where the model has several.",
        formats=sound.FORMATS,
        facts=lambda record: sound.facts(studio, record),
        choices={"voice": voices},
        strip="clips",
    )


def voice_said(voice: dict[str, str]) -> str:
    """Return a voice as the menu names it: its name, and its language unless the name says it."""
    name, language = voice["name"], voice.get("language", "")
    return f"{name}, {language}" if language and language.lower() not in name.lower() else name


def build(page: Page) -> None:
    Bench(page, trade(page)).build()
