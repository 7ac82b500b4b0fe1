"""LoRAs, made for tiny models and written in the layouts they are shared in."""

from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from studio.engines._loras import asked
from studio.errors import BadRequest
from tests.engines.tiny_pictures import loaded, pictures, pixels, run
from tests.zoo import built


def lora(folder: Path, part: str, seed: int, target: Path, layers: str = "to_q") -> Path:
    """Write a LoRA of rank 2 for all layers of a part (unet, transformer, text_encoder) whose name ends so."""
    import torch

    torch.manual_seed(seed)
    weights = next((folder / part).glob("*.safetensors"))
    state = {}
    for name, weight in load_file(weights).items():
        if name.endswith(f"{layers}.weight"):
            place = f"{part}.{name.removesuffix('.weight')}"
            state[f"{place}.lora_A.weight"] = torch.randn(2, weight.shape[1])
            state[f"{place}.lora_B.weight"] = torch.randn(weight.shape[0], 2)
    assert state
    save_file(state, target)
    return target


def kohya(folder: Path, seed: int, target: Path) -> Path:
    """Write one as kohya's trainer does, which most of those shared are."""
    import torch

    made = load_file(lora(folder, "unet", seed, target))
    state = {}
    for name, weight in made.items():
        place, kind = name.removeprefix("unet.").split(".lora_")
        stem = "lora_unet_" + place.replace(".", "_")
        state[f"{stem}.lora_{'down' if kind.startswith('A') else 'up'}.weight"] = weight
        state[f"{stem}.alpha"] = torch.tensor(2.0)
    save_file(state, target)
    return target


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return built("stable-diffusion-1", tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="module")
def engine(folder, tmp_path_factory):
    place = tmp_path_factory.mktemp("loras")
    (place / "folder").mkdir()
    files = {
        "ink": lora(folder, "unet", 1, place / "ink.safetensors"),
        "fog": lora(folder, "unet", 2, place / "folder" / "pytorch_lora_weights.safetensors").parent,
        "kohya": kohya(folder, 3, place / "kohya.safetensors"),
        "words": lora(folder, "text_encoder", 4, place / "words.safetensors", layers="q_proj"),
        "foreign": place / "foreign.safetensors",
        "cut": place / "cut.safetensors",
    }
    other = built("flux-1", place)
    lora(other, "transformer", 5, files["foreign"])
    files["cut"].write_bytes(files["ink"].read_bytes()[:300])
    return loaded(folder, loras={name: str(path) for name, path in files.items()})


def test_one_changes_the_picture_by_its_weight_and_is_off_again(engine):
    plain = pixels(engine)
    made = [pixels(engine, loras=text) for text in ("ink", "ink:0.5", "ink:-1", "fog", "kohya:2", "words:1.5")]
    assert len({plain, *made}) == 7
    assert pixels(engine, loras="ink:0") == plain
    assert pixels(engine) == plain


def test_it_is_read_once_while_it_is_asked_for(engine, monkeypatch):
    first = pixels(engine, loras="ink:0.5")
    monkeypatch.setattr(engine._pipeline, "load_lora_weights", None)
    assert pixels(engine, loras="ink:0.7") != first
    assert pixels(engine, loras="ink:0.5") == first


def test_several_at_once_each_by_its_weight(engine):
    both = pixels(engine, loras="ink:0.8, fog:0.5")
    assert len({both, pixels(engine, loras="ink:0.8"), pixels(engine, loras="fog:0.5"), pixels(engine, loras="ink:0.5, fog:0.8")}) == 4
    assert pictures(run(engine, loras="ink:0.8, fog:0.5"))[0].facts["loras"] == "ink:0.8, fog:0.5"


def test_the_tag_in_the_prompt_does_the_same_and_is_no_part_of_it(engine):
    assert pixels(engine, prompt="a red circle <lora:ink:0.8>") == pixels(engine, prompt="a red circle", loras="ink:0.8")
    assert pixels(engine, prompt="<lora:ink>a red circle<lora:fog:0.5:0.5>") == pixels(engine, loras="ink:1, fog:0.5")


def test_one_of_another_family_is_refused_and_leaves_nothing_behind(engine):
    plain = pixels(engine)
    for name in ("foreign", "cut"):
        with pytest.raises(BadRequest, match=f"The LoRA '{name}'"):
            run(engine, loras=f"ink, {name}")
        assert pixels(engine) == plain


def test_one_that_changes_no_layer_is_refused(folder, engine, tmp_path):
    made = load_file(lora(folder, "unet", 1, tmp_path / "a.safetensors"))
    save_file({name.replace("unet.", "unit."): weight for name, weight in made.items()}, tmp_path / "a.safetensors")
    other = loaded(folder, loras={"a": str(tmp_path / "a.safetensors")})
    with pytest.raises(BadRequest, match="The LoRA 'a' changes nothing in tiny"):
        run(other, loras="a")
    assert pixels(other) == pixels(engine)


@pytest.mark.parametrize("name", ["flux-1", "stable-diffusion-3", "z-image", "qwen-image", "flux-2-klein", "sana"])
def test_models_with_a_transformer_take_them_too(name, tmp_path):
    folder = built(name, tmp_path)
    engine = loaded(folder, loras={"ink": str(lora(folder, "transformer", 1, tmp_path / "ink.safetensors"))})
    plain = pixels(engine)
    assert pixels(engine, loras="ink:2") != plain
    assert pixels(engine) == plain


def test_a_pipeline_that_takes_none_says_so(tmp_path):
    folder = built("pixart-sigma", tmp_path)
    engine = loaded(folder, loras={"ink": str(folder)})
    with pytest.raises(BadRequest, match="PixArtSigmaPipeline, which takes no LoRA"):
        run(engine, loras="ink")


def test_what_is_asked_for_is_read_from_option_and_prompt():
    assert asked("a cat", "", []) == ("a cat", {})
    assert asked("a <lora:Ink:0.5> cat", "fog, ink 2:1.5", ["Ink", "fog", "ink 2"]) == ("a cat", {"fog": 1.0, "ink 2": 1.5, "Ink": 0.5})
    assert asked("<LORA:ink:0.5>", "ink:2", ["ink"]) == ("", {"ink": 0.5})


@pytest.mark.parametrize(
    ("prompt", "option", "known", "said"),
    [
        ("", "inc", ["ink"], "No LoRA is called 'inc' here. Did you mean 'ink'"),
        ("<lora:ink:1>", "", [], "This model has none"),
        ("", "ink:much", ["ink"], "The weight of the LoRA 'ink' is 'much'"),
        ("<lora:ink:40>", "", ["ink"], "from -4 to 4"),
        ("", "ink:nan", ["ink"], "from -4 to 4"),
    ],
)
def test_a_wrong_name_or_weight_is_named(prompt, option, known, said):
    with pytest.raises(BadRequest, match=said):
        asked(prompt, option, known)
