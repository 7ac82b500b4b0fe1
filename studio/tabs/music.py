"""The Music tab: pieces from a description, as notes or as sound."""

import gradio as gr

from studio.tabs import Page
from studio.tabs import _sound as sound
from studio.tabs import _stage as stage
from studio.tabs._generate import Bench, Trade
from studio.types import Record

TITLE = "Music"
PLACE = 40


def description() -> gr.Textbox:
    hint = "What should it sound like? Name a style, a mood, instruments."
    return gr.Textbox(label="Music", lines=3, max_lines=8, placeholder=hint, interactive=True)


def trade(page: Page) -> Trade:
    """Return what sets music apart: a piano roll where the model writes notes, a waveform where it does not."""
    studio = page.studio
    return Trade(
        tab="music",
        task="text-to-audio",
        noun="piece",
        draw=lambda records: sound.shown(studio, records),
        thumb=lambda record: sound.clip(studio, record),
        prompt=description,
        verb="Compose",
        title="Music from a few words",
        sentence="Say what it should sound like. Models that write notes give a MIDI file as well.",
        formats=(("WAV", "wav"), ("MP3", "mp3")),
        actions=notes,
        facts=lambda record: sound.facts(studio, record),
        strip="clips",
    )


def notes(record: Record) -> str:
    """Return the link to a piece's notes, where it has some."""
    return stage.download(record, "MIDI", "mid") if "mid" in record.files else ""


def build(page: Page) -> None:
    Bench(page, trade(page)).build()
