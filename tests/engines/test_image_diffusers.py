"""Real diffusers pipelines with tiny random weights, and the shipped one."""

from pathlib import Path

import pytest

from studio import starters
from studio.engines.image_diffusers import Engine, Options
from studio.errors import ModelUnavailable
from studio.types import Artifact, Device, ModelSpec, Progress, Request

CPU = Device("cpu", "CPU", 10**10)


def tiny_stable_diffusion(folder: Path) -> Path:
    """A StableDiffusionPipeline of a few thousand random weights, on the tokenizer of the starter."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(starters.weights("scenes") / "tokenizer")
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=32,
        bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), attention_head_dim=8,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(32, 64), in_channels=3, out_channels=3, latent_channels=4, norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    StableDiffusionPipeline(
        vae=vae, text_encoder=CLIPTextModel(text), tokenizer=tokenizer, unet=unet, scheduler=DDIMScheduler(), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny_stable_diffusion(tmp_path_factory.mktemp("tiny"))


def loaded(source: Path, **spec) -> Engine:
    engine = Engine(ModelSpec(id="tiny", engine="image_diffusers", source=str(source), **spec), CPU, str(source))
    engine.load(lambda fraction: None)
    return engine


@pytest.fixture(scope="module")
def engine(folder) -> Engine:
    return loaded(folder)


def run(engine: Engine, prompt="a red circle", seed=3, **options) -> list:
    values = {"width": 32, "height": 32, "steps": 2, **options}
    return list(engine.run(Request(model="tiny", prompt=prompt), Options(**values), seed))


def pictures(events) -> list[Artifact]:
    return [event for event in events if isinstance(event, Artifact)]


def test_a_picture_of_the_size_asked_for_with_its_steps(engine):
    events = run(engine, width=48, height=32, steps=3)
    assert [(event.step, event.total) for event in events if isinstance(event, Progress)] == [(1, 3), (2, 3), (3, 3)]
    artifact = pictures(events)[0]
    assert artifact.data.size == (48, 32) and artifact.data.mode == "RGB"
    assert artifact.facts == {"sampler": "DDIM", "size": "48x32"}


def test_the_first_step_shows_a_preview(engine):
    previews = [event.preview for event in run(engine, steps=4) if isinstance(event, Progress)]
    assert previews[0].size[0] > 0


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
