"""Files given to the studio: `/v1/inputs`, and how a multipart body is taken apart.

Knows forms and their fields. Does not know what is made of a file.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from studio.api.caller import Asks
from studio.checking import shown
from studio.errors import BadRequest
from studio.inputs import PLAIN

routes = APIRouter(prefix="/v1", tags=["inputs"])
MOST_FIELDS = 100


@asynccontextmanager
async def form_of(request: Request) -> AsyncIterator[FormData]:
    """Give the fields of a multipart body, whose files are there until the end. Raises BadRequest where there are none."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadRequest("The body has to be a form with files, sent as multipart/form-data.")
    try:
        async with request.form(max_files=20, max_fields=MOST_FIELDS) as form:
            yield form
    except HTTPException as problem:
        if problem.status_code != 400:
            raise
        raise BadRequest(f"The form cannot be read: {problem.detail}") from None


async def upload(form: FormData, name: str) -> bytes | None:
    """Return the bytes of the one file in a field, None where it is left out. Raises BadRequest for several or for words."""
    found = [*form.getlist(name), *form.getlist(f"{name}[]")]
    if not found:
        return None
    if len(found) > 1:
        raise BadRequest(f"{name} is given {len(found)} times: one file can be taken.", param=name)
    if not isinstance(found[0], UploadFile):
        raise BadRequest(f"{name} is {shown(found[0])}: it has to be a file.", param=name)
    if (found[0].size or 0) > 0:
        return await found[0].read()
    raise BadRequest(f"{name} is an empty file.", param=name)


def words(form: FormData) -> dict[str, Any]:
    """Return the fields that are no files. Raises BadRequest for one given twice."""
    fields = {}
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            if name in fields:
                raise BadRequest(f"{name[:100]} is given twice.", param=name[:100])
            fields[name] = value
    return fields


@routes.post("/inputs", response_model=None, status_code=201)
async def keep(request: Request, caller: Asks) -> dict[str, Any] | Response:
    """Keep the file of the field `file`, to be named in `inputs` later; `medium` is image or audio, else it is found out."""
    async with form_of(request) as form:
        data, medium = await upload(form, "file"), words(form).get("medium")
    if data is None:
        raise BadRequest("file is missing: send one in a form, as multipart/form-data.", param="file")
    if medium not in (None, *PLAIN):
        raise BadRequest(f"medium is {shown(medium)}: it is one of {', '.join(PLAIN)}.", param="medium")
    name = await to_thread.run_sync(caller.studio.inputs.keep, data, medium, caller.user)
    found = caller.studio.inputs.find(name, caller.user)
    return {"id": name, "medium": found.medium, "bytes": found.path.stat().st_size, "sha256": found.sha256}
