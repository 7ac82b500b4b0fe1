"""Turns a blocking call that reports by callback into an iterator of events that can be closed.

Knows threads. Does not know what is generated: pipelines call back per step, language models per token.
"""

import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from threading import Event as Flag
from threading import Semaphore, Thread

from studio.errors import Stopped
from studio.types import Event, Progress, TextDelta

Emit = Callable[[Event], None]

AHEAD = 1  # events the producer may be ahead of its consumer: a stop is felt within one step
TELLING = 0.03  # least seconds between two pieces of a text


class Gathered:
    """Joins the pieces of a text, and its steps, that come faster than anybody reads: a quick model loses more time by telling.

    The first is passed on at once, and each other event after what was held back.
    """

    def __init__(self, emit: Emit, clock: Callable[[], float] = time.monotonic):
        self._emit, self._clock = emit, clock
        self._text, self._progress = "", None
        self._last = float("-inf")

    def __call__(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            self._text += event.text
        elif isinstance(event, Progress):
            self._progress = event
        if not isinstance(event, TextDelta | Progress):
            self._flush()
            self._emit(event)
        elif self._clock() - self._last >= TELLING:
            self._flush()

    def _flush(self) -> None:
        self._last = self._clock()
        text, progress = self._text, self._progress
        self._text, self._progress = "", None
        if text:
            self._emit(TextDelta(text))
        if progress:
            self._emit(progress)


def stream(call: Callable[[Emit], None]) -> Iterator[Event]:
    """Run `call(emit)` in a thread of its own and yield what it emits.
    Closing the iterator makes the next `emit` raise `Stopped` in that thread and waits until the thread has ended, so that nothing of
    the run is left behind. What `call` raises is raised here. The thread starts with torch's default modes: `torch.inference_mode` and
    its like belong inside `call`.
    """
    handed: SimpleQueue[Event | None] = SimpleQueue()
    room, closed = Semaphore(AHEAD), Flag()
    failures: list[BaseException] = []

    def emit(event: Event) -> None:
        if not closed.is_set():
            room.acquire()
        if closed.is_set():
            raise Stopped("The run was stopped.")
        handed.put(event)

    def produce() -> None:
        try:
            call(emit)
        except BaseException as failure:  # raised again in the consumer
            failures.append(failure)
        finally:
            handed.put(None)

    thread = Thread(target=produce, name="studio-run", daemon=True)
    thread.start()
    try:
        while (event := handed.get()) is not None:
            yield event
            room.release()
    finally:
        closed.set()
        room.release()
        thread.join()
    if failures:
        raise failures[0]
