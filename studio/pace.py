"""How long jobs take: what each model's took of late, and from that how long the next have to wait.

Knows models and seconds. Does not know in which order jobs run.
"""

import time
from collections.abc import Callable, Sequence
from itertools import accumulate

from studio.database import Database
from studio.types import Job

RECENT = 200  # ended jobs that a start looks back on
NEWEST = 0.3  # how much the newest job of a model counts against those before it


class Pace:
    """The usual time of a job of each model, in seconds, the newest counting most."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic):
        self._clock, self._began = clock, 0.0
        rows = database.rows(
            """SELECT model, avg(julianday(finished) - julianday(started)) * 86400 AS seconds FROM
               (SELECT model, started, finished FROM jobs WHERE state = 'done' AND started IS NOT NULL ORDER BY id DESC LIMIT ?)
               GROUP BY model""",
            (RECENT,),
        )
        self._usual: dict[str, float] = {row["model"]: max(0.0, row["seconds"] or 0.0) for row in rows}

    def usual(self, model: str) -> float | None:
        """Return what a job of a model usually takes, None where none was seen."""
        return self._usual.get(model)

    def begin(self, job: Job) -> None:
        """Note that a job begins now."""
        self._began = self._clock()

    def end(self, job: Job) -> None:
        """Note that the job that began last is done. One that failed or was stopped says nothing of the next."""
        taken = self._clock() - self._began
        before = self._usual.get(job.model, taken)
        self._usual[job.model] = before + NEWEST * (taken - before)

    def waits(self, running: Job | None, models: Sequence[str]) -> list[float | None]:
        """Return how long each of the jobs that wait, of these models in this order, has to; None from the first unknown one on."""
        left = 0.0
        if running:
            usual = self._usual.get(running.model)
            left = None if usual is None else max(0.0, usual - (self._clock() - self._began))
        before = [left, *(self._usual.get(model) for model in models[:-1])]
        return [None if wait is None else round(wait, 1) for wait in accumulate(before, _sum)][: len(models)]


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
