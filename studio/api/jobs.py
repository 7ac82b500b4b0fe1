"""The queue: `/v1/jobs`, what becomes of a job, and its end.

Knows jobs as their followers see them. Does not know what they make.
"""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from anyio import move_on_after, to_thread
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from studio.api.caller import Asks, Caller, made
from studio.api.streams import EventStream, data, told
from studio.types import FINISHED, State

routes = APIRouter(prefix="/v1/jobs", tags=["jobs"])
STOP_SECONDS = 5  # s an answer waits for a job to stop; it goes on stopping after that


@routes.get("")
def jobs(
    caller: Asks,
    state: Annotated[list[State], Query()] = [],  # noqa: B006 (FastAPI copies it)
    task: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """List jobs, newest first."""
    found = caller.studio.jobs(caller.only, tuple(state), task, limit)
    return {"object": "list", "paused": caller.studio.paused, "data": [caller.shown_job(job) for job in found]}


@routes.post("/pause")
def pause(caller: Asks) -> dict[str, bool]:
    """Begin no further job; the one that runs goes on. For the owner."""
    caller.studio.pause(True, caller.user)
    return {"paused": True}


@routes.post("/resume")
def resume(caller: Asks) -> dict[str, bool]:
    """Go on with the queue. For the owner."""
    caller.studio.pause(False, caller.user)
    return {"paused": False}


@routes.get("/{job}")
def job(job: str, caller: Asks) -> dict[str, Any]:
    """Show one job."""
    return caller.shown_job(caller.job(job))


@routes.delete("/{job}")
async def stop(job: str, caller: Asks) -> dict[str, Any]:
    """Stop a job that waits or runs; one that has ended stays as it is."""
    await to_thread.run_sync(caller.job, job)
    await to_thread.run_sync(caller.studio.cancel, job)
    with move_on_after(STOP_SECONDS):
        async for _ in caller.events(job):
            pass
    return caller.shown_job(await to_thread.run_sync(caller.job, job))


@routes.post("/{job}/move")
def move(job: str, caller: Asks, place: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
    """Give a job that waits another place, from 0, among its user's own."""
    caller.studio.move(caller.job(job).id, place)
    return caller.shown_job(caller.job(job))


@routes.post("/{job}/rerun")
def rerun(job: str, caller: Asks, response: Response) -> dict[str, Any]:
    """Run a job again with the same seed."""
    again = caller.studio.rerun(caller.job(job).id, caller.user)
    response.headers.update(made(again))
    return caller.shown_job(again)


@routes.get("/{job}/events", response_model=None)
async def events(job: str, caller: Asks, last_event_id: Annotated[str, Header()] = "") -> Response:
    """Follow a job: first what has been, then what comes. A stream that broke off goes on behind `Last-Event-ID`."""
    found = await to_thread.run_sync(caller.job, job)
    after = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 10 else 0
    if after and found.state in FINISHED and not await to_thread.run_sync(list, caller.studio.follow(job, after)):
        return Response(status_code=204)  # tells a browser not to ask again
    return EventStream(_lines(caller, job, after), {})


async def _lines(caller: Caller, job: str, after: int) -> AsyncGenerator[str, None]:
    async for number, event in caller.events(job, after):
        name, content = told(event, caller)
        yield data({"type": name, **content}, name, number)
