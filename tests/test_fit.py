"""Which way a model goes into memory, by what it weighs and what the device can do."""

import json

import numpy
import pytest
from safetensors.numpy import save_file

from studio import fit, weights
from studio.engines import Engine
from studio.errors import BadRequest
from studio.types import Device, ModelSpec
from studio.weights import Part

CPU, GPU = Device("cpu", "CPU", 32 * 10**9), Device("cuda:0", "GPU", 24 * 10**9)
SPEC = ModelSpec(id="m", engine="fake", source="s", title="My model")
# A picture model of 12e9 numbers in its transformer, 5e9 in its text encoder and few in its autoencoder.
PARTS = (Part("transformer", 12 * 10**9, 11 * 10**9), Part("text_encoder_2", 5 * 10**9, 4 * 10**9), Part("vae", 10**8, 10**7))


class Tolerant(Engine):
    modes = ("whole", "8bit", "4bit", "offload", "stream")


class Precise(Engine):
    modes = ("whole",)


@pytest.fixture
def installed(monkeypatch):
    """Say which of the optional packages are there."""

    def have(*packages: str) -> None:
        monkeypatch.setattr(fit, "find_spec", lambda name: name if name in packages else None)

    have("torchao", "bitsandbytes")
    return have


def ways(spec=SPEC, parts=PARTS, engine=Tolerant, device=GPU, main=10**12, swift=lambda: False):
    return [(one.dtype, one.mode, one.bytes) for one in fit.placements(spec, parts, engine, device, main, swift)]


def test_on_a_gpu_the_order_goes_from_whole_to_streamed_and_each_weighs_less(installed):
    assert ways() == [
        ("bfloat16", "whole", 34_200_000_000),
        ("bfloat16", "8bit", 15 * 10**9 * 1.01 + 2 * 10**9 * 2 + 2 * 10**8),
        ("bfloat16", "4bit", 15 * 10**9 * 0.5625 + 2 * 10**9 * 2 + 2 * 10**8),
        ("bfloat16", "stream", 2_600_000_000),
    ]


def test_part_by_part_needs_the_largest_part(installed):
    installed()
    assert [(mode, size) for _, mode, size in ways()] == [
        ("whole", 34_200_000_000), ("offload", 24_000_000_000), ("stream", 2_600_000_000)
    ]  # fmt: skip


def test_what_lies_in_main_memory_has_to_fit_there(installed):
    installed()
    assert [mode for _, mode, _ in ways(main=30 * 10**9)] == ["whole"]


def test_on_a_processor_half_the_width_comes_after_the_whole_and_8_bits_last(installed):
    assert [way[:2] for way in ways(device=CPU)] == [("float32", "whole"), ("bfloat16", "whole"), ("bfloat16", "8bit")]
    installed()
    assert [way[:2] for way in ways(device=CPU)] == [("float32", "whole"), ("bfloat16", "whole")]


def test_a_processor_that_is_faster_with_half_the_width_takes_it_for_large_models(installed):
    assert ways(device=CPU, swift=lambda: True)[0][:2] == ("bfloat16", "whole")
    small = (Part(".", 100_000_000, 90_000_000),)

    def never():
        raise AssertionError("measured for nothing")

    assert ways(parts=small, device=CPU, swift=never)[0][:2] == ("float32", "whole")
    assert ways(SPEC.model_copy(update={"dtype": "float32"}), device=CPU, swift=never)[0][:2] == ("float32", "whole")


def test_a_precise_family_stays_whole(installed):
    assert [way[:2] for way in ways(engine=Precise, device=CPU, swift=lambda: True)] == [("float32", "whole")]
    assert [way[1] for way in ways(engine=Precise)] == ["whole"]


def test_a_family_of_one_type_has_that_everywhere(installed):
    kind = type("Kind", (Precise,), {"dtype": "float32"})
    assert ways(SPEC.model_copy(update={"dtype": "float16"}), engine=kind) == [("float32", "whole", 4 * 17_100_000_000)]


def test_what_the_catalogue_says_is_all_there_is(installed):
    assert ways(SPEC.model_copy(update={"mode": "offload"})) == [("bfloat16", "offload", 24_000_000_000)]
    assert {way[0] for way in ways(SPEC.model_copy(update={"dtype": "float16"}))} == {"float16"}


def test_a_mode_that_is_not_to_be_had_is_refused_with_what_is(installed):
    installed()
    said = "mode is '4bit': on GPU, My model can be had as whole, offload, stream.*pip install bitsandbytes"
    with pytest.raises(BadRequest, match=said) as caught:
        ways(SPEC.model_copy(update={"mode": "4bit"}))
    assert caught.value.param == "mode"
    with pytest.raises(BadRequest, match="mode is 'offload': on CPU, My model can be had as whole.$"):
        ways(SPEC.model_copy(update={"mode": "offload"}), device=CPU)


def test_packages_that_would_help_are_named(installed):
    assert fit.advice(Tolerant, CPU) == ""
    installed("bitsandbytes")
    assert fit.advice(Tolerant, CPU) == " In 8 bits it would be smaller: pip install torchao."
    assert fit.advice(Precise, CPU) == ""


def test_a_single_file_and_an_autoencoder_are_not_shrunk(installed):
    for name in ("model.safetensors", "image_encoder"):
        assert [way[1] for way in ways(parts=(Part(name, 10**9, 10**9),))] == ["whole", "stream"]


def test_matrices_are_told_from_tables_and_kernels(tmp_path):
    tensors = {
        "model.embed_tokens.weight": (50, 8), "model.layers.0.mlp.up_proj.weight": (16, 8), "lm_head.weight": (50, 8),
        "conv.weight": (4, 4, 3, 3), "norm.weight": (8,), "bias": (8, 8),
    }  # fmt: skip
    save_file({name: numpy.zeros(shape, numpy.float16) for name, shape in tensors.items()}, tmp_path / "model.safetensors")
    part = weights.parts(tmp_path)[0]
    assert (part.name, part.floats, part.matrices) == (".", 2 * 400 + 128 + 144 + 8 + 64, 128)


def test_what_was_measured_of_the_processor_is_remembered(tmp_path, monkeypatch):
    seconds = {"float32": 1.0, "bfloat16": 0.5}
    monkeypatch.setattr(fit, "_has_bfloat16", lambda: True)
    monkeypatch.setattr(fit, "_measure", lambda dtype: seconds[dtype])
    assert fit.remembered(tmp_path) is None
    assert fit.bfloat16_is_faster(tmp_path) is True
    seconds["bfloat16"] = 2.0
    assert fit.bfloat16_is_faster(tmp_path) is True and fit.remembered(tmp_path) is True
    assert fit.bfloat16_is_faster(None) is False


def test_another_processor_is_measured_anew(tmp_path, monkeypatch):
    (tmp_path / "processor.json").write_text(json.dumps({"another, torch 1": True}))
    monkeypatch.setattr(fit, "_has_bfloat16", lambda: False)
    assert fit.bfloat16_is_faster(tmp_path) is False and fit.remembered(tmp_path) is False


def test_the_measurement_is_of_this_machine():
    assert 0 < fit._measure("bfloat16") < 60 and 0 < fit._measure("float32") < 60
