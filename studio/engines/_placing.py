"""Puts a model into memory as its placement says: quantized while it is read, moved, offloaded or streamed afterwards.

Knows the libraries' ways to do each. Does not know which way is chosen, or why.
"""

import json
import re
from pathlib import Path
from typing import Any

from studio.types import Device, Placement

SHRINKING = re.compile(r"\.|unet|prior|(transformer|text_encoder)(_\d)?")  # parts whose matrices take 8 or 4 bits without visible harm
WHOLE_PICTURE = 1024 * 1024  # pixels an autoencoder decodes at once; a larger picture would take more memory than the network before it


def quantization(placement: Placement, folder: Path) -> dict[str, Any]:
    """Return what `from_pretrained` of the model in a folder needs to read it in fewer bits; nothing where it is not to be, or was
    published so.
    """
    if placement.mode not in ("8bit", "4bit"):
        return {}
    index, config = folder / "model_index.json", folder / "config.json"
    if not index.is_file():
        published = config.is_file() and "quantization_config" in json.loads(config.read_text(encoding="utf-8"))
        return {} if published else {"quantization_config": _config("transformers", placement)}
    from diffusers import PipelineQuantizationConfig

    parts = json.loads(index.read_text(encoding="utf-8"))
    shrinking = {name: value[0] for name, value in parts.items() if SHRINKING.fullmatch(name) and isinstance(value, list) and value[0]}
    configs = {name: _config(library, placement) for name, library in shrinking.items()}
    return {"quantization_config": PipelineQuantizationConfig(quant_mapping=configs)}


def _config(library: str, placement: Placement) -> Any:
    """Return the quantization of a class of `diffusers` or `transformers`: int8 by torchao, or NF4 by bitsandbytes."""
    import diffusers
    import torch
    import transformers

    home = diffusers if library == "diffusers" else transformers
    if placement.mode == "8bit":
        from torchao.quantization import Int8WeightOnlyConfig

        return home.TorchAoConfig(Int8WeightOnlyConfig())
    return home.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=getattr(torch, placement.dtype))


def place(pipeline: Any, placement: Placement, device: Device) -> Any:
    """Return a diffusers pipeline ready to run on the device. A placement cannot be changed later; the model is loaded anew for that."""
    import torch

    cuda = device.type.startswith("cuda")
    if placement.mode == "offload":
        pipeline.enable_model_cpu_offload(device=device.type)
    elif placement.mode == "stream":
        # The autoencoder is small, and works on tiles in an order that cannot be foreseen.
        where = {"onload_device": torch.device(device.type), "exclude_modules": ["vae"]}
        pipeline.enable_group_offload(**where, offload_type="leaf_level", use_stream=cuda)
    else:
        pipeline.to(device.type)
    if cuda and getattr(pipeline, "unet", None) is not None and placement.mode == "whole":
        pipeline.unet.to(memory_format=torch.channels_last)  # convolutions are faster so
    return pipeline


def tile(pipeline: Any, width: int | None, height: int | None) -> None:
    """Have the autoencoder work in tiles when a picture is larger than it should decode at once."""
    vae = getattr(pipeline, "vae", None)
    if hasattr(vae, "enable_tiling"):
        (vae.enable_tiling if (width or 0) * (height or 0) > WHOLE_PICTURE else vae.disable_tiling)()
