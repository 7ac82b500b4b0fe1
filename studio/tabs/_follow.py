"""Following a job from the page: its events, gathered into what there is to see now.

Knows the events of a job. Does not know how they are drawn. A thread gathers, and the page looks at most eight times a second,
so that a fast model does not drown a slow network and a follower holds none of the page's own threads.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from studio.errors import StudioError
from studio.studio import Studio
from studio.types import FINISHED, Job, JobEvent, Loading, Made, Progress, Record, Request, State, StateChanged, TextDelta, Transfer

PAUSE = 0.125  # seconds between two looks: eight a second
REPLAY = 0.2  # seconds in which what has been comes all at once, which says nothing of the pace


@dataclass
class Seen:
    """What has been seen of a job so far.

    Attributes:
        step, total, unit: the last progress; `total` is 0 where it is not known.
        pace: steps a second, 0 while not known.
        text: what has been written so far. tokens: how many pieces it came in.
        changes: grows with every event; tells whether there is something new to draw.
    """

    job: Job
    state: State = "queued"
    position: int = 0
    wait: float | None = None
    error: str = ""
    code: str = ""
    transfer: Transfer | None = None
    fraction: float = 0.0
    step: int = 0
    total: int = 0
    unit: str = "step"
    preview: Any = None
    text: str = ""
    tokens: int = 0
    pace: float = 0.0
    records: list[Record] = field(default_factory=list)
    changes: int = 0
    clock: Callable[[], float] = time.monotonic
    _opened: float | None = None
    _began: tuple[float, int] | None = None

    @property
    def ended(self) -> bool:
        return self.state in FINISHED

    @property
    def left(self) -> float | None:
        """Seconds left at the present pace, None where that is not known."""
        if self.state == "downloading" and self.transfer and self.transfer.rate > 0:
            return max(0.0, self.transfer.total - self.transfer.done) / self.transfer.rate
        return (self.total - self.step) / self.pace if self.total and self.pace else None

    def take(self, event: JobEvent) -> None:
        """Take in one event."""
        self.changes += 1
        match event:
            case StateChanged():
                self.state, self.position, self.wait = event.state, event.position, event.wait
                self.error, self.code = event.error or self.error, event.code or self.code
            case Transfer():
                self.transfer = event
            case Loading():
                self.fraction = event.fraction
            case Progress():
                self.step, self.total, self.unit = event.step, event.total, event.unit
                self.preview = self.preview if event.preview is None else event.preview
                self._measure(event.step)
            case TextDelta():
                self.text, self.tokens = self.text + event.text, self.tokens + 1
                self._measure(self.tokens)
            case Made():
                self.records.append(event.record)

    def _measure(self, count: int) -> None:
        now = self.clock()
        self._opened = now if self._opened is None else self._opened
        if self._began is None or count < self._began[1] or now - self._opened < REPLAY:
            self._began = (now, count)
        elif now - self._began[0] > 2 * PAUSE:
            self.pace = (count - self._began[1]) / (now - self._began[0])


def _gather(studio: Studio, seen: Seen, left: threading.Event) -> None:
    """Take in a job's events until it ends or the page has left."""
    try:
        for _, event in studio.follow(seen.job.id):
            seen.take(event)
            if left.is_set():
                return
        if not seen.ended:
            _settle(seen, studio.job(seen.job.id))
    except StudioError as error:
        seen.take(StateChanged("failed", error=str(error), code=error.code))
    except Exception:
        seen.take(StateChanged("failed", error="The page lost sight of this job. Reload the page to find it again.", code="lost"))
        raise


def _settle(seen: Seen, job: Job) -> None:
    seen.take(StateChanged(job.state if job.state in FINISHED else "interrupted", error=job.error or "", code=job.code or ""))


async def watch(studio: Studio, job: Job, wanted: Callable[[], bool] = lambda: True) -> AsyncIterator[Seen]:
    """Yield what there is to see of a job whenever it has changed, up to its end or until it is no longer `wanted`."""
    seen, left = Seen(job), threading.Event()
    threading.Thread(target=_gather, args=(studio, seen, left), name=f"watch {job.id}", daemon=True).start()
    drawn = -1
    try:
        while wanted():
            ended, changes = seen.ended, seen.changes
            if changes != drawn:
                drawn = changes
                yield seen
            if ended:
                return
            await asyncio.sleep(PAUSE)
    finally:
        left.set()


class Turns:
    """Of one page's followers of one kind only the newest goes on; the ones before it end by themselves."""

    def __init__(self) -> None:
        self.newest: dict[str, object] = {}

    def enter(self, page: str | None) -> Callable[[], bool]:
        """Begin to follow for a page (its session); what is returned says whether this is still the newest."""
        page, mine = page or "", object()
        self.newest[page] = mine
        return lambda: self.newest.get(page) is mine

    def leave(self, page: str | None) -> None:
        self.newest.pop(page or "", None)


async def answer(studio: Studio, request: Request, user: str) -> AsyncIterator[Seen]:
    """Submit a request for a caller who waits and yield what is seen of its job; a caller who goes away before its end stops it.

    Raises StudioError when the request is refused or its job comes to nothing.
    """
    job, ended = studio.submit(request, user), False
    try:
        async for seen in watch(studio, job):
            ended = seen.ended
            if ended and seen.state != "done":
                raise StudioError(seen.error or f"The job was {seen.state}.")
            yield seen
    finally:
        if not ended:
            studio.cancel(job.id)
