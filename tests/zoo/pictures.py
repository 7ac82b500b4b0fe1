"""Text-to-image pipelines of diffusers."""

from pathlib import Path
from typing import Any

from studio import starters
from tests.zoo import animal

SMALL = {"prompt": "a red circle", "size": "32x32", "steps": 2}


def clip_tokenizer() -> Any:
    """Return the tokenizer of the starter pictures: small, and it reads words as the real one does."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(starters.weights("scenes") / "tokenizer")


def clip(tokenizer: Any, **more: Any) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    sizes = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 32}
    return CLIPTextModel(CLIPTextConfig(vocab_size=len(tokenizer), bos_token_id=0, eos_token_id=1, pad_token_id=1, **sizes, **more))


def unet(**more: Any) -> Any:
    from diffusers import UNet2DConditionModel

    sizes = {"sample_size": 16, "block_out_channels": (32, 64), "layers_per_block": 1, "cross_attention_dim": 32, "attention_head_dim": 8}
    blocks = {"down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D")}
    return UNet2DConditionModel(**sizes, **blocks, **more)


def vae(**more: Any) -> Any:
    from diffusers import AutoencoderKL

    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    return AutoencoderKL(block_out_channels=(32, 64), norm_num_groups=8, **blocks, **more)


@animal("stable-diffusion-1", "image_diffusers", ask=SMALL)
def stable_diffusion_1(folder: Path) -> None:
    from diffusers import PNDMScheduler, StableDiffusionPipeline

    tokenizer = clip_tokenizer()
    scheduler = PNDMScheduler(skip_prk_steps=True, steps_offset=1, beta_schedule="scaled_linear")
    parts = {"vae": vae(), "text_encoder": clip(tokenizer), "tokenizer": tokenizer, "unet": unet(), "scheduler": scheduler}
    none = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    StableDiffusionPipeline(**parts, **none).save_pretrained(folder)
