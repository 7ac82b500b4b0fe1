"""Models of faces: StyleGAN2 in the layouts it is published in, and unconditional diffusion."""

import json
from pathlib import Path
from typing import Any

from tests.zoo import animal

SIXTY_FOUR, TWO_FIVE_SIX = (16, 16, 12, 8, 8), (16, 16, 16, 12, 8, 8, 4)  # channels at 4, 8, 16, ... px


def size(side: int):
    """Return a check that a picture has this side."""

    def check(data: bytes) -> None:
        import io

        from PIL import Image

        assert Image.open(io.BytesIO(data)).size == (side, side)

    return check


def generator(widths: tuple[int, ...]) -> dict[str, Any]:
    """Return the tensors of a StyleGAN2 generator under their published names."""
    from studio.engines._stylegan2 import Generator, Shape

    return Generator(Shape(style=16, mapping=8, widths=widths)).state_dict()


@animal("stylegan2-64", "face_stylegan2", file="generator.safetensors", ask={"n": 2}, checks=size(64))
def stylegan2_64(folder: Path) -> None:
    from safetensors.torch import save_file

    save_file(generator(SIXTY_FOUR), folder / "generator.safetensors")


@animal("stylegan2-256", "face_stylegan2", file="stylegan2.pt", ask={"truncation": 0.5}, checks=size(256))
def stylegan2_256(folder: Path) -> None:
    import torch

    torch.save({"g_ema": generator(TWO_FIVE_SIX), "latent_avg": torch.zeros(16)}, folder / "stylegan2.pt")


def ddpm_unet(channels: int = 3) -> Any:
    from diffusers import UNet2DModel

    return UNet2DModel(
        sample_size=32, in_channels=channels, out_channels=channels, layers_per_block=1, block_out_channels=(16, 32), norm_num_groups=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip


@animal("ddpm", "face_diffusers", ask={"steps": 3}, checks=size(32))
def ddpm(folder: Path) -> None:
    from diffusers import DDPMPipeline, DDPMScheduler

    DDPMPipeline(ddpm_unet(), DDPMScheduler()).save_pretrained(folder)


@animal("ddpm-flat", "face_diffusers", ask={"steps": 3, "eta": 0}, checks=size(32))
def ddpm_flat(folder: Path) -> None:
    """Google's first models keep the files of both parts beside model_index.json."""
    from diffusers import DDPMScheduler

    ddpm_unet().save_pretrained(folder)
    DDPMScheduler().save_pretrained(folder)
    parts = {"scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DModel"]}
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "DDPMPipeline", "_diffusers_version": "0.1.1", **parts}))


@animal("ddim", "face_diffusers", ask={"steps": 3, "eta": 0.5}, checks=size(32))
def ddim(folder: Path) -> None:
    from diffusers import DDIMPipeline, DDIMScheduler

    DDIMPipeline(ddpm_unet(), DDIMScheduler()).save_pretrained(folder)


@animal("pndm", "face_diffusers", ask={"steps": 4}, checks=size(32))
def pndm(folder: Path) -> None:
    from diffusers import PNDMPipeline, PNDMScheduler

    PNDMPipeline(ddpm_unet(), PNDMScheduler()).save_pretrained(folder)


@animal("ldm-faces", "face_diffusers", ask={"steps": 3}, checks=size(64))
def ldm(folder: Path) -> None:
    from diffusers import DDIMScheduler, LDMPipeline, VQModel

    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    vqvae = VQModel(block_out_channels=(16, 16), latent_channels=3, num_vq_embeddings=16, norm_num_groups=8, **blocks)
    LDMPipeline(vqvae, ddpm_unet(), DDIMScheduler()).save_pretrained(folder)


@animal("consistency-faces", "face_diffusers", ask={"steps": 2}, checks=size(32))
def consistency(folder: Path) -> None:
    from diffusers import CMStochasticIterativeScheduler, ConsistencyModelPipeline

    ConsistencyModelPipeline(ddpm_unet(), CMStochasticIterativeScheduler()).save_pretrained(folder)
