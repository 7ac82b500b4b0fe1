"""Models put together from more than one folder: one-file checkpoints, other autoencoders, textual inversions, no safety checker."""

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from studio.errors import ModelUnavailable
from studio.types import ModelSpec, Placement
from tests.engines.tiny_pictures import CPU, loaded, pictures, pixels, run
from tests.zoo import built


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(scope="module")
def folder(root) -> Path:
    return built("stable-diffusion-1", root)


@pytest.fixture(scope="module")
def plain(folder) -> bytes:
    return pixels(loaded(folder))


@pytest.fixture(scope="module")
def config(folder, tmp_path_factory) -> Path:
    """The small files of the family, without weights, as they are fetched for a checkpoint in one file."""
    target = tmp_path_factory.mktemp("config") / "family"
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors"))
    return target


def test_a_checkpoint_in_one_file_makes_the_pictures_of_the_folder(root, config, plain):
    engine = loaded(built("single-file", root) / "model.safetensors", config=str(config))
    assert pixels(engine) == plain
    assert pixels(engine, clip_skip=1) != plain


def test_without_the_small_files_it_names_those_that_fit(root):
    with pytest.raises(ModelUnavailable, match="Add a line `config:`.*stable-diffusion-v1-5"):
        loaded(built("single-file", root) / "model.safetensors")


def test_small_files_of_something_else_are_named(root, tmp_path):
    with pytest.raises(ModelUnavailable, match="is not the folder of a pipeline"):
        loaded(built("single-file", root) / "model.safetensors", config=str(tmp_path))


def test_a_checkpoint_that_can_run_code_is_not_opened(tmp_path, config):
    (tmp_path / "model.ckpt").write_bytes(b"not even looked at")
    with pytest.raises(ModelUnavailable, match="only .safetensors files are read"):
        loaded(tmp_path / "model.ckpt", config=str(config))


def test_a_cut_checkpoint_is_named(root, tmp_path, config):
    whole = (built("single-file", root) / "model.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelUnavailable, match="tiny cannot be loaded"):
        loaded(tmp_path / "cut.safetensors", config=str(config))


@pytest.fixture(scope="module")
def other_vae(tmp_path_factory) -> Path:
    import torch

    from tests.zoo.pictures import vae

    torch.manual_seed(7)
    target = tmp_path_factory.mktemp("vae")
    vae().save_pretrained(target)
    return target


@pytest.mark.parametrize("form", ["folder", "file", "pipeline", "for one file"])
def test_another_autoencoder_paints_another_picture_of_the_same(form, root, folder, config, other_vae, plain, tmp_path):
    weights = other_vae / "diffusion_pytorch_model.safetensors"
    if form == "folder":
        engine = loaded(folder, vae=str(other_vae))
    elif form == "file":
        engine = loaded(folder, vae=str(weights))
    elif form == "pipeline":
        shutil.copytree(other_vae, tmp_path / "vae")
        engine = loaded(folder, vae=str(tmp_path))
    else:
        engine = loaded(built("single-file", root) / "model.safetensors", config=str(config), vae=str(weights))
    own = engine._pipeline.vae.state_dict()
    assert all((own[name] == weight).all() for name, weight in load_file(weights).items())
    assert pixels(engine) != plain


def test_a_folder_without_an_autoencoder_is_named(folder, tmp_path):
    with pytest.raises(ModelUnavailable, match="no autoencoder in"):
        loaded(folder, vae=str(tmp_path))


def inversion(target: Path, form: str, vectors: int = 2) -> Path:
    import torch

    torch.manual_seed(3)
    vector = 5 * torch.randn(vectors, 32)
    save_file({"emb_params": vector} if form == "one" else {"clip_l": vector, "clip_g": vector.flip(0).contiguous()}, target)
    return target


@pytest.mark.parametrize(("name", "form"), [("stable-diffusion-1", "one"), ("stable-diffusion-xl", "two")])
def test_a_textual_inversion_gives_its_word_a_meaning(name, form, root, tmp_path):
    folder, file = built(name, root), inversion(tmp_path / "style.safetensors", form)
    before, engine = loaded(folder), loaded(folder, embeddings={"in-my-style": str(file)})
    assert pixels(engine, prompt="a circle in-my-style") != pixels(before, prompt="a circle in-my-style")
    assert pixels(engine, negative_prompt="in-my-style") != pixels(before, negative_prompt="in-my-style")
    assert pixels(engine) == pixels(before)


def test_inversions_that_do_not_fit_are_named(root, tmp_path):
    wide = tmp_path / "wide.safetensors"
    file = inversion(wide, "one")
    with pytest.raises(ModelUnavailable, match="PixArtSigmaPipeline, which takes no textual inversions"):
        loaded(built("pixart-sigma", root), embeddings={"word": str(file)})
    with pytest.raises(ModelUnavailable, match="one .safetensors file"):
        loaded(built("stable-diffusion-1", root), embeddings={"word": str(tmp_path / "style.pt")})
    import torch

    save_file({"emb_params": torch.randn(1, 48)}, wide)
    with pytest.raises(ModelUnavailable, match="tiny cannot be loaded"):
        loaded(built("stable-diffusion-1", root), embeddings={"word": str(wide)})


def test_other_sources_are_read_where_the_placement_says_they_lie(folder, root, config, plain):
    from studio.engines.image_diffusers import Engine

    spec = ModelSpec(id="tiny", engine="image_diffusers", source="somebody/merge/model.safetensors", config="somebody/family")
    file, placement = built("single-file", root) / "model.safetensors", Placement(extras={"somebody/family": str(config)})
    engine = Engine(spec, CPU, str(file), placement)
    engine.load(lambda fraction: None)
    assert pixels(engine) == plain


def checked(folder: Path, target: Path) -> Path:
    """The model with a safety checker that finds fault with everything."""
    import torch
    from diffusers import StableDiffusionPipeline
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    small = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 1, "num_attention_heads": 4}
    sight = {**small, "image_size": 30, "patch_size": 15}
    config = CLIPConfig(text_config={**small, "vocab_size": 99}, vision_config=sight, projection_dim=32)
    checker = StableDiffusionSafetyChecker(config)
    checker.concept_embeds_weights.data = torch.full_like(checker.concept_embeds_weights, -9.0)
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    parts = {**pipeline.components, "safety_checker": checker, "feature_extractor": CLIPImageProcessor(size=30, crop_size=30)}
    StableDiffusionPipeline(**parts).save_pretrained(target)
    return target


def test_the_safety_checker_works_unless_the_catalogue_says_no(folder, plain, tmp_path):
    from studio.errors import GenerationFailed

    source = checked(folder, tmp_path / "checked")
    for safety in (None, True):
        with pytest.raises(GenerationFailed, match="safety checker of tiny hid this picture"):
            run(loaded(source, safety=safety))
    free = loaded(source, safety=False)
    assert free._pipeline.safety_checker is None and pixels(free) == plain
    assert pictures(run(free))
