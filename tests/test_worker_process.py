"""Tasks in a real child process, which is killed, hangs and dies."""

import os
import socket
import time
from contextlib import closing

import psutil
import pytest

from studio.errors import BadRequest, GenerationFailed, Stopped, WorkerDied
from studio.hub import Hub
from studio.types import Device, Progress, Saved
from studio.worker_process import ProcessWorker
from tests.test_worker import task

DEVICE = Device("cpu", "CPU", 10**10)


@pytest.fixture
def worker(tmp_path):
    made = ProcessWorker(DEVICE, 10**9, Hub(None, True), tmp_path / "logs" / "worker.log", warm=False)
    yield made
    made.close()


def child(worker) -> psutil.Process:
    return psutil.Process(worker._child._process.pid)


def works(worker, folder) -> bool:
    return isinstance(list(worker.run(task(folder, job="next")))[-1], Saved)


def test_a_task_runs_in_the_child(worker, tmp_path):
    events = list(worker.run(task(tmp_path, steps=2)))
    assert [event.step for event in events if isinstance(event, Progress)] == [1, 2]
    assert (tmp_path / "stem-1.png").is_file() and isinstance(events[-1], Saved)
    assert [row.model for row in worker.table().models] == ["fake"] and not worker.table().models[0].leased
    worker.unload("fake")
    assert worker.table().models == ()


def test_errors_cross_with_their_kind_and_message(worker, tmp_path):
    with pytest.raises(GenerationFailed, match="asked to fail"):
        list(worker.run(task(tmp_path, trouble="raise")))
    assert works(worker, tmp_path)


def test_a_killed_child_costs_one_job(worker, tmp_path):
    with pytest.raises(WorkerDied, match="memory ran out.*worker.log"):
        list(worker.run(task(tmp_path, trouble="die")))
    assert worker.table().models == ()
    assert works(worker, tmp_path)


def test_a_child_killed_between_jobs_is_replaced(worker, tmp_path):
    worker.start()
    child(worker).kill()
    child(worker).wait()
    assert works(worker, tmp_path)


def test_stop_is_answered_within_a_step_and_the_child_lives_on(worker, tmp_path):
    with pytest.raises(Stopped):
        for event in worker.run(task(tmp_path, steps=1000, delay=0.02)):
            if isinstance(event, Progress) and event.step == 2:
                before = child(worker).pid
                worker.stop("j1")
            assert not isinstance(event, Progress) or event.step < 50
    assert works(worker, tmp_path) and child(worker).pid == before


def test_a_child_that_does_not_answer_a_stop_is_ended(worker, tmp_path, monkeypatch):
    monkeypatch.setattr("studio.worker_process.GRACE", 0.3)
    with pytest.raises(Stopped):
        for event in worker.run(task(tmp_path, trouble="hang")):
            if isinstance(event, Progress):
                worker.stop("j1")
    assert works(worker, tmp_path)


def test_a_follower_that_leaves_ends_the_run_before_the_next_begins(worker, tmp_path):
    with closing(worker.run(task(tmp_path, steps=1000, delay=0.02))) as events:
        next(events)
    assert not worker.table().models or not worker.table().models[0].leased
    assert works(worker, tmp_path)


def test_a_model_in_use_is_not_unloaded(worker, tmp_path):
    events = worker.run(task(tmp_path, steps=100, delay=0.02))
    assert any(isinstance(event, Progress) for event in events)
    with pytest.raises(BadRequest, match="in use"):
        worker.unload("fake")
    events.close()


def test_the_childs_threads_wait_asleep_unless_the_environment_says_otherwise(worker, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    worker.start()
    environment = child(worker).environ()
    assert (environment["OMP_WAIT_POLICY"], environment["OMP_NUM_THREADS"]) == ("PASSIVE", "3")


def test_the_child_ends_with_its_parent(worker):
    worker.start()
    process = child(worker)
    with socket.socket(fileno=os.dup(worker._child._connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)  # as the system does when the parent is gone
    deadline = time.monotonic() + 20
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
