"""Where a result can go on: a picture becomes the start of another, a text is read aloud.

Knows which tab takes which medium, and in which words that is offered. A place is offered where some model of the catalogue takes it.
"""

from studio import media
from studio.errors import StudioError
from studio.studio import Studio
from studio.tabs import _stage as stage
from studio.tabs._tasks import TASKS
from studio.types import MAX_PROMPT, Record

# (tab, medium) -> the words on the button. A text becomes the prompt, anything else an input.
OFFERS = {
    ("image", "image"): "Start a picture from it",
    ("video", "image"): "Make it move",
    ("music", "audio"): "Continue it",
    ("speech", "text"): "Read it aloud",
    ("music", "text"): "Set it to music",
    ("image", "text"): "Draw it",
}
SHORT = 300  # letters of a text that describes a picture or a piece


def targets(studio: Studio, record: Record) -> list[tuple[str, str]]:
    """Return (tab, words on the button) for each place a result can go to."""
    tabs = {tab: task for task, (tab, _) in TASKS.items()}
    return [
        (tab, words)
        for (tab, medium), words in OFFERS.items()
        if medium == record.medium and tab in tabs and takes(studio, tabs[tab], record, tab)
    ]


def takes(studio: Studio, task: str, record: Record, tab: str) -> bool:
    """Whether some model of a task can start from a record."""
    engines = [studio.registry.engine(spec.id) for spec in studio.registry.specs(task)]
    if record.medium != "text":
        return any(record.medium in engine.inputs.values() for engine in engines)
    longest = MAX_PROMPT if tab == "speech" else SHORT
    return any(engine.needs_prompt for engine in engines) and 0 < len(text_of(studio, record)) <= longest


def text_of(studio: Studio, record: Record) -> str:
    """Return the text of a record, "" where its file is gone."""
    try:
        return media.read_text(studio.file(record)).strip()
    except (StudioError, OSError, ValueError):
        return ""


def buttons(studio: Studio, record: Record, look: str = "soft") -> str:
    """Return a button for each place a result can go to: the act `send`, the record's id, the tab as its text."""
    return "".join(stage.button(words, "send", look, id=record.id, text_sent=tab) for tab, words in targets(studio, record))
