"""The Image tab and with it the shared bench: from a click to a picture, and every state between."""

import asyncio
import io

import pytest
from PIL import Image

from studio.studio import ModelStatus
from studio.tabs import _menu as menu
from studio.tabs import _stage as stage
from studio.tabs import call, image
from studio.tabs._follow import Seen
from studio.types import Job, ModelSpec, Progress, Request, StateChanged, Transfer
from tests.tabs.conftest import clicked, everything, merged, someone


@pytest.fixture
def bench(page_of):
    def draw(page):
        made = image.ImageBench(page, image.TRADE)
        made.build()
        return made

    return page_of(draw)


def values(bench, prompt="a red house", seed=None, **options):
    """What the controls hold: a model's defaults, and over them some options."""
    defaults = bench.controls.defaults(bench.studio.model("fake").spec) | options
    return [prompt, "fake", seed, *(defaults[name] for name in bench.controls.families["fake"].controls)]


def made(bench, visitor, **how) -> dict:
    update = bench.submit(visitor, [], *values(bench, **how))
    return merged([update, *everything(bench.follow(visitor, update[bench.mine]))])


def records(bench) -> list:
    return bench.studio.gallery.list()


def test_a_picture_from_the_click_to_the_strip(bench, visitor):
    shown = made(bench, visitor, seed=7)
    (record,) = records(bench)
    assert f'src="v1/gallery/{record.id}/file"' in shown[bench.stage]
    assert "a red house" in shown[bench.about] and "Seed</dt><dd>7" in shown[bench.about]
    assert f'data-id="{record.id}"' in shown[bench.strip]
    assert "is ready" in shown[bench.live]
    assert shown[bench.halt].interactive is False


def test_several_pictures_stand_side_by_side(bench, visitor):
    shown = made(bench, visitor, count=3)
    assert shown[bench.stage].count('data-act="open"') == 3


def test_the_states_on_the_way(bench):
    job = Job.model_construct(id="j", model="fake", prompt="x", seed=1)
    one = Seen(job)
    one.take(StateChanged("queued", position=2))
    assert "Third in the queue" in bench.on_its_way(one) and "2 jobs are ahead" in bench.on_its_way(one)
    one.take(StateChanged("downloading"))
    one.take(Transfer(1_400_000_000, 2_700_000_000, 38e6))
    assert "1.4 of 2.7 GB, 38 MB/s, 34 s left" in bench.on_its_way(one)
    one.take(StateChanged("loading"))
    assert "Loading Fake pictures" in bench.on_its_way(one)
    one.take(StateChanged("running"))
    one.take(Progress(3, 30, preview=Image.new("RGB", (8, 8))))
    assert "data:image/jpeg;base64," in bench.on_its_way(one) and 'aria-valuenow="10"' in bench.on_its_way(one)
    assert "3 of 30" in bench.way_facts(one)


def test_previews_may_be_jpeg_already():
    jpeg = io.BytesIO()
    Image.new("RGB", (12, 8)).save(jpeg, "JPEG")
    assert "aspect-ratio:12/8" in stage.making(jpeg.getvalue(), 1, 2)
    assert "aspect-ratio:12/8" in stage.making(Image.new("RGB", (12, 8)), 1, 2)


def test_a_failure_says_why_and_its_button_works(bench, visitor):
    shown = made(bench, visitor, trouble="raise")
    (job,) = bench.studio.jobs()
    assert "The fake engine was asked to fail." in shown[bench.stage] and 'role="alert"' in shown[bench.stage]
    assert f'data-act="retry" data-id="{job.id}"' in shown[bench.stage]
    again = bench.on_stage(clicked(act="retry", id=job.id), visitor, [])
    assert again[bench.mine] != [] and len(bench.studio.jobs()) == 2


def test_a_wrong_request_is_refused_on_the_stage(bench, visitor):
    shown = bench.submit(visitor, [], *values(bench, prompt=" "))
    assert "prompt is empty" in shown[bench.stage]
    assert bench.studio.jobs() == []


def test_stop_stops_the_job_on_the_stage_and_says_where(bench, visitor):
    update = bench.submit(visitor, [], *values(bench, steps=500, delay=0.02))
    bench.stop(update[bench.current], visitor)
    shown = merged(everything(bench.follow(visitor, update[bench.mine])))
    assert "Stopped" in shown[bench.stage] and "Try again" in shown[bench.stage]
    assert records(bench) == []


def test_several_clicks_queue_several_jobs(bench, visitor):
    first = bench.submit(visitor, [], *values(bench, delay=0.05))
    second = bench.submit(visitor, first[bench.mine], *values(bench, prompt="a blue house"))
    assert bench.stage not in second, "the stage belongs to the job that runs"
    assert len(second[bench.mine]) == 2
    shown = merged(everything(bench.follow(visitor, second[bench.mine])))
    assert "a blue house" in shown[bench.about] and len(records(bench)) == 2


def test_a_reloaded_page_finds_its_job(bench):
    before = bench.submit(someone(page="before"), [], *values(bench, delay=0.05))
    after = bench.arrive(someone(page="after"))
    assert after[bench.mine] == before[bench.mine]
    shown = merged(everything(bench.follow(someone(page="after"), after[bench.mine])))
    assert records(bench)[0].id in shown[bench.stage]


