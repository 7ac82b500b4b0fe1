"""How long jobs take, and how long the next have to wait."""

import pytest

from studio.pace import Pace
from studio.types import Job, Request


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(studio, clock):
    return Pace(studio._database, clock)


def job(model: str) -> Job:
    return Job(id="j", state="running", task="t", model=model, prompt="", seed=0, options={}, request=Request(model=model), created="")


def run(pace, clock, model, seconds):
    pace.begin(job(model))
    clock.now += seconds
    pace.end(job(model))


def test_nothing_is_known_at_first(pace):
    assert pace.usual("quick") is None and pace.waits(None, ["quick", "quick"]) == [0.0, None]


def test_each_waits_for_what_runs_and_for_those_before_it(pace, clock):
    run(pace, clock, "quick", 2)
    run(pace, clock, "slow", 60)
    pace.begin(job("slow"))
    clock.now += 45
    assert pace.waits(job("slow"), ["quick", "slow", "quick"]) == [15.0, 17.0, 77.0]
    clock.now += 100
    assert pace.waits(job("slow"), ["quick"]) == [0.0], "longer than usual is not less than nothing"


def test_who_waits_for_a_model_never_seen_is_told_nothing(pace, clock):
    run(pace, clock, "quick", 2)
    assert pace.waits(job("new"), ["quick", "quick"]) == [None, None]
    assert pace.waits(None, ["quick", "new", "quick"]) == [0.0, 2.0, None]


def test_the_newest_counts_most(pace, clock):
    run(pace, clock, "m", 10)
    run(pace, clock, "m", 20)
    assert pace.usual("m") == pytest.approx(13)


def test_an_earlier_start_is_remembered(studio, finish, clock):
    finish(studio, studio.submit({"model": "fake", "prompt": "a", "options": {"steps": 5, "delay": 0.05}}).id)
    assert 0.2 < Pace(studio._database, clock).usual("fake") < 30
