"""Videos: `/v1/videos`, each a job that is asked after until it has ended, and its file.

Knows OpenAI's shape of a video. Does not know how videos are made.
"""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError

from studio import pictures
from studio.api.bodies import Videos
from studio.api.caller import Asks, Caller, JobEnded, made
from studio.api.errors import explained
from studio.api.files import send
from studio.api.inputs import form_of, upload, words
from studio.checking import shown
from studio.errors import BadRequest, NotFound, StudioError
from studio.types import FINISHED, Job, Record, State

routes = APIRouter(prefix="/v1/videos", tags=["videos"])
TASK = "text-to-video"
LISTED = 1000  # jobs looked through for a list
STATUSES: dict[State, str] = {"queued": "queued", "done": "completed", "failed": "failed", "cancelled": "failed", "interrupted": "failed"}
PREVIEWS = {"thumbnail": "thumbnail", "spritesheet": "strip"}


class NotFinished(StudioError):
    """The video is still being made."""

    code = "not_finished"
    status = 409


@routes.post("", response_model=None)
async def create(request: Request, caller: Asks) -> Response:
    """Write down that a video is to be made, from words and perhaps a first picture, and return it, queued."""
    body, picture = await asked(request)
    inputs = body.starts()
    if picture is not None:
        inputs["image"] = await to_thread.run_sync(kept, caller, picture)
    model = caller.model(body.model, TASK, takes=inputs)
    options = {**body.options(), **body.measures(), **body.lengths()}
    job = await caller.submit(model, body.prompt, body.seed, options, parents=body.parents, inputs=inputs)
    return JSONResponse(video(caller, job), headers=made(job))


