"""Answers that come bit by bit: server-sent events, and what they say of a job's events.

Knows the wire format. Does not know where the events come from.
"""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Send

from studio.api.caller import Caller
from studio.types import JobEvent, Loading, Made, Progress, StateChanged, TextDelta, Transfer

DONE = "data: [DONE]\n\n"
SILENCE = 15  # s after which a waiting stream says so, before a proxy between takes it for dead
WAITING = ": waiting\n\n"


class EventStream(StreamingResponse):
    """Server-sent events. When the client goes away the generator is closed at once, so that it can let go of what it holds."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncGenerator[str, None], headers: dict[str, str]):
        super().__init__(kept_alive(content), headers={"cache-control": "no-store", "x-accel-buffering": "no", **headers})

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self.body_iterator):
            await super().stream_response(send)


async def kept_alive(lines: AsyncGenerator[str, None], silence: float = SILENCE) -> AsyncIterator[str]:
    """Yield the lines, and a comment whenever none has come for a while. Closing it closes `lines`."""
    coming: asyncio.Task | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(lines))
            if not (await asyncio.wait({coming}, timeout=silence))[0]:
                yield WAITING
                continue
            line, coming = coming, None
            try:
                yield line.result()
            except StopAsyncIteration:
                return
    finally:
        if coming is None:
            await lines.aclose()
        else:
            coming.cancel()


def data(content: dict[str, Any], event: str | None = None, number: int | None = None) -> str:
    """Return one event as it goes over the wire."""
    lines = [] if number is None else [f"id: {number}"]
    lines += [] if event is None else [f"event: {event}"]
    return "\n".join([*lines, f"data: {json.dumps(content)}", "", ""])


def told(event: JobEvent, caller: Caller) -> tuple[str, dict[str, Any]]:
    """Return an event's name and what it says."""
    match event:
        case StateChanged(state, position, error, code, wait):
            return "state", {"state": state, "position": position, "wait": wait, "error": error or None, "code": code or None}
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
