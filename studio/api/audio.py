"""Sound: `/v1/audio/speech`, `/v1/audio/voices` and `/v1/audio/music`.

Knows voices, formats and files. Does not know how sound is made.
"""

from typing import Any

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import Response

from studio.api.bodies import Music, Speech
from studio.api.caller import Asks, Caller, JobEnded, made
from studio.api.files import send
from studio.checking import shown
from studio.errors import BadRequest, StudioError
from studio.types import Job

routes = APIRouter(prefix="/v1/audio", tags=["audio"])
# Clients name one of these because they must, not because they want it.
OPENAI_VOICES = ("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse")


@routes.post("/speech", response_model=None)
async def speech(body: Speech, caller: Asks) -> Response:
    """Read a text aloud."""
    model = caller.model(body.model, "text-to-speech")
    voice = await to_thread.run_sync(chosen_voice, caller, model, body.voice)
    options = {**body.options(), **({} if voice is None else {"voice": voice}), **paced(caller, model, body.speed)}
    return await sound(caller, await caller.submit(model, body.input, body.seed, options), body.response_format)


@routes.post("/music", response_model=None)
async def music(body: Music, caller: Asks) -> Response:
    """Make music, as sound or, where the model writes notes, as a MIDI file."""
    model = caller.model(body.model, "text-to-audio", takes=body.inputs)
    options = {**body.options(), **({} if body.duration is None else {"duration": body.duration})}
    job = await caller.submit(model, body.prompt, body.seed, options, parents=body.parents, inputs=body.inputs)
    return await sound(caller, job, body.response_format)


@routes.get("/voices")
def voices(caller: Asks, model: str | None = None) -> dict[str, Any]:
    """List the voices of a speech model."""
    return {"object": "list", "data": caller.studio.voices(caller.model(model, "text-to-speech"))}


async def sound(caller: Caller, job: Job, format: str) -> Response:
    """Return what a job made as a file of this format."""
    record = (await caller.results(job.id))[0]
    try:
        path = await to_thread.run_sync(caller.studio.file, record, format)
    except StudioError as problem:
        raise Unfitting(problem, job) from None
    return send(path, {**made(job), "X-Studio-Record": record.id})


class Unfitting(JobEnded):
    """The job ended well, but what it made cannot be had in this format."""

    def __init__(self, problem: StudioError, job: Job):
        StudioError.__init__(self, str(problem), "response_format")
        self.code, self.status, self.job = problem.code, problem.status, job.id


def chosen_voice(caller: Caller, model: str, wanted: str | None) -> str | None:
    """Return the id of the voice asked for by id or name; None where the model's own is meant. Raises BadRequest naming the right ones."""
    known = caller.studio.voices(model)
    for voice in known:
        if wanted is not None and wanted.lower() in (voice["id"].lower(), voice["name"].lower()):
            return voice["id"]
    if wanted is None or not known and wanted in OPENAI_VOICES:
        return None
    if not known and caller.takes(model, "voice"):
        return wanted  # not on this machine yet: the engine will know
    right = f"it is one of {', '.join(voice['id'] for voice in known)}" if known else f"{model} has one voice; leave it out"
    raise BadRequest(f"voice is {shown(wanted)}: {right}.", param="voice")


def paced(caller: Caller, model: str, speed: float | None) -> dict[str, float]:
    """Return the speed as an option of the engine."""
    if speed is None or speed == 1 and not caller.takes(model, "speed"):
        return {}
    if not caller.takes(model, "speed"):
        raise BadRequest(f"speed is {speed:g}: {model} speaks at its own. Leave it out.", param="speed")
    return {"speed": speed}
