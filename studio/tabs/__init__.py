"""The tab contract: one file of this folder is one tab of the page.

A tab is a module with three names: `TITLE` (what the page calls it), `PLACE` (tabs stand in this order) and `build(page)`, which
draws into the gradio tab that is open when it is called and sets up what its clicks do. A tab that also says `NEEDS`, the name of a
task, stands on the page only where the catalogue has a model for it. The file's name is the tab's id. A file whose name begins
with an underscore is no tab but a piece several of them share: start with `_generate.py`, which holds everything a tab that makes
something needs. A stylesheet beside a tab and called like it (`text.css`) is part of the page.

A tab knows the Studio and gradio. It knows no engine, no database, no torch, and no other tab: to send something to another
tab it puts `call("image", record=id)` into `page.call` and selects that tab in `page.nav`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import gradio as gr

from studio.studio import Studio


@dataclass(frozen=True)
class Page:
    """What every tab is given.

    Attributes:
        studio: where requests go and records come from.
        blocks: the whole page; `page.blocks.load(...)` runs when it is opened.
        nav: the row of tabs; an event that outputs `gr.Tabs(selected="models")` to it changes the tab.
        call: holds the last `call(...)`; a tab listens to its `change` and looks whether it is meant.
    """

    studio: Studio
    blocks: gr.Blocks
    nav: gr.Tabs
    call: gr.State


@dataclass(frozen=True)
class Tab:
    """One tab as found: its id (the file's name), title and `build`, and the task it stands or falls with, if one."""

    id: str
    title: str
    place: int
    build: Callable[[Page], None]
    needs: str = ""


def call(tab: str, **what: Any) -> dict[str, Any]:
    """Return a message for another tab.

    `record=id` fills its controls from a record, `source=id` makes a record what the next is made from, `job=id` makes it follow a job.
    """
    return {"tab": tab, "at": time.time_ns(), **what}


def user_of(request: gr.Request | None) -> str:
    """Return who is signed in, "" where nobody has to."""
    return getattr(request, "username", None) or ""


def read(module: ModuleType) -> Tab:
    return Tab(module.__name__.rpartition(".")[2], module.TITLE, module.PLACE, module.build, getattr(module, "NEEDS", ""))


def find() -> list[Tab]:
    """Return the tabs of this folder in the order they stand."""
    names = [found.name for found in iter_modules(__path__) if not found.name.startswith("_")]
    return sorted((read(import_module(f"{__name__}.{name}")) for name in names), key=lambda tab: tab.place)
