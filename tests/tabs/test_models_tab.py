"""The Models tab: memory, what runs and waits, every model's row, and what its buttons do."""

import time
from datetime import UTC, datetime, timedelta

import gradio as gr
import pytest

from studio.studio import ModelStatus
from studio.tabs import models
from studio.tabs._follow import Seen
from studio.types import Device, Job, Loading, MemoryTable, ModelSpec, Progress, Request, Resident, StateChanged, Transfer
from tests.tabs.conftest import clicked, someone

CPU = Device("cpu", "CPU", 16_000_000_000)


@pytest.fixture
def shelf(page_of):
    def draw(page):
        made = models.Shelf(page)
        made.build(gr.context.Context.block)
        return made

    return page_of(draw)


def memory(*sizes: int) -> MemoryTable:
    return MemoryTable(CPU, 12_000_000_000, tuple(Resident(f"m{number}", size, False, 0.0) for number, size in enumerate(sizes)))


def status(on_disk=True, loaded=False, **spec) -> ModelStatus:
    spec = ModelSpec(**{"id": "big", "engine": "fake", "source": "a/b", "title": "Big one", "size_bytes": 6_900_000_000, **spec})
    return ModelStatus(spec=spec, task="text-to-image", loaded=loaded, on_disk=on_disk, disk_bytes=10, memory_bytes=2_700_000_000)


def row(**how) -> str:
    leased = how.pop("leased", False)
    return models.row(status(**how), 12_000_000_000, leased, None)


def eventually(look, wanted: str) -> str:
    """Look until `wanted` is seen."""
    deadline = time.monotonic() + 20
    while wanted not in (seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)
    return seen


def test_the_budget_is_a_sentence_and_a_bar_of_segments():
    assert "0 of 12.0 GB in use" in models.budget(memory(), {}) and "No model is in memory." in models.budget(memory(), {})
    shown = models.budget(memory(2_400_000_000, 600_000_000), {"m0": "Words"})
    assert "3.0 GB of 12.0 GB in use" in shown and "Two models are in memory." in shown
    assert 'width:20.00%" title="Words, 2.4 GB"' in shown and 'width:5.00%" title="m1, 600 MB"' in shown


def test_a_row_has_the_one_button_that_fits():
    assert "Download 6.9 GB" in row(on_disk=False) and "Not downloaded" in row(on_disk=False)
    assert ">Load<" in row() and "On disk" in row()
    assert ">Unload<" in row(loaded=True) and "In memory" in row(loaded=True)
    assert "<button" not in row(loaded=True, leased=True) and "At work" in row(loaded=True, leased=True)
    assert "2.7 GB" in row() and "width:22.5%" in row()
    assert "not known" in row(license="") and ">Starter<" in row(starter=True)


def test_a_job_on_its_way_shows_its_numbers():
    seen = Seen(Job.model_construct(id="j", model="big", action="load", prompt="", seed=1, task="text-to-image"))
    assert models.doing(seen) == "Next in the queue" and models.share_of(seen) is None
    seen.take(StateChanged("downloading"))
    seen.take(Transfer(1_400_000_000, 2_700_000_000, 38e6))
    assert models.doing(seen) == "Downloading, 1.4 of 2.7 GB, 38 MB/s, 34 s left"
    assert 'aria-valuenow="52"' in models.queue_line(seen, "Big one") and 'data-act="stop"' in models.queue_line(seen, "Big one")
    seen.take(StateChanged("loading"))
    seen.take(Loading(0.5))
    assert models.share_of(seen) == 0.5
    seen.take(StateChanged("running"))
    seen.take(Progress(3, 30))
    assert models.doing(seen).startswith("Running, step 3 of 30")


def test_nothing_is_sent_again_while_nothing_changes(shelf, visitor):
    first = shelf.look([], visitor)
    assert "Fake pictures" in first[2] and "Nothing runs or waits." in first[1]
    again = shelf.look(first[-1], visitor)
    assert all(isinstance(piece, dict) for piece in again[:3])


def test_a_model_is_loaded_and_unloaded(shelf, visitor):
    shelf.on_table(clicked(act="load", id="fake"), [], visitor)
    eventually(lambda: shelf.drawing("")[2], "In memory")
    assert "One model is in memory." in shelf.drawing("")[0]
    assert "In memory" not in shelf.on_table(clicked(act="unload", id="fake"), [], visitor)[2]


def test_a_running_job_is_listed_and_stopped(shelf, visitor):
    job = shelf.studio.submit(Request(model="fake", prompt="a slow one", options={"steps": 5000, "delay": 0.05}))
    eventually(lambda: shelf.drawing("")[1], "of 5000")
    assert "a slow one" in shelf.drawing("")[1] and "At work" in shelf.drawing("")[2]
    shelf.on_table(clicked(act="stop", id=job.id), [], visitor)
    eventually(lambda: shelf.drawing("")[1], "Nothing runs or waits.")


def test_what_others_run_is_not_shown(shelf):
    job = shelf.studio.submit(Request(model="fake", prompt="a secret", options={"steps": 5000, "delay": 0.05}), "anna")
    assert "a secret" in shelf.drawing("anna")[1] and "a secret" not in shelf.drawing("ben")[1]
    with pytest.warns(UserWarning, match="No job"):
        shelf.on_table(clicked(act="stop", id=job.id), [], someone("ben"))
    shelf.studio.cancel(job.id)


