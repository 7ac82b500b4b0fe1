"""The durable queue: a job is written down before anybody is told, and everything that happens to it can be followed.

Knows rows, order, events and who follows them; feeds the worker from one thread. Does not know what a request means.
"""

import json
import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from studio.database import Database, new_id, now
from studio.errors import BadRequest, NotFound, QueueFull, Stopped, StudioError
from studio.gallery import Gallery
from studio.pace import Pace
from studio.types import FINISHED, Job, JobEvent, Made, Progress, Record, Request, Saved, StateChanged
from studio.waiting import Waiting
from studio.worker import Worker

KEPT = 200  # ended jobs whose events can still be replayed in full
log = logging.getLogger(__name__)
_COLUMNS = (
    "id",
    "user",
    "action",
    "state",
    "task",
    "model",
    "prompt",
    "seed",
    "options",
    "request",
    "created",
    "started",
    "finished",
    "error",
    "code",
)


class _Log:
    """What has happened to a job, for any number of followers. Only the newest preview is kept."""

    def __init__(self) -> None:
        self.events: list[JobEvent] = []
        self.ended = False
        self._changed = threading.Condition()

    def add(self, event: JobEvent) -> None:
        with self._changed:
            last = self.events[-1] if self.events else None
            if isinstance(event, Progress) and isinstance(last, Progress) and last.preview is not None:
                self.events[-1] = replace(last, preview=None)
            self.events.append(event)
            self.ended = isinstance(event, StateChanged) and event.state in FINISHED
            self._changed.notify_all()

    def follow(self, after: int) -> Iterator[tuple[int, JobEvent]]:
        number = max(0, after)
        while True:
            with self._changed:
                while number >= len(self.events) and not self.ended:
                    self._changed.wait()
                fresh, ended = self.events[number:], self.ended
            for event in fresh:
                number += 1
                yield number, event
            if ended and number >= len(self.events):
                return


