"""The hand-over between a blocking call and the iterator of its events."""

import threading
import time

import pytest

from studio.engines._stream import AHEAD, TELLING, Gathered, stream
from studio.errors import Stopped
from studio.types import Artifact, Progress, TextDelta


def steps(count, seen=None):
    """Return a call that emits `count` steps and notes in `seen` those it got rid of."""

    def call(emit):
        for number in range(1, count + 1):
            emit(Progress(number, count))
            if seen is not None:
                seen.append(number)

    return call


def runs():
    return [thread for thread in threading.enumerate() if thread.name == "studio-run"]


def test_yields_everything_in_order():
    assert [event.step for event in stream(steps(50))] == list(range(1, 51))
    assert not runs()


def test_a_call_that_emits_nothing_yields_nothing():
    assert list(stream(lambda emit: None)) == []


def test_nothing_starts_before_the_first_event_is_asked_for():
    called = []
    events = stream(lambda emit: called.append(True))
    events.close()
    assert not called


def test_an_error_reaches_the_consumer_after_the_events_before_it():
    def call(emit):
        emit(Progress(1, 2))
        raise ValueError("broken pipeline")

    events = stream(call)
    assert next(events).step == 1
    with pytest.raises(ValueError, match="broken pipeline"):
        next(events)
    assert not runs()


def test_a_slow_consumer_holds_the_producer():
    seen = []
    events = stream(steps(100, seen))
    next(events)
    time.sleep(0.1)
    assert len(seen) <= 1 + AHEAD
    events.close()


def test_closing_raises_stopped_in_the_call_and_waits_for_its_end():
    raised, ended = [], []

    def call(emit):
        try:
            steps(10_000)(emit)
        except Stopped as stopped:
            raised.append(stopped)
            raise
        finally:
            time.sleep(0.05)
            ended.append(True)

    events = stream(call)
    next(events)
    events.close()
    assert raised and ended and not runs()


def test_closing_reaches_a_call_that_is_not_waiting():
    emitted = []

    def call(emit):
        for number in range(10_000):
            time.sleep(0.02)
            emit(Progress(number, 0))
            emitted.append(number)

    events = stream(call)
    next(events)
    events.close()
    assert len(emitted) <= 1 + AHEAD


def test_a_call_that_catches_the_stop_and_emits_again_is_stopped_again():
    def call(emit):
        for _ in range(5):
            try:
                emit(Progress(1, 1))
            except Stopped:
                continue

    events = stream(call)
    next(events)
    events.close()
    assert not runs()


def test_an_error_after_closing_stays_in_the_thread():
    def call(emit):
        try:
            steps(1000)(emit)
        except Stopped:
            raise RuntimeError("the pipeline wraps whatever its callback raises") from None

    events = stream(call)
    next(events)
    events.close()
    assert not runs()


def test_pieces_that_come_fast_are_joined_and_none_is_lost():
    now, seen = [0.0], []
    told = Gathered(seen.append, clock=lambda: now[0])
    for number, word in enumerate(("Once", " upon", " a", " time"), 1):
        told(TextDelta(word))
        told(Progress(number, 9, "token"))
        now[0] += TELLING / 2.5
    assert seen[0] == TextDelta("Once")
    artifact = Artifact("text", "Once upon a time", 1)
    told(artifact)
    assert "".join(event.text for event in seen if isinstance(event, TextDelta)) == "Once upon a time"
    assert len(seen) < 8 and seen[-2:] == [Progress(4, 9, "token"), artifact]
