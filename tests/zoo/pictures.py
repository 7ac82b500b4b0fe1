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
    return CLIPTextModel(CLIPTextConfig(vocab_size=len(tokenizer), bos_token_id=0, eos_token_id=1, pad_token_id=1, **{**sizes, **more}))


def unet(**more: Any) -> Any:
    from diffusers import UNet2DConditionModel

    sizes = {"sample_size": 16, "block_out_channels": (32, 64), "layers_per_block": 1, "cross_attention_dim": 32, "attention_head_dim": 8}
    blocks = {"down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D")}
    return UNet2DConditionModel(**sizes, **blocks, **more)


def vae(**more: Any) -> Any:
    from diffusers import AutoencoderKL

    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    return AutoencoderKL(block_out_channels=(16, 32), norm_num_groups=8, **blocks, **more)


def noise_schedule(**more: Any) -> dict[str, Any]:
    """The schedule all Stable Diffusion models were trained with."""
    return {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1, "clip_sample": False, **more}


NO_CHECKER = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}


def words(number: str = "", **more: Any) -> dict[str, Any]:
    tokenizer = clip_tokenizer()
    return {f"tokenizer{number}": tokenizer, f"text_encoder{number}": clip(tokenizer, **more)}


@animal("stable-diffusion-1", "image_diffusers", ask=SMALL)
def stable_diffusion_1(folder: Path) -> None:
    from diffusers import PNDMScheduler, StableDiffusionPipeline

    scheduler = PNDMScheduler.from_config(noise_schedule(skip_prk_steps=True))
    StableDiffusionPipeline(**words(), vae=vae(), unet=unet(), scheduler=scheduler, **NO_CHECKER).save_pretrained(folder)


@animal("stable-diffusion-2", "image_diffusers", ask={**SMALL, "guidance_rescale": 0.7})
def stable_diffusion_2(folder: Path) -> None:
    """Version 2.1: predicts v, reads the layer before the last of a text encoder with gelu, and has linear projections."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    scheduler = DDIMScheduler.from_config(noise_schedule(prediction_type="v_prediction", set_alpha_to_one=False))
    network = unet(use_linear_projection=True)
    StableDiffusionPipeline(**words(hidden_act="gelu"), vae=vae(), unet=network, scheduler=scheduler, **NO_CHECKER).save_pretrained(folder)


@animal("stable-diffusion-xl", "image_diffusers", ask={**SMALL, "scheduler": "DPM++ 2M Karras"})
def stable_diffusion_xl(folder: Path) -> None:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextModelWithProjection

    second = words("_2", hidden_act="gelu", projection_dim=32)
    second["text_encoder_2"] = CLIPTextModelWithProjection(second["text_encoder_2"].config)
    network = UNet2DConditionModel(
        sample_size=16, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=64, attention_head_dim=(2, 4),
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8, transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=6 * 8 + 32, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    scheduler = EulerDiscreteScheduler.from_config(noise_schedule(timestep_spacing="leading"))
    StableDiffusionXLPipeline(**words(), **second, vae=vae(), unet=network, scheduler=scheduler).save_pretrained(folder)


@animal("latent-consistency", "image_diffusers", ask={**SMALL, "guidance_scale": 8.0})
def latent_consistency(folder: Path) -> None:
    """Dreamshaper distilled to few steps: the guidance is an input of the network."""
    from diffusers import LatentConsistencyModelPipeline, LCMScheduler

    scheduler = LCMScheduler.from_config(noise_schedule())
    network = unet(time_cond_proj_dim=16)
    LatentConsistencyModelPipeline(**words(), vae=vae(), unet=network, scheduler=scheduler, **NO_CHECKER).save_pretrained(folder)
