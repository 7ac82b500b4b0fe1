"""Real video pipelines with tiny random weights."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.engines.video_diffusers import Engine, Options
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.types import Artifact, Device, ModelSpec, Placement, Progress, Request
from tests.zoo import built
from tests.zoo.video import motion_adapter

CPU = Device("cpu", "CPU", 10**10)
FAMILIES = ("wan", "ltx", "cogvideox", "animatediff")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("videos")


def loaded(source: Path, placement: Placement | None = None, **spec) -> Engine:
    engine = Engine(ModelSpec(id="tiny", engine="video_diffusers", source=str(source), **spec), CPU, str(source), placement)
    engine.load(lambda fraction: None)
    return engine


def animated(source: Path, home: Path) -> Engine:
    adapter = home / "adapter"
    if not adapter.exists():
        motion_adapter(adapter)
    return loaded(source, Placement(extras={"owner/motion": str(adapter)}), adapter="owner/motion")


@pytest.fixture(scope="module")
def engines(home) -> dict[str, Engine]:
    folders = {name: built(name, home) for name in FAMILIES}
    return {name: animated(folder, home) if name == "animatediff" else loaded(folder) for name, folder in folders.items()}


def run(engine: Engine, prompt="a red circle", seed=3, inputs=None, **options) -> list:
    values = {"width": 32, "height": 32, "frames": 9, "steps": 2, **options}
    return list(engine.run(Request(model="tiny", prompt=prompt, inputs=inputs or {}), Options(**values), seed))


def video(events) -> Artifact:
    return next(event for event in events if isinstance(event, Artifact))


def pixels(events) -> np.ndarray:
    return np.stack([np.asarray(frame) for frame in video(events).data.frames])


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_makes_frames_that_differ_and_reports_its_steps(engines, name):
    events = run(engines[name], steps=3)
    assert [(event.step, event.total) for event in events if isinstance(event, Progress)] == [(1, 3), (2, 3), (3, 3)]
    frames = pixels(events)
    assert frames.shape == (9, 32, 32, 3) and (frames != frames[0]).any()
    assert video(events).facts["size"] == "32x32" and video(events).facts["frames"] == 9


@pytest.mark.parametrize("name", FAMILIES)
def test_the_first_step_shows_a_small_picture_and_it_changes_nothing(engines, name, monkeypatch):
    events = run(engines[name])
    preview = next(event.preview for event in events if isinstance(event, Progress))
    assert preview.mode == "RGB" and min(preview.size) >= 16
    monkeypatch.setattr("studio.engines.video_diffusers.preview", lambda *_: None)
    assert (pixels(events) == pixels(run(engines[name]))).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_seed_makes_the_same_video_and_seed_words_and_unwanted_words_matter(engines, name):
    first = pixels(run(engines[name], guidance_scale=5.0))
    assert (first == pixels(run(engines[name], guidance_scale=5.0))).all()
    others = ({"seed": 4}, {"prompt": "two green stars"}, {"negative_prompt": "the blue sea"})
    assert [(first == pixels(run(engines[name], guidance_scale=5.0, **other))).all() for other in others] == [False] * 3


@pytest.mark.parametrize(
    ("name", "asked", "made"),
    [
        ("wan", 11, 13),
        ("wan", 2, 5),
        ("ltx", 11, 9),
        ("ltx", 14, 17),
        ("cogvideox", 12, 9),
        ("cogvideox", 13, 17),
        ("animatediff", 11, 11),
        ("animatediff", 50, 32),
    ],
)
def test_frames_become_the_nearest_number_the_family_can_make_and_the_facts_say_so(engines, name, asked, made):
    artifact = video(run(engines[name], frames=asked, steps=1))
    assert len(artifact.data.frames) == artifact.facts["frames"] == made
    assert (f"frames {asked} to {made}" in artifact.facts.get("adjusted", "")) == (asked != made)


def test_sizes_become_the_nearest_the_family_can_make(engines):
    facts = video(run(engines["ltx"], width=72, height=40, steps=1)).facts
    assert facts["size"] == "64x32" and "width 72 to 64, height 40 to 32" in facts["adjusted"]
    assert video(run(engines["animatediff"], width=40, steps=1)).facts["size"] == "40x32"


def test_a_length_in_seconds_sets_the_frames(engines):
    facts = video(run(engines["wan"], duration=1.5, frames=5, fps=8, steps=1)).facts
    assert (facts["frames"], facts["fps"], facts["duration"]) == (13, 8, 1.62)


def test_each_family_has_its_own_pace_where_none_is_asked_for(engines):
    assert {name: video(run(engine, steps=1)).data.fps for name, engine in engines.items()} == {
        "wan": 16, "ltx": 24, "cogvideox": 8, "animatediff": 8,
    }  # fmt: skip


def test_closing_stops_within_a_step_and_the_next_run_is_whole(engines):
    events = engines["wan"].run(Request(model="tiny", prompt="x"), Options(width=32, height=32, frames=5, steps=100), 1)
    assert next(events).step == 1
    events.close()
    assert len(video(run(engines["wan"])).data.frames) == 9


def test_a_picture_is_where_an_ltx_video_starts(engines, tmp_path):
    path = tmp_path / "start.png"
    Image.new("RGB", (40, 40), (255, 0, 0)).save(path)
    started = pixels(run(engines["ltx"], inputs={"image": str(path)}))
    assert started.shape == (9, 32, 32, 3) and (started != pixels(run(engines["ltx"]))).any()


def test_a_picture_is_where_a_video_of_wans_shared_weights_starts(home, tmp_path):
    path = tmp_path / "start.png"
    Image.new("RGB", (40, 40), (255, 0, 0)).save(path)
    engine = loaded(built("wan-2.2-ti2v", home))
    words, started = pixels(run(engine, frames=5)), pixels(run(engine, frames=5, inputs={"image": str(path)}))
    assert started.shape == words.shape == (5, 32, 32, 3) and (started != words).any()
    assert (pixels(run(engine, frames=5)) == words).all()


@pytest.mark.parametrize(("name", "asked", "made"), [("mochi", 12, 13), ("hunyuan-video", 8, 9)])
def test_further_families_have_their_own_numbers_of_frames(home, name, asked, made):
    assert video(run(loaded(built(name, home)), frames=asked)).facts["frames"] == made


def test_too_few_steps_for_a_schedule_are_said_so(home):
    with pytest.raises(BadRequest, match="two or more"):
        run(loaded(built("mochi", home)), steps=1)


def test_a_picture_is_refused_where_it_would_change_nothing(engines, tmp_path):
    path = tmp_path / "start.png"
    Image.new("RGB", (40, 40)).save(path)
    for name in ("wan", "cogvideox", "animatediff"):
        with pytest.raises(BadRequest, match="from words alone"):
            run(engines[name], inputs={"image": str(path)})


def test_numbers_that_run_away_end_the_run_at_their_step(home, tmp_path):
    import torch

    folder = shutil.copytree(built("wan", home), tmp_path / "broken")
    engine = loaded(folder)
    with torch.no_grad():
        engine._pipeline.transformer.proj_out.bias.fill_(float("nan"))
    with pytest.raises(GenerationFailed, match="step 1"):
        run(engine, steps=50)


@pytest.mark.parametrize(("value", "said"), [("colour", "one single colour"), ("still", "stands still"), ("nan", "not numbers")])
def test_a_video_that_is_none_is_a_failure(engines, monkeypatch, value, said):
    noise = np.random.default_rng(0).random((1, 32, 32, 3))
    frames = {"colour": np.linspace(0, 1, 9).reshape(9, 1, 1, 1) * np.ones((1, 32, 32, 3)), "still": noise.repeat(9, 0)}
    broken = frames.get(value, np.full((9, 32, 32, 3), np.nan))
    monkeypatch.setattr(engines["wan"], "_made", lambda *_: broken)
    with pytest.raises(GenerationFailed, match=said):
        run(engines["wan"])


def test_big_frames_are_decoded_in_tiles_and_small_ones_whole_again(engines, monkeypatch):
    monkeypatch.setattr("studio.engines.video_diffusers.TILED_FROM", 32 * 32)
    for name in FAMILIES:
        vae = engines[name]._pipeline.vae
        run(engines[name], width=64, frames=2, steps=1)
        assert vae.use_tiling
        run(engines[name], frames=2, steps=1)
        assert not vae.use_tiling


def test_wans_autoencoder_keeps_whole_numbers(home):
    import torch

    engine = loaded(built("wan", home), Placement("bfloat16"))
    assert (engine._pipeline.transformer.dtype, engine._pipeline.vae.dtype) == (torch.bfloat16, torch.float32)
    assert len(video(run(engine, steps=1)).data.frames) == 9


def test_a_model_of_pictures_is_refused_with_its_class(home):
    with pytest.raises(ModelUnavailable, match="StableDiffusionPipeline, which makes no videos"):
        loaded(built("animatediff", home))


def test_damaged_weights_are_named_with_what_to_do(home, tmp_path):
    folder = shutil.copytree(built("ltx", home), tmp_path / "cut")
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelUnavailable, match="delete the folder and fetch it again"):
        loaded(folder)


def test_the_tokenizers_lie_as_they_are_published(home):
    files = {path.name for path in (built("ltx", home) / "tokenizer").iterdir()}
    assert "spiece.model" in files and "tokenizer.json" not in files