def test_a_load_that_failed_is_told_of_for_a_while(page_of, visitor, catalogue, finish, new_studio):
    catalogue.write_text("gone:\n  engine: image_diffusers\n  source: nobody/nothing\n  title: Gone\n")
    studio = new_studio()
    job = studio.submit(Request(model="gone"), action="load")
    finish(studio, job.id)
    lost = models.missed(studio, "", datetime.now(UTC))
    shown = models.queue([], lost, {"gone": "Gone"})
    assert 'role="alert"' in shown and "Not loaded" in shown and "Try again" in shown and studio.job(job.id).error[:20] in shown
    assert models.missed(studio, "", datetime.now(UTC) + timedelta(hours=1)) == []


def test_how_to_add_a_model_and_what_was_left_out(catalogue, new_studio):
    catalogue.write_text("one:\n  engine: image_difusers\n  source: a/b\n")
    shown = models.how_to_add(new_studio())
    assert str(catalogue) in shown and "engine: image_diffusers" in shown
    assert "Left out of the catalogue" in shown and "image_difusers" in shown and "fake" not in shown


def test_an_empty_catalogue_says_so(catalogue, new_studio):
    catalogue.write_text("")
    studio = new_studio()
    assert "The catalogue is empty" in models.table(studio.models(), studio.memory(), [])


def test_what_is_on_the_disk_is_listed_with_a_delete_that_asks_first():
    from studio.cache import Cached
    from studio.tabs import _disk as disk

    yours = Cached("me/words", 2_700_000_000, 300_000_000, time.time() - 7200, ("a", "b"))
    theirs = Cached("<b>/other", 500_000_000, 0, time.time(), ("c",))
    shown = disk.section([yours, theirs], 40_000_000_000, {"me/words": ["Words"]}, may_delete=True)
    assert "3.2 GB in 2 repositories; 40.0 GB are free." in shown
    assert "for Words" in shown and "2.7 GB, last used 2 h ago, 2 revisions, 300 MB of an unfinished download" in shown
    assert "&lt;b&gt;/other" in shown and "not in the catalogue" in shown and "<b>/other" not in shown
    assert 'data-sure="Delete me/words from the disk, 2.7 GB? Words will have to be downloaded again."' in shown
    assert "data-act" not in disk.section([yours], 1, {}, may_delete=False)
    assert "Nothing is downloaded; 1.0 GB are free." in disk.section([], 1_000_000_000, {}, may_delete=True)


def test_a_repository_is_deleted_from_the_disk(shelf, visitor, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    blob = tmp_path / "hub" / "models--me--words" / "blobs" / "abc"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"x" * 5_000_000)
    assert "me/words" in shelf.drawing("")[3] and "5 MB" in shelf.drawing("")[3]
    assert "Nothing is downloaded" in shelf.on_table(clicked(act="delete", id="me/words"), [], visitor)[3]
    assert not blob.exists()
    with pytest.warns(UserWarning, match="no repository"):
        shelf.on_table(clicked(act="delete", id="me/words"), [], visitor)


def test_a_row_says_how_the_model_lies_in_memory_and_offers_other_ways():
    one = status().model_copy(update={"dtype": "float32", "dtypes": ("float32", "bfloat16"), "modes": ("whole", "8bit")})
    shown = models.row(one, 12_000_000_000, False, None)
    assert "<summary>Whole, as float32</summary>" in shown
    buttons = ("auto auto", "whole float32", "whole bfloat16", "8bit auto")
    assert [f'data-text="{way}"' in shown for way in buttons] == [True] * 4
    assert "Chosen for you: how Big one lies in memory, chosen now" in shown
    plain = status().model_copy(update={"dtype": "float32", "dtypes": ("float32",)})
    assert "Whole, as float32" in models.row(plain, 12_000_000_000, False, None) and "place" not in models.row(plain, 1, False, None)


def test_another_way_is_kept_and_a_loaded_model_comes_anew(shelf, visitor):
    shelf.on_table(clicked(act="place", id="fake", text="whole bfloat16"), [], visitor)
    assert shelf.studio.memory().models == () and shelf.studio.spec("fake").dtype == "bfloat16"
    shelf.on_table(clicked(act="load", id="fake"), [], visitor)
    eventually(lambda: shelf.drawing("")[2], "In memory")
    assert "<summary>Whole, as bfloat16</summary>" in shelf.drawing("")[2]
    shelf.on_table(clicked(act="place", id="fake", text="auto auto"), [], visitor)
    eventually(lambda: next((one.dtype for one in shelf.studio.memory().models if one.model == "fake"), ""), "float32")


def test_a_way_that_is_not_to_be_had_is_told(shelf, visitor):
    with pytest.warns(UserWarning, match="mode is 'offload'"):
        shelf.on_table(clicked(act="place", id="fake", text="offload auto"), [], visitor)


def test_the_queue_is_paused_goes_on_and_lets_a_job_run_next(shelf, visitor):
    shelf.on_table(clicked(act="pause"), [], visitor)
    jobs = [shelf.studio.submit(Request(model="fake", prompt=name)).id for name in ("first", "second", "third")]
    shown = shelf.drawing("")[1]
    assert "The queue is paused" in shown and 'data-act="resume"' in shown and f'data-act="next" data-id="{jobs[2]}"' in shown
    shelf.on_table(clicked(act="next", id=jobs[2]), [], visitor)
    assert [shelf.studio.job(job).position for job in jobs] == [1, 2, 0]
    assert "The queue is paused" not in "".join(map(str, shelf.on_table(clicked(act="resume"), [], visitor)[1:2]))
    for job in jobs:
        list(shelf.studio.follow(job))


def test_who_may_not_pause_sees_no_button():
    seen = [Seen(Job.model_construct(id="j", model="m", action="run", task="text-to-image", prompt="x"), state="running")]
    assert "pause" not in models.queue(seen, [], {}) and 'data-act="pause"' in models.queue(seen, [], {}, pauses=True)
    assert "resume" not in models.queue(seen, [], {}, paused=True)
