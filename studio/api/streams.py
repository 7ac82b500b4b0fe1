"""Answers that come bit by bit: server-sent events, and what they say of a job's events.

Knows the wire format. Does not know where the events come from.
"""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Send

from studio.api.caller import Caller
from studio.types import JobEvent, Loading, Made, Progress, StateChanged, TextDelta, Transfer

DONE = "data: [DONE]\n\n"


class EventStream(StreamingResponse):
    """Server-sent events. When the client goes away the generator is closed at once, so that it can let go of what it holds."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[str], headers: dict[str, str]):
        super().__init__(content, headers={"cache-control": "no-store", "x-accel-buffering": "no", **headers})

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self.body_iterator):
            await super().stream_response(send)


def data(content: dict[str, Any], event: str | None = None, number: int | None = None) -> str:
    """Return one event as it goes over the wire."""
    lines = [] if number is None else [f"id: {number}"]
    lines += [] if event is None else [f"event: {event}"]
    return "\n".join([*lines, f"data: {json.dumps(content)}", "", ""])


def told(event: JobEvent, caller: Caller) -> tuple[str, dict[str, Any]]:
    """Return an event's name and what it says."""
    match event:
        case StateChanged(state, position, error, code):
            return "state", {"state": state, "position": position, "error": error or None, "code": code or None}
        case Transfer(done, total, rate):
            return "download", {"done": done, "total": total, "rate": rate}
        case Loading(fraction):
            return "loading", {"fraction": fraction}
        case Progress(step, total, unit, preview):
            picture = f"data:image/jpeg;base64,{base64.b64encode(preview).decode()}" if preview else None
            return "progress", {"step": step, "total": total, "unit": unit, "preview": picture}
        case TextDelta(text):
            return "text", {"text": text}
        case Made(record):
            return "result", caller.shown_record(record)
