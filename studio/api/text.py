"""Text: `/v1/chat/completions` and `/v1/completions`, whole or as a stream.

Knows OpenAI's two shapes of an answer. Does not know how text is written.
"""

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from studio.api import errors
from studio.api.bodies import Chat, Completion, Text
from studio.api.caller import Asks, Caller, JobEnded, made
from studio.api.streams import DONE, EventStream, data
from studio.types import FINISHED, Job, Made, Record, TextDelta

routes = APIRouter(prefix="/v1", tags=["text"])


@dataclass(frozen=True)
class Shape:
    """How one of the two routes wraps text, whole (`whole`) and in pieces (`piece`)."""

    prefix: str
    whole: str
    piece: str
    chat: bool

    def answer(self, job: Job, text: str, record: Record) -> dict[str, Any]:
        content = {"message": {"role": "assistant", "content": text, "refusal": None}} if self.chat else {"text": text}
        return {**self._frame(job, self.whole), "choices": [_choice(content, _reason(record))], "usage": usage(record), "seed": job.seed}

    def part(self, job: Job, text: str | None, reason: str | None = None, first: bool = False) -> dict[str, Any]:
        delta = {**({"role": "assistant"} if first else {}), **({} if text is None else {"content": text})}
        return {**self._frame(job, self.piece), "choices": [_choice({"delta": delta} if self.chat else {"text": text or ""}, reason)]}

    def counted(self, job: Job, record: Record) -> dict[str, Any]:
        return {**self._frame(job, self.piece), "choices": [], "usage": usage(record)}

    def _frame(self, job: Job, kind: str) -> dict[str, Any]:
        return {"id": f"{self.prefix}-{job.id}", "object": kind, "created": int(time.time()), "model": job.model}


CHAT = Shape("chatcmpl", "chat.completion", "chat.completion.chunk", True)
COMPLETION = Shape("cmpl", "text_completion", "text_completion", False)


def _choice(content: dict[str, Any], reason: str | None) -> dict[str, Any]:
    return {"index": 0, **content, "logprobs": None, "finish_reason": reason}


def _reason(record: Record) -> str:
    return record.facts.get("finish_reason", "stop")


def usage(record: Record) -> dict[str, int]:
    """Return the tokens read and written."""
    read, written = (int(record.facts.get(name, 0)) for name in ("prompt_tokens", "completion_tokens"))
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


@routes.post("/chat/completions", response_model=None)
async def chat(body: Chat, caller: Asks) -> Response:
    """Go on with a conversation."""
    model = caller.model(body.model, "text-generation")
    return await respond(caller, CHAT, body, await caller.submit(model, seed=body.seed, options=body.choices(), messages=body.turns()))


@routes.post("/completions", response_model=None)
async def completion(body: Completion, caller: Asks) -> Response:
    """Go on from a text."""
    model = caller.model(body.model, "text-generation")
    return await respond(caller, COMPLETION, body, await caller.submit(model, body.words, body.seed, body.choices()))


async def respond(caller: Caller, shape: Shape, body: Text, job: Job) -> Response:
    """Return the answer, whole or as a stream."""
    if body.stream:
        return EventStream(stream(caller, shape, job, body.with_usage), made(job))
    text, record = await caller.written(job.id)
    return JSONResponse(shape.answer(job, text, record), headers=made(job))


async def stream(caller: Caller, shape: Shape, job: Job, with_usage: bool) -> AsyncGenerator[str, None]:
    """Yield the pieces as they are written. Whoever drops the stream stops the job."""
    try:
        async for piece in _pieces(caller, shape, job):
            if piece.get("usage") and not with_usage:
                continue
            yield data({"usage": None, **piece} if with_usage else piece)
        yield DONE
    except JobEnded as problem:
        yield data(errors.body(problem.status, str(problem), None, problem.code))
    finally:
        if caller.studio.job(job.id).state not in FINISHED:
            caller.studio.cancel(job.id)


async def _pieces(caller: Caller, shape: Shape, job: Job) -> AsyncGenerator[dict[str, Any], None]:
    yield shape.part(job, "", first=True)
    record = None
    async for _, event in caller.events(job.id):
        if isinstance(event, TextDelta) and event.text:
            yield shape.part(job, event.text)
        if isinstance(event, Made):
            record = event.record
    caller.ended(job.id)
    yield shape.part(job, None, _reason(record))
    yield shape.counted(job, record)
