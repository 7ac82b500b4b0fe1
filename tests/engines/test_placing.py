"""Models as their placement says, on tiny ones of the real classes. What needs a GPU is told by benchmarks/gpu.py."""

import numpy as np
import pytest

from studio.engines import _placing
from studio.engines._loading import dtype
from studio.types import Device, Placement
from tests.zoo import built, everyone

CPU = Device("cpu", "CPU", 10**10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    everyone()
    root = tmp_path_factory.mktemp("placing")
    return lambda name: built(name, root)


def pipeline(folder, placement):
    from diffusers import DiffusionPipeline

    how = {"dtype": dtype(placement), **_placing.quantization(placement, folder)}
    made = DiffusionPipeline.from_pretrained(folder, use_safetensors=True, local_files_only=True, **how)
    return _placing.place(made, placement, CPU)


def picture(made):
    import torch

    made.set_progress_bar_config(disable=True)
    result = made("a red circle", num_inference_steps=2, width=32, height=32, generator=torch.Generator().manual_seed(0))
    return np.asarray(result.images[0]).astype(int)


@pytest.mark.parametrize("name", ["stable-diffusion-1", "stable-diffusion-3"])
def test_a_streamed_pipeline_makes_the_same_picture(folder, name):
    from diffusers.hooks.group_offloading import _is_group_offload_enabled

    whole, streamed = pipeline(folder(name), Placement()), pipeline(folder(name), Placement(mode="stream"))
    assert _is_group_offload_enabled(getattr(streamed, "unet", None) or streamed.transformer)
    assert np.array_equal(picture(whole), picture(streamed))


def test_whole_and_streamed_models_are_read_as_they_are(tmp_path):
    for mode in ("whole", "offload", "stream"):
        assert _placing.quantization(Placement(mode=mode), tmp_path) == {}


def test_a_model_published_in_fewer_bits_is_read_so(tmp_path):
    (tmp_path / "config.json").write_text('{"quantization_config": {"quant_method": "mxfp4"}}')
    assert _placing.quantization(Placement(mode="8bit"), tmp_path) == {}


def test_matrices_in_8_bits_make_nearly_the_same_picture(folder):
    pytest.importorskip("torchao")
    place = Placement("bfloat16", "8bit")
    made = pipeline(folder("stable-diffusion-xl"), place)
    assert {type(layer.weight).__name__ for layer in made.unet.modules() if type(layer).__name__ == "Linear"} == {"Int8Tensor"}
    assert type(made.vae.decoder.conv_in.weight).__name__ == "Parameter"
    assert abs(picture(made) - picture(pipeline(folder("stable-diffusion-xl"), Placement()))).mean() < 8


def test_large_pictures_are_decoded_in_tiles(folder):
    made = pipeline(folder("stable-diffusion-1"), Placement())
    for width, height, tiled in ((1024, 1024, False), (1032, 1024, True), (None, None, False)):
        _placing.tile(made, width, height)
        assert made.vae.use_tiling is tiled
