"""One caller's view of the studio: what is hers, and how a route waits for what it asked for.

Knows users, jobs and records. Does not know what any route takes or answers.
"""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Depends, Request

from studio import types
from studio.api.errors import status_of
from studio.errors import BadRequest, StudioError
from studio.studio import Studio
from studio.types import Job, JobEvent, Record, TextDelta

TASKS = {
    "text-to-image": "pictures from words",
    "unconditional-image-generation": "faces",
    "text-generation": "text",
    "text-to-speech": "speech",
    "text-to-audio": "music",
    "text-to-video": "videos",
}


class JobEnded(StudioError):
    """A job ended without its result; the error is the job's own."""

    def __init__(self, job: Job):
        stopped = f"Job {job.id} was stopped." if job.state == "cancelled" else f"Job {job.id} ended as {job.state}; run it again."
        super().__init__(job.error or stopped)
        self.code = job.code or job.state
        self.status = status_of(job.code) if job.code or job.state == "failed" else 409
        self.job = job.id


@dataclass(frozen=True)
class Caller:
    """`user` is "" where there are no accounts, and then everything is theirs; `base` is the address the studio was asked at."""

    studio: Studio
    user: str
    base: str

    @property
    def only(self) -> str | None:
        """Whose jobs and records may be seen; None for everybody's."""
        return self.user or None

    def job(self, job: str) -> Job:
        return self.studio.job(job, self.only)

    def record(self, record: str) -> Record:
        return self.studio.gallery.get(record, self.only)

    def model(self, wanted: str | None, *tasks: str, takes: Collection[str] = ()) -> str:
        """Return the model asked for, or the first that does the first of these tasks and takes these inputs.

        Raises BadRequest for one that does none of the tasks.
        """
        fitting = [spec.id for task in tasks for spec in self.studio.registry.specs(task)]
        if wanted is None:
            able = [model for model in fitting if set(takes) <= self.studio.registry.engine(model).inputs.keys()]
            if not able:
                kind = f" of {', '.join(takes)}" if takes else ""
                raise BadRequest(f"model is missing, and the catalogue has none that makes {TASKS[tasks[0]]}{kind}.", param="model")
            return able[0]
        task = self.studio.registry.task(wanted)
        if task not in tasks:
            makes = TASKS.get(task, task)
            raise BadRequest(
                f"model is {wanted!r}: it makes {makes}, not {TASKS[tasks[0]]}. There are: {', '.join(fitting[:10])}.", param="model"
            )
        return wanted

    def takes(self, model: str, option: str) -> bool:
        """Whether a model's engine has an option of this name."""
        return option in self.studio.registry.engine(model).Options.model_fields

    async def submit(
        self, model: str, prompt: str = "", seed: int | None = None, options: dict[str, Any] | None = None, **more: Any
    ) -> Job:
        """Write a job down. It is the caller's."""
        request = {"model": model, "prompt": prompt, "seed": seed, "options": options or {}, **more}
        return await to_thread.run_sync(self.studio.submit, request, self.user)

    async def events(self, job: str, after: int = 0) -> AsyncIterator[tuple[int, JobEvent]]:
        """Yield (number, event) of a job without holding up other requests."""
        following = self.studio.follow(job, after)
        # An abandoned thread ends with the next event or the job; a stream that is dropped need not wait for it.
        while (item := await to_thread.run_sync(next, following, None, abandon_on_cancel=True)) is not None:
            yield item

    async def results(self, job: str) -> list[Record]:
        """Return what a job made, once it has ended. Raises JobEnded when it did not end well."""
        await to_thread.run_sync(self._outlast, job, abandon_on_cancel=True)
        return await to_thread.run_sync(self._records, job)

    async def written(self, job: str) -> tuple[str, Record]:
        """Return the text a job wrote and its record. Raises JobEnded."""
        text = await to_thread.run_sync(self._outlast, job, abandon_on_cancel=True)
        records = await to_thread.run_sync(self._records, job)
        return text, records[0]

    def ended(self, job: str) -> Job:
        """Return a job that has ended well. Raises JobEnded for another."""
        found = self.studio.job(job)
        if found.state != "done":
            raise JobEnded(found)
        return found

    def _outlast(self, job: str) -> str:
        return "".join(event.text for _, event in self.studio.follow(job) if isinstance(event, TextDelta))

    def _records(self, job: str) -> list[Record]:
        return [self.studio.gallery.get(record) for record in self.ended(job).results]

    def shown_job(self, job: Job) -> dict[str, Any]:
        """Return a job as it goes over the wire."""
        return job.model_dump(exclude={"user", "request"})

    def shown_record(self, record: Record) -> dict[str, Any]:
        """Return a record as it goes over the wire, with the addresses of its files."""
        url = self.url(record)
        files = {name: f"{url}?format={name}" for name in record.files}
        return {**record.model_dump(exclude={"user", "path", "files"}), "url": url, "files": files}

    def url(self, record: Record) -> str:
        return f"{self.base}v1/gallery/{record.id}/file"


def caller(request: Request) -> Caller:
    return Caller(request.app.state.studio, request.state.user, str(request.base_url))


Asks = Annotated[Caller, Depends(caller)]


def made(job: types.Job) -> dict[str, str]:
    """Return the header of every answer that something was made for."""
    return {"X-Studio-Job": job.id}
