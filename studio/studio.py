"""Studio: the whole data flow, from a request to a record, in a few short methods.

Knows the parts and the order they work in. Does not know gradio, HTTP or torch.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from studio.types import Device, Job, JobEvent, MemoryTable, ModelSpec, Record, Request


class ModelStatus(BaseModel):
    """A model of the catalogue as it stands now.

    Attributes:
        loaded: it is in memory; `memory_bytes` is then measured, else predicted (0 where nothing is known).
        disk_bytes: what of it lies on this machine's disk; 0 when it has to be downloaded.
    """

    spec: ModelSpec
    task: str
    loaded: bool
    on_disk: bool
    disk_bytes: int
    memory_bytes: int


class Studio:
    """What the page and the HTTP interface speak to.

    registry: `registry.specs()`, `registry.spec(model)`, `registry.engine(model)` -> Engine class (its `task`, `Options`, `needs_prompt`).
    gallery: see gallery.py.
    """

    def submit(self, request: Request, user: str = "", action: str = "run") -> Job:
        """Check the request, write its job down and return it, queued. Raises BadRequest or NotFound."""

    def follow(self, job: str, after: int = 0) -> Iterator[tuple[int, JobEvent]]:
        """Yield (number, event) from event `after` on: what has been, then what comes, until the job has ended."""

    def cancel(self, job: str) -> None:
        """Stop a queued or running job. A job that has ended is left as it is."""

    def rerun(self, job: str, user: str = "") -> Job:
        """Submit the same request with the same seed again."""

    def job(self, job: str) -> Job:
        """Return a job. Raises NotFound."""

    def jobs(self, user: str | None = None, states: tuple[str, ...] = (), task: str | None = None, limit: int = 50) -> list[Job]:
        """Return jobs, newest first."""

    def models(self, task: str | None = None) -> list[ModelStatus]:
        """Return the catalogue in its order, with what is in memory and on disk."""

    def model(self, model: str) -> ModelStatus:
        """Return one model of the catalogue. Raises NotFound naming the nearest right one."""

    def voices(self, model: str) -> list[dict[str, str]]:
        """Return the voices of a speech model that is on disk; empty where there is no choice or it is not on disk yet."""

    def unload(self, model: str) -> None:
        """Free a model's memory. Raises BadRequest while a job uses it."""

    def memory(self) -> MemoryTable:
        """Return what is in memory."""

    def file(self, record: Record, format: str | None = None) -> Path:
        """Return the path of a record's file; with a format of sound (`wav`, `flac`, `mp3`, `opus`, `mid`) that one, converted if need be."""

    def close(self) -> None:
        """Stop what runs and end the workers."""
