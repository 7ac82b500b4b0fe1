"""Which files are needed, and what they weigh in memory."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from studio import weights

SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
CHOICES = {
    "whole before shards": (["model.safetensors", *SHARDS], ["model.safetensors"]),
    "no second copy under another name": ([*SHARDS, "consolidated.safetensors"], SHARDS),
    "fp16 where there is no plain one": (["model.fp16.safetensors", "model.bf16.safetensors"], ["model.fp16.safetensors"]),
    "variants in shards": (
        ["model.fp16-00001-of-00001.safetensors", "model-00001-of-00001.bf16.safetensors"],
        ["model.fp16-00001-of-00001.safetensors"],
    ),
    "no checkpoints, but voices": (
        ["model.safetensors", "s5/model.safetensors", "voices/a.safetensors"],
        ["model.safetensors", "voices/a.safetensors"],
    ),
    "transformers' own layout before the makers'": (
        ["model.safetensors", "transformers-00001-of-00001.safetensors", "transformers.safetensors.index.json"],
        ["transformers-00001-of-00001.safetensors", "transformers.safetensors.index.json"],
    ),
    "no folders of other formats": (["model.safetensors", "onnx/config.json", ".cache/x.json"], ["model.safetensors"]),
    "small files": (
        ["config.json", "a.model", "b.jinja", "c/d.npy", "a.py", "a.png", "tf_model.h5"],
        ["a.model", "b.jinja", "c/d.npy", "config.json"],
    ),
}


@pytest.mark.parametrize(("files", "chosen"), CHOICES.values(), ids=CHOICES)
def test_one_copy_of_the_weights_is_needed(files, chosen):
    assert weights.needed(files) == chosen


def test_parts_of_a_pipeline_that_have_no_folder_are_in_the_root():
    flat = ["config.json", "diffusion_pytorch_model.safetensors", "model_index.json", "scheduler_config.json"]
    assert weights.needed([*flat, "samples/a.png"], ["scheduler", "unet"]) == flat
    folders = ["model_index.json", "scheduler/scheduler_config.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors"]
    assert weights.needed([*folders, "config.json", "v1-5.safetensors"], ["scheduler", "unet"]) == folders


def test_pickles_are_needed_only_where_they_are_taken_and_nothing_else_is_there():
    assert weights.needed(["a.pt", "b.txt"]) == ["b.txt"]
    assert weights.needed(["a.pt", "b.txt"], pickles=True) == ["a.pt", "b.txt"]
    assert weights.needed(["a.pt", "b.safetensors"], pickles=True) == ["b.safetensors"]


def test_numbers_weigh_what_they_are_loaded_as(tmp_path):
    header = {"a": np.zeros((3, 5), np.float16), "b": np.zeros(7, np.int64), "c": np.zeros((), np.float32)}
    save_file(header, tmp_path / "model.safetensors")
    assert weights.bytes_in_memory(tmp_path) == 15 * 2 + 7 * 8 + 4
    assert weights.bytes_in_memory(tmp_path, "float32") == 15 * 4 + 7 * 8 + 4
    assert weights.bytes_in_memory(tmp_path / "model.safetensors", "bfloat16") == 15 * 2 + 7 * 8 + 2


def test_a_pipeline_weighs_its_components_only(tmp_path):
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "P", "unet": ["diffusers", "U"], "vae": [None, None]}))
    for folder in ("unet", "vae", "other"):
        (tmp_path / folder).mkdir()
        save_file({"a": np.zeros(100, np.float32)}, tmp_path / folder / "diffusion_pytorch_model.safetensors")
    save_file({"a": np.zeros(9, np.float32)}, tmp_path / "all_in_one.safetensors")
    assert weights.bytes_in_memory(tmp_path) == 400
    assert weights.bytes_in_memory(tmp_path, "float16") == 200


def test_a_pickle_counts_as_large_as_its_file(tmp_path):
    (tmp_path / "g.pt").write_bytes(b"x" * 123)
    assert weights.bytes_in_memory(tmp_path / "g.pt", "float16") == weights.bytes_in_memory(tmp_path) == 123


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:20], lambda data: b"", lambda data: b"\xff" * 40])
def test_a_damaged_file_is_told_by_its_header_and_counts_as_its_size(tmp_path, damage):
    path = tmp_path / "model.safetensors"
    save_file({"a": np.zeros(100, np.float32)}, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError):
        weights.read_header(path)
    assert weights.bytes_in_memory(tmp_path, "float16") == path.stat().st_size


def test_a_folder_with_pickles_only_is_told():
    assert weights.missing_weights(["model.safetensors", "optimizer.pt"]) is None
    assert weights.missing_weights(["pytorch_model.bin"]) == "."
    assert weights.missing_weights(["model_index.json", "unet/a.safetensors", "vae/a.bin"], ["unet", "vae"]) == "vae"
