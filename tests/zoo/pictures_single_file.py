"""Stable Diffusion as one checkpoint file in the layout of its first publication, as most shared variations of it are."""

import re
from pathlib import Path
from typing import Any

from tests.zoo import animal
from tests.zoo.pictures import SMALL, stable_diffusion_1

RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0", "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}  # fmt: skip
ENDS = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2", "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0", "conv_out": "out.2",
}  # fmt: skip
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def unet_name(name: str, layers: int = 1) -> str:
    """Return the old name of a tensor of a UNet with so many layers a block."""
    for new, old in ENDS.items():
        if name.startswith(f"{new}."):
            return old + name.removeprefix(new)
    part, rest = re.match(r"((?:down_blocks|up_blocks)\.\d+\.\w+\.\d+|mid_block\.\w+\.\d+)\.(.*)", name).groups()
    side, *middle, kind, number = part.split(".")
    block, number = int(middle[0]) if middle else 0, int(number)
    if kind == "downsamplers":
        return f"input_blocks.{(layers + 1) * (block + 1)}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":
        return f"output_blocks.{(layers + 1) * block + layers}.2.{rest}"
    place = {
        "down_blocks": f"input_blocks.{(layers + 1) * block + number + 1}.{int(kind == 'attentions')}",
        "up_blocks": f"output_blocks.{(layers + 1) * block + number}.{int(kind == 'attentions')}",
        "mid_block": f"middle_block.{2 * number + int(kind == 'attentions')}",
    }[side]
    first, dot, last = rest.partition(".")
    return f"{place}.{RESNET.get(first, first)}{dot}{last}"


def vae_name(name: str, levels: int = 2) -> str:
    """Return the old name of a tensor of an autoencoder with so many levels."""
    name = re.sub(r"down_blocks\.(\d+)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d+)\.resnets", lambda found: f"up.{levels - 1 - int(found[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0", lambda found: f"up.{levels - 1 - int(found[1])}.upsample", name)
    name = re.sub(r"mid_block\.resnets\.(\d+)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
    for new, old in ATTENTION.items():
        name = name.replace(f"mid_block.attentions.0.{new}.", f"mid.attn_1.{old}.")
    return name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")


def as_convolution(name: str, weight: Any) -> Any:
    """Return the weight of the autoencoder's attention as the 1x1 convolution it was."""
    return weight[:, :, None, None] if ".attn_1." in name and weight.ndim == 2 else weight


def original_layout(folder: Path) -> dict[str, Any]:
    """Return the tensors of a Stable Diffusion 1 in a folder by their old names."""
    from safetensors.torch import load_file

    unet, vae, words = (load_file(next((folder / part).glob("*.safetensors"))) for part in ("unet", "vae", "text_encoder"))
    old = {f"model.diffusion_model.{unet_name(name)}": weight for name, weight in unet.items()}
    for name, weight in vae.items():
        old[f"first_stage_model.{vae_name(name)}"] = as_convolution(vae_name(name), weight)
    for name, weight in words.items():
        old[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = weight
    return {name: weight.contiguous() for name, weight in old.items()}


@animal("single-file", "image_diffusers", file="model.safetensors", ask=SMALL, config="zoo/stable-diffusion-1")
def single_file(folder: Path) -> None:
    """The weights of the zoo's Stable Diffusion 1, so that both make the same pictures."""
    from safetensors.torch import save_file

    stable_diffusion_1(folder / "parts")
    save_file(original_layout(folder / "parts"), folder / "model.safetensors")
    for path in sorted((folder / "parts").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (folder / "parts").rmdir()
