"""Files to start from on a generating tab: what is seen, what is asked for, what a result says of them."""

import re

import numpy
import pytest
import soundfile
from PIL import Image

from studio.inputs import MAX_SIDE
from studio.tabs import _inputs as places
from studio.tabs import call, image, music
from studio.tabs._generate import Bench
from studio.tabs._send import targets
from studio.types import Made, Request
from tests.tabs.conftest import clicked, everything, merged


@pytest.fixture
def bench(page_of):
    return page_of(lambda page: image.ImageBench(page, image.TRADE).build())


@pytest.fixture
def colours(tmp_path):
    def file(colour="#204060", name="in.png", size=(40, 20), **how):
        Image.new("RGB", size, colour).save(tmp_path / name, **how)
        return str(tmp_path / name)

    return file


def values(bench, prompt="a house", origin=None, **given):
    """What the controls hold: a model's defaults, and these files."""
    defaults = bench.controls.defaults(bench.studio.model("fake").spec)
    files = [given.get(role) for role in bench.inputs.places]
    return [prompt, "fake", None, *(defaults[name] for name in bench.controls.families["fake"].controls), *files, origin or {}]


def made(bench, visitor, *held):
    update = bench.submit(visitor, [], *held)
    assert bench.mine in update, update
    return merged([update, *everything(bench.follow(visitor, update[bench.mine]))])


def newest(bench):
    return bench.studio.gallery.list()[0]


def test_a_picture_given_on_the_page_reaches_the_model_and_stands_beside_the_result(bench, visitor, colours):
    shown = made(bench, visitor, *values(bench, image=colours(exif=Image.Exif())))
    record = newest(bench)
    assert Image.open(bench.studio.file(record)).getpixel((0, 0)) == (0x20, 0x40, 0x60)
    assert re.fullmatch(r"[0-9a-f]{64}\.png", record.inputs["image"])
    assert f'src="v1/gallery/{record.id}/input?role=image&small=true"' in shown[bench.about]


def test_a_mask_alone_is_nothing(bench, colours):
    assert bench.request(*values(bench, mask=colours())).inputs == {}
    assert [*bench.request(*values(bench, mask=colours(), image=colours())).inputs] == ["image", "mask"]


def test_a_file_that_is_no_picture_is_answered_in_words(bench, visitor, tmp_path):
    (tmp_path / "bad.png").write_text("no picture")
    shown = bench.submit(visitor, [], *values(bench, image=str(tmp_path / "bad.png")))
    assert "no picture that can be read" in shown[bench.stage] and bench.studio.jobs() == []
    with pytest.warns(UserWarning, match="no picture"):
        gone = bench.inputs.given("image", str(tmp_path / "bad.png"))
    assert gone[bench.inputs.places["image"].control] is None


