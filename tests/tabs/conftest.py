"""A page drawn over a studio of fakes, whose events are called as gradio calls them."""

import asyncio
from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest

from studio.studio import Studio
from studio.tabs import Page


@pytest.fixture
def page_of(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Page], Any]], Any]:
    """Draw a tab and return what `draw(page)` returns. It is not served, and gradio need not make its server, twice, for each."""
    monkeypatch.setattr(gr.blocks.App, "create_app", lambda *_, **__: None)

    def draw(build: Callable[[Page], Any]) -> Any:
        with gr.Blocks() as blocks:
            call = gr.State(None)
            with gr.Tabs() as nav, gr.Tab("Test", id="test"):
                return build(Page(studio, blocks, nav, call))

    return draw


@pytest.fixture
def visitor() -> gr.Request:
    """One open page."""
    return someone()


def someone(user: str = "", page: str = "page") -> gr.Request:
    return gr.Request(username=user or None, session_hash=page)


def clicked(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def everything(stream: Any) -> list[dict]:
    """Return all updates of a follower."""

    async def gather() -> list[dict]:
        return [update async for update in stream]

    return asyncio.run(gather())


def merged(updates: list[dict]) -> dict:
    """Return what stands on the page after all updates."""
    return {block: value for update in updates for block, value in update.items()}
