"""Pictures: `/v1/images/generations` and `/v1/images/edits`.

Knows OpenAI's shape of the request and the answer. Does not know how pictures are made.
"""

import base64
import time
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from PIL import ImageOps
from pydantic import ValidationError

from studio.api.bodies import Images
from studio.api.caller import Asks, Caller, made
from studio.api.errors import explained
from studio.api.inputs import form_of, upload, words
from studio.errors import BadRequest, StudioError
from studio.inputs import open_picture, png
from studio.types import Record

routes = APIRouter(prefix="/v1", tags=["images"])


@routes.post("/images/generations", response_model=None)
async def generate(body: Images, caller: Asks) -> Response:
    """Make pictures from words, from a picture and words, or faces."""
    return await answer(body, caller)


@routes.post("/images/edits", response_model=None)
async def edit(request: Request, caller: Asks) -> Response:
    """Make pictures from the picture in the field `image`; of `mask`, what is transparent, or white where nothing is, is made anew."""
    async with form_of(request) as form:
        image, mask, body = await upload(form, "image"), await upload(form, "mask"), read(words(form))
    if image is None:
        raise BadRequest("image is missing: send the picture to start from as a file.", param="image")
    files = {"image": image} if mask is None else {"image": image, "mask": mask}
    model = caller.model(body.model, "text-to-image", takes=files)
    names = {role: await to_thread.run_sync(kept, caller, role, data) for role, data in files.items()}
    return await answer(body.model_copy(update={"model": model, "inputs": names}), caller)


def read(fields: dict[str, Any]) -> Images:
    """Return the words of a form as a body of JSON would hold them; `image` and `mask` are files. Raises BadRequest."""
    try:
        return Images.model_validate(fields)
    except ValidationError as problem:
        first = problem.errors()[0]
        message, field, _ = explained({**first, "loc": ("body", *first["loc"])})
        raise BadRequest(message, param=field) from None


def kept(caller: Caller, role: str, data: bytes) -> str:
    """Keep one file of an edit and return its name. Raises StudioError naming its field."""
    try:
        return caller.studio.inputs.take(data if role != "mask" else white_where_new(data), "image", caller.user)
    except StudioError as problem:
        problem.param = role
        raise


def white_where_new(mask: bytes) -> bytes:
    """Return a mask of OpenAI's, transparent where the picture is to be made anew, as one of ours, which is white there."""
    picture = open_picture(mask)
    if not picture.has_transparency_data:
        return mask
    return png(ImageOps.invert(picture.convert("RGBA").getchannel("A")))


async def answer(body: Images, caller: Caller) -> Response:
    """Make what is asked for and return it."""
    model = caller.model(body.model, "text-to-image", "unconditional-image-generation", takes=body.inputs)
    options = {**body.options(), **sized(caller, model, body)}
    options = {**counted(caller, model, body), **options}
    job = await caller.submit(model, body.prompt, body.seed, options, parents=body.parents, inputs=body.inputs)
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
