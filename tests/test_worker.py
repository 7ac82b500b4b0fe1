"""Tasks in this process, over the real memory and the fake engine."""

from contextlib import closing
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import save_file

from studio.errors import GenerationFailed, ModelUnavailable, OutOfMemory, Stopped
from studio.hub import Hub
from studio.types import Device, Loading, ModelSpec, Progress, Request, Saved, StateChanged, TextDelta, Transfer
from studio.worker import InProcessWorker, Task, _Arrival, commit

DEVICE = Device("cpu", "CPU", 10**10)


@pytest.fixture
def worker():
    made = InProcessWorker(DEVICE, 10**9, Hub(None, True))
    yield made
    made.close()


def task(folder: Path, job="j1", action="run", source=".", prompt="words", **options) -> Task:
    spec = ModelSpec(id="fake", engine="fake", source=str(folder) if source == "." else source)
    request = Request(model="fake", prompt=prompt)
    return Task(job, spec, request, options, 7, {"job": job, "prompt": prompt, "options": options}, folder, "stem", action)


def test_a_task_is_told_from_loading_to_the_saved_file(worker, tmp_path):
    events = list(worker.run(task(tmp_path, steps=2)))
    assert [event.state for event in events if isinstance(event, StateChanged)][-1] == "running"
    assert any(isinstance(event, Loading) for event in events)
    assert [event.step for event in events if isinstance(event, Progress)] == [1, 2]
    saved = events[-1]
    assert isinstance(saved, Saved) and saved.medium == "image" and saved.seed == 7
    assert Path(saved.paths[0]) == tmp_path / "stem-1.png" and Path(saved.paths[0]).stat().st_size == saved.bytes


def test_several_results_are_several_files(worker, tmp_path):
    saved = [event for event in worker.run(task(tmp_path, count=3)) if isinstance(event, Saved)]
    assert [Path(event.paths[0]).name for event in saved] == ["stem-1.png", "stem-2.png", "stem-3.png"]
    assert [event.seed for event in saved] == [7, 8, 9]


def test_previews_are_small_pictures_and_not_too_many(worker, tmp_path):
    previews = [event.preview for event in worker.run(task(tmp_path, steps=200)) if isinstance(event, Progress)]
    assert previews[0][:2] == b"\xff\xd8"
    assert sum(preview is not None for preview in previews) < 20


def test_text_comes_in_pieces_and_whole(worker, tmp_path):
    events = list(worker.run(task(tmp_path, prompt="once upon a time", medium="text")))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "once upon a time "
    assert events[-1].facts["completion_tokens"] == 4


def test_load_only_loads(worker, tmp_path):
    events = list(worker.run(task(tmp_path, action="load")))
    assert not any(isinstance(event, Saved) for event in events)
    assert [row.model for row in worker.table().models] == ["fake"]
    worker.unload("fake")
    assert worker.table().models == ()


def test_stop_ends_the_run_within_a_step(worker, tmp_path):
    seen = []
    with pytest.raises(Stopped):
        for event in worker.run(task(tmp_path, steps=1000, delay=0.01)):
            seen.append(event)
            if isinstance(event, Progress) and event.step == 3:
                worker.stop("j1")
    assert seen[-1].step <= 5
    assert isinstance(list(worker.run(task(tmp_path)))[-1], Saved)


def test_a_follower_that_leaves_ends_the_run(worker, tmp_path):
    with closing(worker.run(task(tmp_path, steps=1000, delay=0.01))) as events:
        next(events)
    assert isinstance(list(worker.run(task(tmp_path)))[-1], Saved)


def test_an_error_of_the_engine_is_told_as_it_is(worker, tmp_path):
    with pytest.raises(GenerationFailed, match="asked to fail"):
        list(worker.run(task(tmp_path, trouble="raise")))


def test_a_defect_is_named_with_its_kind_and_the_next_task_runs(worker, tmp_path):
    with pytest.raises(GenerationFailed, match="KeyError: 'a defect'"):
        list(worker.run(task(tmp_path, trouble="bug")))
    assert isinstance(list(worker.run(task(tmp_path)))[-1], Saved)


def test_a_missing_folder_is_named(worker, tmp_path):
    with pytest.raises(ModelUnavailable, match="/no/such/folder"):
        list(worker.run(task(tmp_path, source="/no/such/folder")))


def test_the_revision_of_a_cached_repository_is_its_commit():
    assert commit(Path("/hub/models--a--b/snapshots/abc123")) == "abc123"
    assert commit(Path("/hub/models--a--b/snapshots/abc123/face.pt")) == "abc123"
    assert commit(Path("/weights/scenes")) == ""


def test_download_and_loading_are_announced_once():
    seen: list = []
    arrival = _Arrival(seen.append)
    for event in (Transfer(0, 9), Transfer(0, 9), Transfer(9, 9), Loading(0.0), Loading(1.0)):
        arrival(event)
    assert [event.state for event in seen if isinstance(event, StateChanged)] == ["downloading", "loading"]
    assert len(seen) == 7


def test_memory_that_runs_out_brings_a_second_try_in_a_smaller_way(worker, tmp_path):
    save_file({"layer.weight": numpy.zeros((100, 100), numpy.float32)}, tmp_path / "model.safetensors")
    events = list(worker.run(task(tmp_path, trouble="memory", steps=1)))
    assert isinstance(events[-1], Saved)
    row = worker.table().models[0]
    assert (row.dtype, row.mode) == ("bfloat16", "whole")


def test_memory_that_runs_out_where_there_is_no_smaller_way_is_told_with_the_numbers(worker, tmp_path):
    numbers = r"while fake ran: .* of the budget of 1 GB are taken, .* are free.*smaller size"
    with pytest.raises(OutOfMemory, match=numbers):
        list(worker.run(task(tmp_path, trouble="memory", steps=1)))


def test_what_was_already_told_is_not_told_twice(worker, tmp_path, monkeypatch):
    save_file({"layer.weight": numpy.zeros((100, 100), numpy.float32)}, tmp_path / "model.safetensors")

    def half(self, request, options, seed):
        yield TextDelta("once ")
        raise MemoryError

    monkeypatch.setattr("studio.engines.fake.Engine.run", half)
    seen = []
    with pytest.raises(OutOfMemory):
        for event in worker.run(task(tmp_path)):
            seen.append(event)
    assert [event.text for event in seen if isinstance(event, TextDelta)] == ["once "]
