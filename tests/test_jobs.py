"""The queue through a real Studio with fake models."""

import threading
import time

import pytest

from studio.errors import NotFound
from studio.types import Made, Progress, Request, StateChanged, TextDelta


def submit(studio, model="fake", prompt="words", **options):
    return studio.submit(Request(model=model, prompt=prompt, options=options))


def states(events) -> list[str]:
    return [event.state for event in events if isinstance(event, StateChanged)]


def until(condition, seconds=20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_a_job_goes_from_queued_to_done(studio, finish):
    job = submit(studio)
    events = finish(studio, job.id)
    assert states(events) == ["queued", "loading", "running", "done"]
    assert [event.step for event in events if isinstance(event, Progress)] == [1, 2, 3]
    made = [event.record for event in events if isinstance(event, Made)]
    ended = studio.job(job.id)
    assert (ended.state, ended.progress, ended.results) == ("done", 1.0, [made[0].id])
    assert ended.created <= ended.started <= ended.finished


def test_the_row_is_there_before_submit_returns(new_studio, studio):
    job = submit(studio, delay=5.0, steps=100)
    row = studio._database.rows("SELECT * FROM jobs WHERE id = ?", (job.id,))[0]
    assert row["seed"] == job.seed and row["prompt"] == "words"


def test_the_record_is_there_before_the_page_hears_of_it(studio):
    for _, event in studio.follow(submit(studio).id):
        if isinstance(event, Made):
            assert studio.gallery.get(event.record.id) == event.record
            assert studio.file(event.record).stat().st_size == event.record.bytes


def test_one_after_another_with_their_positions(studio, finish):
    first = submit(studio, steps=500, delay=0.01)
    waiting = [submit(studio, prompt=f"number {number}") for number in range(3)]
    assert [studio.job(job.id).position for job in waiting] == [1, 2, 3]
    assert studio.counts()[1] >= 3
    studio.cancel(first.id)
    for job in waiting:
        assert states(finish(studio, job.id))[-1] == "done"
    ended = [studio.job(job.id).finished for job in waiting]
    assert ended == sorted(ended)


def test_stop_of_a_running_job_and_the_next_starts_at_once(studio, finish):
    job = submit(studio, steps=10_000, delay=0.01)
    events = studio.follow(job.id)
    assert any(isinstance(event, Progress) for _, event in events)
    studio.cancel(job.id)
    rest = [event for _, event in events]
    assert states(rest) == ["cancelled"]
    assert studio.job(job.id).state == "cancelled"
    assert states(finish(studio, submit(studio).id))[-1] == "done"


def test_cancel_of_a_waiting_job_leaves_the_running_one_alone(studio, finish):
    first = submit(studio, steps=40, delay=0.01)
    second = submit(studio)
    studio.cancel(second.id)
    assert states(finish(studio, second.id))[-1] == "cancelled"
    assert states(finish(studio, first.id))[-1] == "done"


def test_cancel_of_an_ended_job_changes_nothing(studio, finish):
    job = submit(studio)
    finish(studio, job.id)
    studio.cancel(job.id)
    assert studio.job(job.id).state == "done"
    with pytest.raises(NotFound):
        studio.cancel("nothing")


def test_any_number_of_followers_see_everything_once(studio):
    job = submit(studio, model="fake-text", prompt="one two three four", delay=0.05)
    texts: list = [None] * 4

    def follow(number: int) -> None:
        texts[number] = "".join(event.text for _, event in studio.follow(job.id) if isinstance(event, TextDelta))

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert texts == ["one two three four "] * 4


def test_a_follower_goes_on_where_it_left(studio, finish):
    job = submit(studio)
    finish(studio, job.id)
    everything = list(studio.follow(job.id))
    assert [number for number, _ in everything] == list(range(1, len(everything) + 1))
    assert list(studio.follow(job.id, after=3)) == everything[3:]
    assert list(studio.follow(job.id, after=10_000)) == []


def test_a_failure_says_why_and_the_queue_goes_on(studio, finish):
    job = submit(studio, trouble="raise")
    end = finish(studio, job.id)[-1]
    assert (end.state, end.code) == ("failed", "generation_failed") and "asked to fail" in end.error
    assert studio.job(job.id).error == end.error
    assert states(finish(studio, submit(studio).id))[-1] == "done"


def test_only_the_newest_preview_is_kept(studio, finish):
    job = submit(studio, steps=60, delay=0.01)
    finish(studio, job.id)
    kept = [event for _, event in studio.follow(job.id) if isinstance(event, Progress) and event.preview]
    assert len(kept) <= 1


def test_a_crash_leaves_its_jobs_listed_and_one_call_runs_them_again(new_studio, finish):
    first = new_studio()
    running = submit(first, steps=10_000, delay=0.01)
    waiting = submit(first, prompt="still waiting")
    until(lambda: first.job(running.id).state == "running")

    second = new_studio()  # the first never said goodbye
    assert [job.id for job in second.jobs(states=("interrupted",))] == [waiting.id, running.id]
    assert states(list(event for _, event in second.follow(waiting.id))) == ["interrupted"]
    again = second.rerun(waiting.id)
    assert (again.id, again.seed, again.state) == (waiting.id, waiting.seed, "queued")
    assert states(finish(second, again.id))[-1] == "done"
    assert [job.id for job in second.jobs(states=("interrupted",))] == [running.id]


def test_an_orderly_end_leaves_its_jobs_listed_too(new_studio):
    first = new_studio()
    running = submit(first, steps=10_000, delay=0.01)
    waiting = submit(first)
    until(lambda: first.job(running.id).state == "running")
    first.close()
    second = new_studio()
    assert {job.id for job in second.jobs(states=("interrupted",))} == {running.id, waiting.id}


def test_results_of_an_earlier_start_can_still_be_followed(new_studio, finish):
    first = new_studio()
    job = submit(first)
    finish(first, job.id)
    first.close()
    events = [event for _, event in new_studio().follow(job.id)]
    assert isinstance(events[0], Made) and states(events) == ["done"]


def test_jobs_are_listed_by_user_task_and_state(studio, finish):
    job = studio.submit(Request(model="fake-speech", prompt="hello"), user="ada")
    finish(studio, job.id)
    finish(studio, submit(studio).id)
    assert [found.id for found in studio.jobs(user="ada")] == [job.id]
    assert [found.id for found in studio.jobs(task="text-to-speech", states=("done",))] == [job.id]
    assert studio.jobs(user="bob") == []
    with pytest.raises(NotFound):
        studio.job(job.id, user="bob")
