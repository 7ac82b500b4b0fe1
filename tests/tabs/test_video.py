"""The Video tab: what its own controls ask for, and how a video stands on the stage."""

import gradio as gr
import pytest
import yaml

from studio.errors import NotFound
from studio.tabs import Page, video
from studio.tabs import _stage as stage
from studio.tabs._record import detail, face
from studio.types import Request
from tests.tabs.conftest import everything, merged

OWN = {"medium": "video", "width": 96, "height": 64, "frames": 40, "fps": 8}
FAR = {"engine": "video_diffusers", "title": "Far away", "size_bytes": 7_300_000_000, "options": {"width": 704, "height": 480}}


@pytest.fixture
def catalogue(tmp_path):
    near = {"engine": "fake", "source": ".", "task": "text-to-video", "title": "Near", "options": OWN}
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump({"near": near, "far": {**FAR, "source": "nobody/far"}}, sort_keys=False))
    return path


@pytest.fixture
def bench(page_of):
    made = []
    page_of(lambda page: made.append(video.VideoBench(page, video.TRADE).build()))
    return made[0]


def values(bench, prompt="a boat", model="near", seed=None, **options):
    """Return what the controls of the tab would hold."""
    spec = bench.studio.model(model).spec
    shown = {**bench.controls.defaults(spec), **options}
    families = bench.controls.families.items()
    return [prompt, model, seed, *(shown.get(name) if engine == spec.engine else None for engine, one in families for name in one.controls)]


def chosen(bench, update) -> dict:
    """Return the values an update puts into the controls of the family that is shown."""
    names = {control: name for family in bench.controls.families.values() for name, control in family.controls.items()}
    return {names[one]: value["value"] for one, value in update.items() if one in names and "value" in value}


@pytest.fixture
def record(bench, finish):
    finish(bench.studio, bench.studio.submit(Request(model="near", prompt="a <boat> at sea", seed=3)).id)
    return bench.studio.gallery.list()[0]


def test_the_length_sets_the_frames_and_says_them(bench):
    update = bench.on_length(2.5, *values(bench, fps=8))
    assert chosen(bench, update)["frames"] == 20
    assert update[bench.length].value == 2.5 and update[bench.length].info.startswith("20 frames, 8 a second")


def test_the_length_goes_by_the_pace_that_is_set(bench):
    assert chosen(bench, bench.on_length(2, *values(bench, fps=24)))["frames"] == 48
    assert chosen(bench, bench.on_length(2, *values(bench, fps=None)))["frames"] == 16


@pytest.mark.parametrize(("shape", "size"), [("Wide", (96, 64)), ("Tall", (64, 96)), ("Square", (64, 64))])
def test_a_shape_sets_both_sides_and_keeps_the_rest(bench, shape, size):
    update = bench.on_shape(shape, *values(bench, steps=7))
    filled = chosen(bench, update)
    assert (filled["width"], filled["height"], filled["steps"]) == (*size, 7)
    assert update[bench.shape].value == shape and update[bench.shape].info == f"{size[0]} x {size[1]} pixels"


@pytest.mark.parametrize(("width", "height"), [(832, 480), (704, 480), (512, 512), (1280, 704)])
def test_shapes_keep_the_pixels_of_a_model_and_its_grain(width, height):
    for shape in video.SHAPES:
        wide, high = video.sized(shape, width, height)
        assert wide % 16 == high % 16 == 0 and 0.85 < wide * high / (width * height) < 1.15
        assert video.shape_of({"width": wide, "height": high}) == shape


def test_what_a_model_does_not_say_is_not_asked_for(bench):
    update = bench.fill("far")
    assert update[bench.shape].visible and update[bench.shape].value == "Wide" and not update[bench.length].visible
    assert bench.fill("near")[bench.length].visible


def test_a_video_stands_on_the_stage_with_its_first_frame(record):
    shown = video.player([record])
    assert "<video controls loop playsinline" in shown and f'src="v1/gallery/{record.id}/file"' in shown
    assert f'poster="v1/gallery/{record.id}/preview?kind=thumbnail' in shown and "aspect-ratio:96/64" in shown
    assert "a &lt;boat&gt; at sea" in shown and "<boat>" not in shown


def test_what_is_known_stands_under_it_with_the_way_to_save_it(bench, record):
    about = bench.of(record.model_copy(update={"facts": {**record.facts, "adjusted": "frames 40 to 41, the nearest this model can make"}}))
    assert "<dt>Length</dt><dd>5.0 s</dd>" in about and "frames 40 to 41" in about and "<dt>Seed</dt><dd>3</dd>" in about
    assert f'href="v1/gallery/{record.id}/file" download>Download MP4' in about


def test_small_ones_say_their_length_in_the_strip_and_in_the_gallery(bench, record):
    assert "5.0 s" in bench.latest("") and stage.preview_url(record, "thumbnail") in bench.latest("")
    assert "5.0 s" in face(bench.studio, record) and "<video controls" in detail(bench.studio, record)


def test_a_job_ends_as_a_video_on_the_stage(bench, visitor):
    update = bench.submit(visitor, [], *values(bench, steps=2, frames=4))
    shown = merged(everything(bench.follow(visitor, update[bench.mine])))
    assert "<video" in shown[bench.stage] and "Download MP4" in shown[bench.about]


def test_the_empty_stage_says_what_it_makes(bench):
    assert "Video from words" in bench.empty() and "downloaded" not in bench.empty()


def test_where_every_model_is_far_the_empty_stage_says_how_far(new_studio, catalogue):
    catalogue.write_text(yaml.safe_dump({"big": {**FAR, "source": "a/b", "size_bytes": 9 * 10**9}, "far": {**FAR, "source": "nobody/far"}}))
    with gr.Blocks() as blocks, gr.Tabs() as nav, gr.Tab("Test"):
        bench = video.VideoBench(Page(new_studio(), blocks, nav, gr.State()), video.TRADE).build()
    assert "has to be downloaded first; the smallest, Far away, is 7.3 GB" in bench.empty()


def test_nothing_can_be_asked_of_no_model(bench):
    with pytest.raises(NotFound):
        bench.request("a boat", None, None)
