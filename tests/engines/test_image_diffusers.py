"""Real diffusers pipelines with tiny random weights, and the shipped one."""

from dataclasses import replace
from pathlib import Path

import pytest

from studio import starters
from studio.engines.image_diffusers import Options
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.types import Progress, Request
from tests.engines.tiny_pictures import loaded, pictures, pixels, run
from tests.zoo import built


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return built("stable-diffusion-2", tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="module")
def engine(folder):
    return loaded(folder)


def test_a_picture_of_the_size_asked_for_with_its_steps(engine):
    events = run(engine, width=48, height=32, steps=3)
    assert [(event.step, event.total) for event in events if isinstance(event, Progress)] == [(1, 3), (2, 3), (3, 3)]
    artifact = pictures(events)[0]
    assert artifact.data.size == (48, 32) and artifact.data.mode == "RGB"
    assert artifact.facts == {"sampler": "DDIM", "size": "48x32"}


def test_the_same_seed_gives_the_same_pixels_alone_or_among_others(engine):
    several = pictures(run(engine, seed=3, count=3))
    assert [artifact.seed for artifact in several] == [3, 4, 5]
    alone = pictures(run(engine, seed=5))[0]
    assert alone.data.tobytes() == several[2].data.tobytes() != several[1].data.tobytes()


def test_the_highest_seed_is_followed_by_the_lowest(engine):
    assert [artifact.seed for artifact in pictures(run(engine, seed=2**32 - 1, count=2))] == [2**32 - 1, 0]


def test_words_and_negative_words_matter(engine):
    plain = pictures(run(engine, guidance_scale=5.0))[0].data.tobytes()
    assert plain != pictures(run(engine, prompt="two blue stars", guidance_scale=5.0))[0].data.tobytes()
    assert plain != pictures(run(engine, negative_prompt="green", guidance_scale=5.0))[0].data.tobytes()


def test_enlarged_pictures_say_so(engine):
    artifact = pictures(run(engine, scale=3))[0]
    assert artifact.data.size == (96, 96) and artifact.facts["scaled"] == "3x Lanczos"


def test_closing_stops_within_a_step_and_the_next_run_is_whole(engine):
    events = engine.run(Request(model="tiny", prompt="x"), Options(width=32, height=32, steps=100), 1)
    assert next(events).step == 1
    events.close()
    assert len(pictures(run(engine))) == 1


def test_odd_words_make_a_picture_too(engine):
    for prompt in ("🦊", "قطة", "x " * 500, "\n"):
        assert pictures(run(engine, prompt=prompt))


def test_half_precision_is_a_matter_of_the_catalogue(folder):
    assert loaded(folder, dtype="bfloat16")._pipeline.unet.dtype.itemsize == 2


def test_the_depth_of_the_text_encoder_and_the_rescaling_of_guidance_matter(engine):
    made = {pixels(engine), pixels(engine, clip_skip=1), pixels(engine, guidance_rescale=0.9)}
    assert len(made) == 3
    assert pixels(engine, clip_skip=0) in made


def test_more_layers_than_there_are_cannot_be_left_out(engine):
    with pytest.raises(BadRequest, match="clip_skip is 2; this text encoder has 2 layers"):
        run(engine, clip_skip=2)


def test_an_option_the_pipeline_does_not_know_is_refused(tmp_path):
    consistent = loaded(built("latent-consistency", tmp_path))
    with pytest.raises(BadRequest, match="takes no 'negative_prompt'"):
        run(consistent, negative_prompt="green")
    with pytest.raises(BadRequest, match="takes no 'guidance_rescale'"):
        run(consistent, guidance_rescale=0.5)


@pytest.mark.parametrize("name", ["flux-1", "qwen-image"])
def test_negative_words_reach_models_with_distilled_guidance(name, tmp_path):
    engine = loaded(built(name, tmp_path))
    assert pixels(engine) != pixels(engine, negative_prompt="green and blue")


def test_guidance_reaches_a_model_guided_by_words_alone(tmp_path):
    engine = loaded(built("qwen-image", tmp_path))
    assert len({pixels(engine), pixels(engine, guidance_scale=8), pixels(engine, guidance_scale=1)}) == 3


def test_a_pipeline_without_a_callback_reports_its_steps_and_stops_too(tmp_path):
    engine = loaded(built("pixart-sigma", tmp_path))
    steps = [(event.step, event.total) for event in run(engine, steps=3) if isinstance(event, Progress)]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    events = engine.run(Request(model="tiny", prompt="x"), Options(width=32, height=32, steps=100), 1)
    assert next(events).step == 1
    events.close()
    assert pictures(run(engine))


def overflowing(engine):
    """The engine, its network broken as one whose numbers outgrew their type."""
    return engine._pipeline.unet.register_forward_hook(lambda network, given, made: tuple(one * float("inf") for one in made))


def test_overflowing_numbers_are_named_with_the_type_to_use_instead(folder):
    engine = loaded(folder)
    engine.placement = replace(engine.placement, dtype="float16")
    handle = overflowing(engine)
    with pytest.raises(GenerationFailed, match="numbers overflowed in float16.*bfloat16"):
        run(engine, steps=50)
    handle.remove()
    assert pictures(run(engine))


def test_a_picture_of_one_colour_is_no_result(folder):
    engine = loaded(folder)
    handle = engine._pipeline.vae.decoder.register_forward_hook(lambda network, given, made: made * 0)
    with pytest.raises(GenerationFailed, match="one single colour"):
        run(engine)
    handle.remove()


def copy(folder: Path, target: Path) -> Path:
    import shutil

    return Path(shutil.copytree(folder, target))


def test_a_cut_file_is_named(folder, tmp_path):
    damaged = copy(folder, tmp_path / "cut")
    weights = damaged / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelUnavailable, match="tiny cannot be loaded"):
        loaded(damaged)


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


def test_pickles_are_refused_unopened(folder, tmp_path, monkeypatch):
    import torch

    monkeypatch.chdir(tmp_path)
    pickled = copy(folder, tmp_path / "pickled")
    for weights in pickled.rglob("*.safetensors"):
        weights.unlink()
        torch.save({"x": Bomb()}, weights.with_name(weights.name.replace("safetensors", "bin")))
    with pytest.raises(ModelUnavailable, match="pickles"):
        loaded(pickled)
    assert not (tmp_path / "exploded").exists()


def test_a_tokenizer_without_its_words_is_noticed(folder, tmp_path):
    emptied = copy(folder, tmp_path / "emptied")
    for name in ("tokenizer.json", "vocab.json", "merges.txt"):
        (emptied / "tokenizer" / name).unlink(missing_ok=True)
    with pytest.raises(ModelUnavailable):
        loaded(emptied)


def test_a_folder_that_is_no_pipeline_is_named(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match="model_index.json"):
        loaded(tmp_path)


def test_the_shipped_starter_follows_the_words():
    engine = loaded(starters.weights("scenes"))
    red, blue = (
        pictures(run(engine, prompt=f"a {colour} background", seed=1, steps=12, width=64, height=64, guidance_scale=4.0))[0].data
        for colour in ("big white circle on a red", "big white circle on a blue")
    )
    corner = [picture.resize((8, 8)).getpixel((0, 0)) for picture in (red, blue)]
    assert corner[0][0] > corner[0][2] + 50 and corner[1][2] > corner[1][0] + 50, corner
