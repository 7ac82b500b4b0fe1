"""What is seen of a job, gathered from its events."""

import asyncio

import pytest

from studio.errors import StudioError
from studio.tabs._follow import Seen, Turns, answer, watch
from studio.types import Progress, Request, StateChanged, TextDelta, Transfer


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def seen() -> tuple[Seen, Clock]:
    clock = Clock()
    return Seen(job=None, clock=clock), clock


def test_pace_and_time_left():
    one, clock = seen()
    for step in range(11):
        one.take(Progress(step, 30))
        clock.now += 0.5
    assert one.pace == pytest.approx(2.0)
    assert one.left == pytest.approx(10.0)


def test_what_has_been_says_nothing_of_the_pace():
    one, clock = seen()
    for step in range(1, 16):
        one.take(Progress(step, 30))
    clock.now += 1
    one.take(Progress(16, 30))
    assert one.pace == pytest.approx(1.0)


def test_a_preview_stays_until_the_next():
    one, _ = seen()
    one.take(Progress(1, 3, preview=b"jpeg"))
    one.take(Progress(2, 3))
    assert (one.step, one.preview) == (2, b"jpeg")


def test_text_grows_and_downloads_have_an_end():
    one, _ = seen()
    one.take(TextDelta("a "))
    one.take(TextDelta("b"))
    assert (one.text, one.tokens) == ("a b", 2)
    one.take(StateChanged("downloading"))
    one.take(Transfer(25, 100, 5.0))
    assert one.left == pytest.approx(15.0)


def collect(stream) -> list:
    async def all_of_it():
        return [(one.state, one.step, len(one.records)) async for one in stream]

    return asyncio.run(all_of_it())


def test_a_job_is_watched_to_its_end(studio):
    states = collect(watch(studio, studio.submit(Request(model="fake", prompt="x"))))
    assert states[-1] == ("done", 3, 1)


def test_a_job_that_has_ended_can_be_watched_again(studio, finish):
    job = studio.submit(Request(model="fake", prompt="x"))
    finish(studio, job.id)
    assert collect(watch(studio, job))[-1][0] == "done"


def test_watching_ends_when_it_is_no_longer_wanted(studio, finish):
    job = studio.submit(Request(model="fake", prompt="x", options={"steps": 50, "delay": 0.02}))
    looks = iter([True, True, False])
    collect(watch(studio, job, lambda: next(looks, False)))
    assert finish(studio, job.id)[-1].state == "done", "who looks away stops nothing"


def test_pages_are_told_at_most_eight_times_a_second(studio):
    job = studio.submit(Request(model="fake", prompt="x", options={"steps": 200, "delay": 0.002}))
    assert len(collect(watch(studio, job))) < 30


def test_a_caller_who_waits_is_told_what_went_wrong(studio):
    with pytest.raises(StudioError, match="asked to fail"):
        collect(answer(studio, Request(model="fake", prompt="x", options={"trouble": "raise"}), ""))


def test_a_caller_who_leaves_stops_the_job(studio, finish):
    async def leave():
        stream = answer(studio, Request(model="fake", prompt="x", options={"steps": 500, "delay": 0.05}), "")
        first = await anext(stream)
        await stream.aclose()
        return first.job.id

    assert finish(studio, asyncio.run(leave()))[-1].state == "cancelled"


def test_only_the_newest_follower_of_a_page_goes_on():
    turns = Turns()
    first, other = turns.enter("page"), turns.enter("other page")
    second = turns.enter("page")
    assert (first(), second(), other()) == (False, True, True)
    turns.leave("page")
    assert not second()
