"""Pictures: `/v1/images/generations`.

Knows OpenAI's shape of the request and the answer. Does not know how pictures are made.
"""

import base64
import time
from typing import Any

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from studio.api.bodies import Images
from studio.api.caller import Asks, Caller, made
from studio.errors import BadRequest
from studio.types import Record

routes = APIRouter(prefix="/v1", tags=["images"])


@routes.post("/images/generations", response_model=None)
async def generate(body: Images, caller: Asks) -> Response:
    """Make pictures from words, or faces."""
    model = caller.model(body.model, "text-to-image", "unconditional-image-generation")
    options = {**body.options(), **sized(caller, model, body)}
    options = {**counted(caller, model, body), **options}
    job = await caller.submit(model, body.prompt, body.seed, options, parents=body.parents)
    records = await caller.results(job.id)
    pictures = [await to_thread.run_sync(shown, caller, record, body.response_format or "b64_json") for record in records]
    return JSONResponse({"created": int(time.time()), "data": pictures}, headers=made(job))


def sized(caller: Caller, model: str, body: Images) -> dict[str, int]:
    """Return the size as options of the engine. Raises BadRequest where the model has one size of its own."""
    measures = body.measures()
    if measures and not caller.takes(model, "width"):
        raise BadRequest(f"size is {body.size!r}: {model} makes pictures of one size. Leave it out.", param="size")
    return measures


def counted(caller: Caller, model: str, body: Images) -> dict[str, int]:
    """Return the number of pictures as an option of the engine; one where none is asked for, whatever the page's default is."""
    number = body.n or 1
    if caller.takes(model, "count"):
        return {"count": number}
    if number > 1:
        raise BadRequest(f"n is {number}: {model} makes one at a time.", param="n")
    return {}


def shown(caller: Caller, record: Record, format: str) -> dict[str, Any]:
    """Return one picture, in the answer itself or by its address."""
    about = {"id": record.id, "seed": record.seed, "mime": record.mime}
    if format == "url":
        return {"url": caller.url(record), **about}
    return {"b64_json": base64.b64encode(caller.studio.file(record).read_bytes()).decode(), **about}
