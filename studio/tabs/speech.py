"""The Speech tab: text read aloud, and any part of it once more."""

import secrets
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.tabs import Page, user_of
from studio.tabs import _sound as sound
from studio.tabs import _stage as stage
from studio.tabs._desk import Updates
from studio.tabs._generate import Bench, Trade
from studio.types import MAX_SEED, Record

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
        actions=parts_of,
    )


def voice_said(voice: dict[str, str]) -> str:
    """Return a voice as the menu names it: its name, and its language unless the name says it."""
    name, language = voice["name"], voice.get("language", "")
    return f"{name}, {language}" if language and language.lower() not in name.lower() else name


def parts_of(record: Record) -> str:
    """Return the parts of a recording as buttons, each to have it spoken again; "" where there is one part alone."""
    parts = record.facts.get("parts", [])
    if len(parts) < 2:
        return ""
    buttons = (
        f"<li>{stage.button(part['text'], 'again', 'link', id=record.id, text_sent=str(number), label='Speak again: ' + part['text'])}</li>"
        for number, part in enumerate(parts)
    )
    return f'<details class="parts"><summary>Speak one part again</summary><ol>{"".join(buttons)}</ol></details>'


class SpeechBench(Bench):
    """The bench, and what a click on a part of a recording does."""

    def varied(self, record: Record) -> dict[str, Any]:
        """Return the options without the seeds of the parts."""
        return {name: value for name, value in record.options.items() if name != "seeds"}

    def on_about(self, event: gr.EventData, request: gr.Request, mine: list[str]) -> Updates:
        """Speak one part again, with a seed drawn for it; else what every bench does."""
        if event.act != "again":
            return super().on_about(event, request, mine)
        try:
            record = self.record(getattr(event, "id", ""), request)
            wanted = self.studio.job(record.job, user_of(request)).request
            options = record.options | {"seeds": seeds_of(record, int(event.text))}
            again = wanted.model_copy(update={"seed": record.seed, "options": options, "parents": [record.id]})
            return self.submitted(again, request, mine, again)
        except StudioError as error:
            gr.Warning(str(error))
            return {self.halt: gr.skip()}


def seeds_of(record: Record, anew: int) -> list[int]:
    """Return the seeds of a recording's parts, that of the part `anew` drawn now."""
    drawn = secrets.randbelow(MAX_SEED + 1)
    return [drawn if number == anew else part["seed"] for number, part in enumerate(record.facts["parts"])]


def build(page: Page) -> None:
    SpeechBench(page, trade(page)).build()