class Jobs:
    """The queue of one worker.

    Args:
        tasks: makes a worker's task of a job.
        waiting: the order in which they wait.
    """

    def __init__(self, database: Database, worker: Worker, gallery: Gallery, tasks: Any, waiting: Waiting):
        self._database, self._worker, self._gallery, self._tasks = database, worker, gallery, tasks
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._waiting = waiting
        self._pace = Pace(database)
        self._models: dict[str, str] = {}  # of the jobs that wait
        self._running: Job | None = None
        self._cancelled: set[str] = set()
        self._closed = self._paused = False
        self._changed = threading.Condition(threading.RLock())
        self._interrupt_leftovers()
        self._feeder = threading.Thread(target=self._feed, name="jobs", daemon=True)
        self._feeder.start()

    def submit(self, job: Job) -> Job:
        """Write a job down and queue it. When this returns, the job survives the end of the process. Raises QueueFull."""
        row = job.model_dump(mode="json")
        values = tuple(json.dumps(row[name]) if name in ("options", "request") else row[name] for name in _COLUMNS)
        with self._changed:
            self._check_room(job)
            with self._database.transaction() as connection:
                connection.execute(f"INSERT OR REPLACE INTO jobs ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})", values)
            self._open_log(job.id)
            self._waiting.add(job.id, job.user)
            self._models[job.id] = job.model
            self._tell_positions()
            self._changed.notify_all()
        return self.get(job.id)

    def _check_room(self, job: Job) -> None:
        try:
            self._waiting.check(job.user)
        except QueueFull as full:
            full.retry_after = max(1, math.ceil(self._pace.usual(job.model) or full.retry_after))
            raise

    def get(self, job: str, user: str | None = None) -> Job:
        """Return a job; with a user, only one of hers. Raises NotFound."""
        rows = self._database.rows("SELECT * FROM jobs WHERE id = ?", (job,))
        if not rows or user is not None and rows[0]["user"] != user:
            raise NotFound(f"No job has the id {job[:40]!r}.", param="id")
        return self._job(rows[0], self._places())

    def list(self, user: str | None = None, states: tuple[str, ...] = (), task: str | None = None, limit: int = 50) -> list[Job]:
        """Return jobs, newest first."""
        parts, values = ["1 = 1"], []
        for name, value in (("user", user), ("task", task)):
            if value is not None:
                parts.append(f"{name} = ?")
                values.append(value)
        if states:
            parts.append(f"state IN ({', '.join('?' * len(states))})")
        query = f"SELECT * FROM jobs WHERE {' AND '.join(parts)} ORDER BY id DESC LIMIT ?"
        places = self._places()
        return [self._job(row, places) for row in self._database.rows(query, (*values, *states, limit))]

    def follow(self, job: str, after: int = 0) -> Iterator[tuple[int, JobEvent]]:
        """Yield (number, event) from event `after` on until the job has ended. Of a job from an earlier start, its results and its end."""
        found = self.get(job)
        with self._changed:
            kept = self._logs.get(job)
        if kept is not None:
            return kept.follow(after)
        ending = StateChanged(found.state, error=found.error or "", code=found.code or "")
        events = [*(Made(self._gallery.get(record)) for record in found.results), ending]
        return iter(list(enumerate(events, 1))[max(0, after) :])

    def cancel(self, job: str) -> None:
        """Stop a queued or running job. One that has ended stays as it is; raises NotFound for an unknown one."""
        found = self.get(job)
        with self._changed:
            if job in self._waiting:
                self._leave(job)
                self._end(job, StateChanged("cancelled"))
                self._tell_positions()
            elif self._running and self._running.id == job:
                self._cancelled.add(job)
                self._worker.stop(job)
            elif found.state not in FINISHED:
                self._end(job, StateChanged("cancelled"))

    def forget(self, job: str) -> None:
        """Remove a job that has ended, and with it what it made. Raises BadRequest while it waits or runs."""
        found = self.get(job)
        if found.state not in FINISHED:
            raise BadRequest(f"Job {job} has not ended. Stop it first.", param="id")
        for record in found.results:
            self._gallery.delete(record)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE id = ?", (job,))
        with self._changed:
            self._logs.pop(job, None)

    def move(self, job: str, place: int) -> None:
        """Give a job another place, from 0, among its user's own that wait. Raises NotFound when it does not wait."""
        with self._changed:
            self._waiting.move(job, place)
            self._tell_positions()

    @property
    def paused(self) -> bool:
        return self._paused

    def pause(self, on: bool = True) -> None:
        """Begin no further job until told otherwise; the one that runs goes on."""
        with self._changed:
            self._paused = on
            self._changed.notify_all()

    def counts(self) -> tuple[int, int]:
        """Return how many jobs run and how many wait."""
        with self._changed:
            return int(self._running is not None), len(self._waiting)

    def close(self) -> None:
        """Take no more from the queue and stop what runs. What waits is listed as interrupted; whoever follows a job is told."""
        with self._changed:
            self._closed = True
            running = self._running
            self._changed.notify_all()
        if running:
            self._worker.stop(running.id)
        self._feeder.join(timeout=10)
        for job in self._waiting.order():
            self._leave(job)
            self._end(job, StateChanged("interrupted"))

    def _feed(self) -> None:
        while True:
            with self._changed:
                while (self._paused or not self._waiting) and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                job = self.get(self._waiting.take())
                self._models.pop(job.id)
                self._running = job
                self._tell_positions()
            try:
                self._run(job)
            finally:
                with self._changed:
                    self._running = None
                    self._cancelled.discard(job.id)

    def _leave(self, job: str) -> None:
        self._waiting.remove(job)
        del self._models[job]

    def _run(self, job: Job) -> None:
        """Run a job to its end, whatever comes; nothing it raises may stop the queue."""
        try:
            self._write(job.id, started=now())
            self._pace.begin(job)
            for event in self._worker.run(self._tasks(job)):
                self._note(job, event)
            ending = StateChanged("done")
            self._pace.end(job)
        except Stopped:
            ending = StateChanged("cancelled" if job.id in self._cancelled or not self._closed else "interrupted")
        except StudioError as problem:
            ending = StateChanged("failed", error=str(problem), code=problem.code)
        except Exception:
            log.exception("job %s failed", job.id)
            ending = StateChanged("failed", error="Something went wrong inside the studio; its log says what.", code="internal")
        self._end(job.id, ending)

    def _note(self, job: Job, event: Any) -> None:
        if isinstance(event, Saved):
            event = Made(self._gallery.add(self._record(job, event)))
        if isinstance(event, StateChanged):
            self._write(job.id, state=event.state)
        self._logs[job.id].add(event)
        if job.id in self._cancelled:
            self._worker.stop(job.id)

    def _record(self, job: Job, saved: Saved) -> Record:
        paths = [str(Path(path).relative_to(self._gallery.folder)) for path in saved.paths]
        facts = dict(saved.facts)
        seconds = _seconds_between(self.get(job.id).started, now())
        return Record(
            id=new_id(), job=job.id, user=job.user, task=job.task, model=job.model, revision=facts.pop("revision", ""), prompt=job.prompt,
            seed=saved.seed, options=job.options, parents=job.request.parents, inputs=job.request.inputs, facts=facts, created=now(),
            seconds=seconds, medium=saved.medium, mime=saved.mime, bytes=saved.bytes, sha256=saved.sha256, path=paths[0],
            files={Path(path).suffix.lstrip("."): path for path in paths},
        )  # fmt: skip

    def _end(self, job: str, ending: StateChanged) -> None:
        try:
            self._write(job, state=ending.state, finished=now(), error=ending.error or None, code=ending.code or None)
        except StudioError as problem:
            log.error("job %s has ended (%s), which could not be written down: %s", job, ending.state, problem)
        with self._changed:
            self._open_log(job).add(ending)

    def _write(self, job: str, **columns: Any) -> None:
        with self._database.transaction() as connection:
            connection.execute(f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?", (*columns.values(), job))

    def _open_log(self, job: str) -> _Log:
        if job not in self._logs or self._logs[job].ended and job in self._waiting:
            self._logs[job] = _Log()
            for name in [name for name, kept in self._logs.items() if kept.ended][:-KEPT]:
                del self._logs[name]
        return self._logs[job]

    def _tell_positions(self) -> None:
        for job, (position, wait) in self._places().items():
            self._logs[job].add(StateChanged("queued", position, wait=wait))

    def _places(self) -> dict[str, tuple[int, float | None]]:
        """Return of each job that waits how many come before it, and for how many seconds."""
        with self._changed:
            order, running = self._waiting.order(), self._running
            waits = self._pace.waits(running, [self._models[job] for job in order])
        return {job: (place, wait) for job, place, wait in zip(order, count(int(running is not None)), waits, strict=False)}

    def _interrupt_leftovers(self) -> None:
        marks = ", ".join("?" * len(FINISHED))
        with self._database.transaction() as connection:
            connection.execute(f"UPDATE jobs SET state = 'interrupted', finished = ? WHERE state NOT IN ({marks})", (now(), *FINISHED))

    def _job(self, row: Any, places: dict[str, tuple[int, float | None]]) -> Job:
        results = self._database.rows("SELECT id FROM records WHERE job = ? ORDER BY id", (row["id"],))
        values = {name: json.loads(row[name]) if name == "options" else row[name] for name in _COLUMNS}
        values["request"] = Request.model_validate_json(row["request"])
        kept = self._logs.get(row["id"])
        last = next((event for event in reversed(kept.events) if isinstance(event, Progress)), None) if kept else None
        progress = 1.0 if row["state"] == "done" else last.step / last.total if last and last.total else 0.0
        position, wait = places.get(row["id"], (0, None))
        return Job(**values, results=[result["id"] for result in results], progress=progress, position=position, wait=wait)


def _seconds_between(started: str | None, finished: str) -> float:
    from datetime import datetime

    def parse(text: str) -> datetime:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))

    return round((parse(finished) - parse(started)).total_seconds(), 3) if started else 0.0
