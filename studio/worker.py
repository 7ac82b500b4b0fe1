"""Workers: where models live and run, one for each device.

A `Runner` does the work; `InProcessWorker` keeps one in this process, worker_process.py in a child. Knows tasks and events. Does not
know the queue, the gallery or the users.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from studio import media
from studio.engines._stream import stream
from studio.errors import GenerationFailed, OutOfMemory, Stopped, StudioError
from studio.hub import Hub
from studio.memory import Memory, is_out_of_memory, release
from studio.registry import engine_class
from studio.types import (
    Artifact,
    Device,
    Loading,
    MemoryTable,
    ModelSpec,
    Progress,
    Request,
    Saved,
    State,
    StateChanged,
    TextDelta,
    Transfer,
)

WorkerEvent = StateChanged | Transfer | Loading | Progress | TextDelta | Saved
PREVIEWS = 0.2  # least seconds between two previews
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """One piece of work, complete in itself.

    Attributes:
        record: what the files say about how they were made.
        folder, stem: where a file goes and how its name begins.
    """

    job: str
    spec: ModelSpec
    request: Request
    options: dict[str, Any]
    seed: int
    record: dict[str, Any]
    folder: Path
    stem: str
    action: Literal["run", "load"] = "run"


class Worker(ABC):
    """Runs one task at a time. Closing the iterator of `run`, or `stop`, ends a task within a step."""

    @abstractmethod
    def run(self, task: Task) -> Iterator[WorkerEvent]:
        """Do a task and yield what happens. Raises StudioError."""

    @abstractmethod
    def stop(self, job: str) -> None:
        """Make `run` of that job raise Stopped soon. Does nothing when it is not running."""

    @abstractmethod
    def unload(self, model: str) -> None:
        """Free a model's memory. Raises BadRequest while it is in use."""

    @abstractmethod
    def table(self) -> MemoryTable:
        """Return what is in memory."""

    def start(self) -> None:  # noqa: B027  (most workers have nothing to get ready)
        """Get ready ahead of the first task."""

    @abstractmethod
    def close(self) -> None:
        """End everything."""


class Runner:
    """Does tasks in the calling thread, reporting through `emit`, which may raise to stop."""

    def __init__(self, memory: Memory):
        self._memory = memory
        self._lock = threading.Lock()  # one task at a time on a device

    def run(self, task: Task, emit: Callable[[WorkerEvent], None], stopped: Callable[[], bool] = lambda: False) -> None:
        """Do one task; `stopped` is asked at each step. Raises StudioError, whatever the engine raised.

        Where memory runs out before anything came of it, it is tried once more with all else gone and the model in a smaller way.
        """
        told = []

        def unless_stopped(event: WorkerEvent) -> None:
            if stopped():
                raise Stopped("Stopped.")
            told.extend([True] if isinstance(event, TextDelta | Saved) else [])
            emit(event)

        with self._lock:
            problem = self._attempt(task, unless_stopped)
            if problem and is_out_of_memory(problem) and not told:
                log.warning("job %s: memory ran out with %s", task.job, task.spec.id)
                problem.__traceback__ = None  # it holds what is to be freed
                if self._memory.shrink(task.spec.id):
                    problem = self._attempt(task, unless_stopped)
            if problem:
                raise self._explained(problem, task) from problem

    def _attempt(self, task: Task, emit: Callable[[WorkerEvent], None]) -> Exception | None:
        """Do a task; return what the engine raised. Raises StudioError."""
        try:
            self._run(task, emit)
        except StudioError:
            raise
        except Exception as problem:
            return problem
        return None

    def _run(self, task: Task, emit: Callable[[WorkerEvent], None]) -> None:
        with self._memory.lease(task.spec, _Arrival(emit)) as engine:
            if task.action == "load":
                return
            emit(StateChanged("running"))
            options = engine_class(task.spec.engine).Options(**task.options)
            previews, count = _Throttle(), 0
            with closing(engine.run(task.request, options, task.seed)) as events:
                for event in events:
                    if isinstance(event, Artifact):
                        event, count = _saved(event, task, engine.source, count), count + 1
                    emit(previews(event) if isinstance(event, Progress) else event)
            if not count:
                raise GenerationFailed(f"{task.spec.name} ended without a result.")

    def _explained(self, problem: Exception, task: Task) -> StudioError:
        log.error("job %s, model %s failed", task.job, task.spec.id, exc_info=problem)
        release(self._memory.device)
        if is_out_of_memory(problem):
            return OutOfMemory(
                f"{self._memory.device.name} ran out of memory while {task.spec.name} ran: {self._memory.said(task.spec.id)} "
                "Ask for less: a smaller size, fewer at once."
            )
        return GenerationFailed(f"{task.spec.name} failed: {type(problem).__name__}: {str(problem)[:300]}")


class _Arrival:
    """Passes on how a model comes, and says once when its download and when its loading begins."""

    def __init__(self, emit: Callable[[WorkerEvent], None]):
        self._emit, self._state = emit, ""

    def __call__(self, event: Transfer | Loading) -> None:
        state: State = "downloading" if isinstance(event, Transfer) else "loading"
        if state != self._state:
            self._state = state
            self._emit(StateChanged(state))
        self._emit(event)


def _saved(artifact: Artifact, task: Task, source: str, number: int) -> Saved:
    revision = task.spec.revision or commit(Path(source))
    record = {**task.record, "seed": artifact.seed, "revision": revision, "facts": artifact.facts}
    saved = media.save(artifact, record, task.folder, f"{task.stem}-{number + 1}")
    return replace(saved, facts={**saved.facts, "revision": revision})


def commit(source: Path) -> str:
    """Return the commit of the Hub a folder or file of its cache belongs to, "" for any other."""
    return next((folder.name for folder in (source, *source.parents) if folder.parent.name == "snapshots"), "")


class _Throttle:
    """Turns previews into JPEG bytes, and drops those that come too fast to be seen."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, event: Progress) -> Progress:
        if event.preview is None:
            return event
        if time.monotonic() - self._last < PREVIEWS:
            return replace(event, preview=None)
        self._last = time.monotonic()
        buffer = BytesIO()
        event.preview.convert("RGB").save(buffer, "JPEG", quality=85)
        return replace(event, preview=buffer.getvalue())


class InProcessWorker(Worker):
    """Models in this process."""

    def __init__(self, device: Device, budget: int, hub: Hub, folder: Path | None = None):
        self._memory = Memory(device, budget, hub, folder=folder)
        self._runner = Runner(self._memory)
        self._stopped: set[str] = set()

    def run(self, task: Task) -> Iterator[WorkerEvent]:
        try:
            yield from stream(lambda emit: self._runner.run(task, emit, lambda: task.job in self._stopped))
        finally:
            self._stopped.discard(task.job)

    def stop(self, job: str) -> None:
        self._stopped.add(job)

    def unload(self, model: str) -> None:
        self._memory.unload(model)

    def table(self) -> MemoryTable:
        return self._memory.table()

    def close(self) -> None:
        for resident in self.table().models:
            if not resident.leased:
                self._memory.unload(resident.model)