async def asked(request: Request) -> tuple[Videos, bytes | None]:
    """Return a body, of JSON or a form, and the first picture it brings, if any. Raises BadRequest."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        body = read(await whole(request))
        return body, referred(body)
    async with form_of(request) as form:
        fields = words(form)
        reference = {name[16:-1]: fields.pop(name) for name in [*fields] if name.startswith("input_reference[") and name.endswith("]")}
        body = read({**fields, **({"input_reference": reference} if reference else {})})
        return body, referred(body) if reference else await upload(form, "input_reference")


async def whole(request: Request) -> Any:
    try:
        return await request.json()
    except (ValueError, RecursionError) as problem:
        raise BadRequest(f"The body is not JSON: {str(problem)[:100]}.") from None


def kept(caller: Caller, picture: bytes) -> str:
    """Keep a first picture and return its name. Raises StudioError naming its field."""
    try:
        return caller.studio.inputs.take(picture, "image", caller.user)
    except StudioError as problem:
        problem.param = "input_reference"
        raise


def read(fields: Any) -> Videos:
    """Return the fields of a body, checked. Raises BadRequest for the first that is wrong."""
    try:
        return Videos.model_validate(fields)
    except ValidationError as problem:
        first = problem.errors()[0]
        message, field, _ = explained({**first, "loc": ("body", *first["loc"])})
        raise BadRequest(message, param=field) from None


def referred(body: Videos) -> bytes | None:
    """Return the picture that `input_reference` holds in a data URL; None where there is none, or the id of a kept one."""
    reference = body.input_reference
    if reference is None or "file_id" in reference:
        return None
    kind, _, data = reference.get("image_url", "").partition(";base64,")
    try:
        if kind.startswith("data:image/"):
            return base64.b64decode(data, validate=True)
    except binascii.Error:
        pass
    right = "a file, the file_id of a kept one, or an image_url that holds the picture, `data:image/png;base64,...`"
    raise BadRequest(f"input_reference is {shown(reference)}: it has to be {right}.", param="input_reference")


@routes.get("")
def videos(
    caller: Asks,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
) -> dict[str, Any]:
    """List the videos that were asked for."""
    found = [job for job in caller.studio.jobs(caller.only, (), TASK, LISTED) if is_video(job)]
    found.sort(key=lambda job: job.id, reverse=order == "desc")
    names = [job.id for job in found]
    if after is not None and after not in names:
        raise NotFound(f"No video has the id {after[:40]!r}.", param="after")
    rest = found[names.index(after) + 1 :] if after else found
    data = [video(caller, job) for job in rest[:limit]]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return {"object": "list", "data": data, **ends, "has_more": len(rest) > limit}


@routes.get("/{video_id}")
def one(video_id: str, caller: Asks) -> dict[str, Any]:
    """Show one video."""
    return video(caller, job_of(caller, video_id))


@routes.head("/{video_id}/content", response_model=None, include_in_schema=False)
@routes.get("/{video_id}/content", response_model=None)
def content(video_id: str, caller: Asks, variant: Literal["video", "thumbnail", "spritesheet"] = "video") -> Response:
    """Send a finished video, a small picture of it, or a row of its frames."""
    record = finished(caller, job_of(caller, video_id))
    if variant == "video":
        return send(caller.studio.file(record))
    return send(pictures.preview(caller.studio.folder, record, PREVIEWS[variant]))


@routes.delete("/{video_id}")
async def delete(video_id: str, caller: Asks) -> dict[str, Any]:
    """Remove a video and its files; one that is still being made is stopped first."""
    job = await to_thread.run_sync(job_of, caller, video_id)
    if job.state not in FINISHED:
        await to_thread.run_sync(caller.studio.cancel, job.id)
        async for _ in caller.events(job.id):
            pass
    await to_thread.run_sync(caller.studio.forget, job.id)
    return {"id": job.id, "object": "video.deleted", "deleted": True}


def is_video(job: Job) -> bool:
    """Whether a job makes a video and, once done, still has it."""
    return job.task == TASK and job.action == "run" and (job.state != "done" or bool(job.results))


def job_of(caller: Caller, video_id: str) -> Job:
    """Return the job of a video. Raises NotFound."""
    job = caller.job(video_id)
    if not is_video(job):
        raise NotFound(f"No video has the id {video_id[:40]!r}: it was deleted, or the job makes something else.", param="id")
    return job


def finished(caller: Caller, job: Job) -> Record:
    """Return what a job made. Raises NotFinished while it runs, JobEnded where it made nothing."""
    if job.state not in FINISHED:
        raise NotFinished(f"Video {job.id} is not finished ({job.state}). Ask GET /v1/videos/{job.id} until it is completed.", param="id")
    return caller.studio.gallery.get(caller.ended(job.id).results[0])


def video(caller: Caller, job: Job) -> dict[str, Any]:
    """Return a video as it goes over the wire. Size and length are null while the model is free to choose them."""
    facts = caller.studio.gallery.get(job.results[0]).facts if job.results else {}
    seconds = facts.get("duration") or expected(job.options)
    return {
        "id": job.id, "object": "video", "model": job.model, "prompt": job.prompt, "status": STATUSES.get(job.state, "in_progress"),
        "progress": int(100 * job.progress), "created_at": unix(job.created), "completed_at": unix(job.finished) if facts else None,
        "expires_at": None, "size": facts.get("size") or asked_size(job.options), "seconds": None if seconds is None else f"{seconds:g}",
        "error": problem_of(job), "remixed_from_video_id": None, "seed": job.seed,
    }  # fmt: skip


def expected(options: dict[str, Any]) -> float | None:
    """Return the length asked for in seconds."""
    if options.get("duration"):
        return options["duration"]
    frames, fps = options.get("frames"), options.get("fps")
    return round(frames / fps, 2) if frames and fps else None


def asked_size(options: dict[str, Any]) -> str | None:
    width, height = options.get("width"), options.get("height")
    return f"{width}x{height}" if width and height else None


def problem_of(job: Job) -> dict[str, str] | None:
    """Return why there is no video, as it goes over the wire."""
    if STATUSES.get(job.state) != "failed":
        return None
    ended = JobEnded(job)
    return {"code": ended.code, "message": str(ended)}


def unix(time: str | None) -> int | None:
    """Return a time of ours as seconds since 1970."""
    return int(datetime.fromisoformat(time).timestamp()) if time else None