def test_what_belongs_to_a_picture_comes_and_goes_with_it(bench, colours):
    place, easel = bench.inputs.places["image"], bench.inputs.places["mask"].control
    there = bench.inputs.given("image", colours())
    assert there[place.beside].visible and there[easel]["background"].size == (places.EASEL, places.EASEL // 2)
    gone = bench.inputs.given("image", None)
    assert gone[place.beside].visible is False and gone[easel] is None


def test_places_are_seen_where_the_model_takes_them(bench):
    spec = bench.studio.model("fake").spec
    assert [*bench.inputs.places] == ["image", "mask", "audio"]
    assert all(update.visible for update in bench.inputs.show(spec).values())
    bench.studio.registry.engine = lambda model: type("Words", (), {"inputs": {"image": "image"}})
    shown = bench.inputs.show(spec)
    assert [shown[place.fold].visible for place in bench.inputs.places.values()] == [True, False, False]


def test_paint_becomes_a_mask(tmp_path):
    layer = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    assert places.mask_of({"layers": [layer]}, str(tmp_path)) is None and places.mask_of(None, str(tmp_path)) is None
    layer.paste((232, 72, 138, 255), (10, 0, 20, 20))
    pixels = numpy.asarray(Image.open(places.mask_of({"layers": [layer]}, str(tmp_path))))
    assert pixels[:, 10:20].min() == 255 and pixels.sum() == 255 * 200


def test_the_settings_of_a_result_bring_its_files_back(bench, visitor, colours):
    made(bench, visitor, *values(bench, image=colours(), mask=colours("white", "mask.png")))
    record = newest(bench)
    shown = bench.use(record)
    assert shown[bench.inputs.places["image"].control] == str(bench.studio.input(record, "image"))
    painted = shown[bench.inputs.places["mask"].control]
    assert painted["layers"][0].getchannel("A").getextrema() == (255, 255)
    made(bench, visitor, *values(bench))
    assert bench.use(newest(bench))[bench.inputs.places["image"].control] is None
    bench.studio.input(record, "image").unlink()
    with pytest.warns(UserWarning, match="Give it again"):
        bench.use(record)
    assert "no longer there" in bench.of(record)


def test_a_variation_keeps_its_files(bench, visitor, colours):
    made(bench, visitor, *values(bench, image=colours()))
    first = newest(bench)
    update = bench.on_about(clicked(act="vary", id=first.id), visitor, [])
    everything(bench.follow(visitor, update[bench.mine]))
    assert newest(bench).id != first.id and newest(bench).inputs == first.inputs


def test_a_result_is_sent_to_a_tab_and_becomes_a_parent(bench, visitor):
    made(bench, visitor, *values(bench))
    first = newest(bench)
    assert targets(bench.studio, first)[0] == ("image", "Start a picture from it")
    away = bench.on_about(clicked(act="send", id=first.id, text="image"), visitor, [])
    assert away[bench.page.call]["source"] == first.id and away[bench.page.nav].selected == "image"
    filled = bench.called(visitor, away[bench.page.call], [], "fake", "")
    place = bench.inputs.places["image"]
    assert filled[place.control] == str(bench.studio.file(first)) and filled[place.fold].open and filled[bench.prompt] == "a house"
    assert bench.prompt not in bench.called(visitor, call("image", source=first.id), [], "fake", "my own words")
    shown = made(bench, visitor, *values(bench, image=filled[place.control]))
    assert newest(bench).parents == [first.id] and newest(bench).inputs == {"image": first.id}
    assert "Made from" in shown[bench.about]


def test_a_text_is_sent_as_a_prompt_and_stays_the_parent_while_it_is_that_text(bench, visitor, finish):
    job = bench.studio.submit(Request(model="fake-text", prompt="The moon hangs over a quiet sea"))
    (text,) = [event.record for event in finish(bench.studio, job.id) if isinstance(event, Made)]
    assert [tab for tab, _ in targets(bench.studio, text)] == ["speech", "music", "image"]
    filled = bench.called(visitor, call("image", source=text.id), [], "fake", "")
    assert filled[bench.prompt] == "The moon hangs over a quiet sea"
    origin = filled[bench.inputs.origin]
    made(bench, visitor, *values(bench, "the moon over a quiet, dark sea", origin))
    assert newest(bench).parents == [text.id]
    made(bench, visitor, *values(bench, "a red car", origin))
    assert newest(bench).parents == []


def test_a_long_text_can_be_read_aloud_but_describes_no_picture(studio, finish):
    job = studio.submit(Request(model="fake-text", prompt="word " * 200))
    (text,) = [event.record for event in finish(studio, job.id) if isinstance(event, Made)]
    assert targets(studio, text) == [("speech", "Read it aloud")]


def test_nothing_is_offered_that_no_model_takes(studio, finish, monkeypatch):
    job = studio.submit(Request(model="fake", prompt="x"))
    (picture,) = [event.record for event in finish(studio, job.id) if isinstance(event, Made)]
    assert targets(studio, picture)
    monkeypatch.setattr(studio.registry.engine("fake"), "inputs", {})
    assert targets(studio, picture) == []


def test_a_clip_is_continued(page_of, visitor, studio, tmp_path):
    bench = page_of(lambda page: Bench(page, music.trade(page)).build())
    soundfile.write(tmp_path / "clip.wav", numpy.zeros(8000), 16_000)
    defaults = bench.controls.defaults(studio.model("fake-music").spec)
    held = [defaults[name] for name in bench.controls.families["fake"].controls]
    files = [str(tmp_path / "clip.wav") if role == "audio" else None for role in bench.inputs.places]
    shown = made(bench, visitor, "on and on", "fake-music", None, *held, *files, {})
    record = newest(bench)
    assert soundfile.info(studio.file(record)).frames == 8000 + 8000
    assert f'<audio controls preload="none" src="v1/gallery/{record.id}/input?role=audio"' in shown[bench.about]


def test_a_picture_too_large_to_paint_on_is_refused(colours):
    with pytest.raises(Exception, match=str(MAX_SIDE)):
        places.painting(colours(size=(MAX_SIDE + 1, 2)))
