"""Whose turn it is."""

import pytest

from studio.errors import NotFound, QueueFull
from studio.waiting import Waiting


def line(*jobs: str, **limits) -> Waiting:
    """Return a line of jobs called `user number`."""
    waiting = Waiting(**limits)
    for job in jobs:
        waiting.add(job, job.split()[0])
    return waiting


def taken(waiting: Waiting) -> list[str]:
    return [waiting.take() for _ in range(len(waiting))]


def test_one_users_jobs_run_in_the_order_they_came_in():
    assert taken(line("ann 1", "ann 2", "ann 3")) == ["ann 1", "ann 2", "ann 3"]


def test_users_take_turns():
    waiting = line("ann 1", "ann 2", "ann 3", "bob 1", "bob 2", "eve 1")
    assert waiting.order() == ["ann 1", "bob 1", "eve 1", "ann 2", "bob 2", "ann 3"]
    assert taken(waiting) == ["ann 1", "bob 1", "eve 1", "ann 2", "bob 2", "ann 3"]


def test_a_newcomer_waits_one_turn_of_each_and_not_all_of_them():
    waiting = line(*(f"ann {number}" for number in range(100)))
    assert waiting.take() == "ann 0"
    waiting.add("bob 1", "bob")
    assert waiting.order()[:3] == ["ann 1", "bob 1", "ann 2"]


def test_the_owner_goes_first():
    assert line("ann 1", "bob 1", "me 1", "me 2", owner="me").order() == ["me 1", "me 2", "ann 1", "bob 1"]


def test_a_job_moves_among_its_users_own_and_takes_nobody_elses_turn():
    waiting = line("ann 1", "ann 2", "ann 3", "bob 1")
    waiting.move("ann 3", 0)
    assert waiting.order() == ["ann 3", "bob 1", "ann 1", "ann 2"]
    waiting.move("ann 3", 99)
    assert waiting.order() == ["ann 1", "bob 1", "ann 2", "ann 3"]


def test_who_left_is_not_waited_for():
    waiting = line("ann 1", "bob 1", "ann 2")
    waiting.remove("bob 1")
    assert waiting.order() == ["ann 1", "ann 2"] and "bob 1" not in waiting and len(waiting) == 2
    for call in (lambda: waiting.remove("bob 1"), lambda: waiting.move("bob 1", 0)):
        with pytest.raises(NotFound, match="bob 1 does not wait any more"):
            call()


def test_as_many_wait_as_may():
    waiting = line("ann 1", "ann 2", each=2, most=3)
    with pytest.raises(QueueFull, match="2 of your jobs wait already"):
        waiting.check("ann")
    waiting.check("bob")
    waiting.add("bob 1", "bob")
    with pytest.raises(QueueFull, match="3 jobs wait already"):
        waiting.check("eve")