def test_a_newer_follower_of_a_page_takes_over(bench, visitor):
    update = bench.submit(visitor, [], *values(bench, steps=500, delay=0.02))

    async def overtaken():
        stream = bench.follow(visitor, update[bench.mine])
        await anext(stream)
        bench.turns.enter("page")
        return [one async for one in stream]

    assert asyncio.run(overtaken())[-1].keys() == {bench.halt}
    bench.studio.cancel(update[bench.current])


def test_an_end_that_was_seen_is_not_drawn_again(bench, visitor):
    update = bench.submit(visitor, [], *values(bench))
    everything(bench.follow(visitor, update[bench.mine]))
    assert everything(bench.follow(visitor, update[bench.mine]))[-1].keys() == {bench.halt}
    bench.left(visitor)
    assert not bench.drawn


def test_an_interrupted_job_is_offered_again(bench, visitor, new_studio):
    update = bench.submit(visitor, [], *values(bench, steps=500, delay=0.05))
    bench.studio.close()
    bench.studio = new_studio()
    shown = bench.arrive(visitor)
    assert "interrupted" in shown[bench.stage] and update[bench.mine][0] in shown[bench.stage]


def test_what_others_made_is_not_shown(bench, visitor):
    made(bench, someone("anna"))
    (record,) = records(bench)
    assert record.id not in bench.arrive(someone("ben"))[bench.strip]
    with pytest.warns(UserWarning, match="Nothing in the gallery"):
        shown = bench.on_strip(clicked(act="open", id=record.id), someone("ben"), [])
    assert set(shown) == {bench.strip}


def test_an_older_result_stays_while_a_job_runs(bench, visitor):
    made(bench, visitor)
    (record,) = records(bench)
    update = bench.submit(visitor, [], *values(bench, steps=10, delay=0.1))
    opened = bench.on_strip(clicked(act="open", id=record.id), visitor, update[bench.mine])
    assert record.id in opened[bench.stage] and "Back to the one being made" in opened[bench.about]
    updates = everything(bench.follow(visitor, update[bench.mine]))
    assert all(updates), "gradio takes an empty update for an error"
    later = merged(updates)
    assert bench.stage not in later and bench.strip in later


def test_use_vary_and_delete(bench, visitor):
    made(bench, visitor, seed=7, steps=2)
    (record,) = records(bench)
    used = bench.on_about(clicked(act="use", id=record.id), visitor, [])
    assert (used[bench.prompt], used[bench.seed]) == ("a red house", 7)
    assert used[bench.controls.families["fake"].controls["steps"]]["value"] == 2
    varied = bench.on_about(clicked(act="vary", id=record.id), visitor, [])
    job = bench.studio.job(varied[bench.mine][0])
    assert job.seed != 7 and job.options["steps"] == 2
    everything(bench.follow(visitor, varied[bench.mine]))
    bench.on_about(clicked(act="delete", id=record.id), visitor, [])
    assert record.id not in {one.id for one in records(bench)}


def test_another_tab_sends_a_record(bench, visitor):
    made(bench, visitor, prompt="from the gallery")
    (record,) = records(bench)
    assert bench.called(visitor, call("image", record=record.id), [])[bench.prompt] == "from the gallery"
    assert bench.prompt not in bench.called(visitor, call("speech", record=record.id), [])


def test_the_note_names_the_words_a_starter_does_not_know():
    spec = ModelSpec(id="s", engine="fake", source=".", starter=True, world="shapes", words=("a", "red", "house"))
    status = ModelStatus(spec=spec, task="text-to-image", loaded=False, on_disk=True, disk_bytes=0, memory_bytes=0)
    note = menu.about(status, "a Red dragon's <house>")
    assert "<b>dragon&#x27;s</b>" in note and "<b>house" not in note and "<b>Red" not in note and "Its world: shapes." in note
    assert "does not know" not in menu.about(status, "a red house") and "bigger" not in menu.about(status, "", False)


def test_a_field_nobody_has_written_in_has_a_note_too(bench):
    assert bench.note_of("fake", None) == bench.note_of("fake", "")


def test_shapes_keep_about_as_many_pixels():
    square, wide, tall = (image.sized(shape, {"width": 1024, "height": 1024}) for shape in image.SHAPES)
    assert square == (1024, 1024) and wide == (1248, 832) and tall == (832, 1248)
    assert [image.shape_of({"width": width, "height": height}) for width, height in (square, wide, tall)] == list(image.SHAPES)
    assert image.shape_of({"width": 2000, "height": 500}) is None


def test_a_shape_sets_width_and_height(bench):
    update = bench.on_shape("Wide", *values(bench, steps=9))
    controls = bench.controls.families["fake"].controls
    assert (update[controls["width"]]["value"], update[controls["height"]]["value"], update[controls["steps"]]["value"]) == (80, 48, 9)


def test_what_is_written_by_people_is_escaped(bench, visitor):
    shown = made(bench, visitor, prompt='<img src=x onerror="alert(1)">')
    assert "<img src=x" not in shown[bench.stage] + shown[bench.about] + shown[bench.strip]


def test_the_api_of_gradio_waits_for_the_records(bench, visitor):
    last = everything(bench.ask(prompt="x", model="fake", seed=3, options={"count": 2}, request=visitor))[-1]
    assert last["state"] == "done" and [one["seed"] for one in last["results"]] == [3, 4]
    assert Request(model="fake").model == last["results"][0]["model"]
