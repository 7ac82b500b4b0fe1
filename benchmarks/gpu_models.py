"""Models of full size with random weights, for benchmarks/gpu.py: the shapes are the published ones, nothing is downloaded.

Each part is made on the device, in the type it runs in, and saved into a folder in the published layout. `small` makes the same
classes by the same code in sizes a processor runs in a second.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio import starters

CLIP_L = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "vocab_size": 49408}
CLIP_G = {
    "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20, "projection_dim": 1280,
    "vocab_size": 49408, "hidden_act": "gelu",
}  # fmt: skip
CLIP_SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "projection_dim": 32}
T5_XXL = {"d_model": 4096, "d_ff": 10240, "d_kv": 64, "num_heads": 64, "num_layers": 24, "vocab_size": 32128}
T5_SMALL = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_heads": 4, "num_layers": 2, "vocab_size": 64}
VAE = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "norm_num_groups": 32}
VAE_SMALL = {"block_out_channels": (16, 32), "layers_per_block": 1, "norm_num_groups": 8}
UNET = {
    "sample_size": 128, "block_out_channels": (320, 640, 1280), "layers_per_block": 2, "attention_head_dim": (5, 10, 20),
    "transformer_layers_per_block": (1, 2, 10), "cross_attention_dim": 2048, "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}  # fmt: skip
UNET_SMALL = {
    "sample_size": 32, "block_out_channels": (32, 64, 64), "layers_per_block": 1, "attention_head_dim": (2, 4, 4),
    "transformer_layers_per_block": (1, 1, 1), "cross_attention_dim": 64, "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 80,
}  # fmt: skip
FLUX = {
    "in_channels": 64, "num_layers": 19, "num_single_layers": 38, "attention_head_dim": 128, "num_attention_heads": 24,
    "joint_attention_dim": 4096, "pooled_projection_dim": 768, "guidance_embeds": True,
}  # fmt: skip
FLUX_SMALL = {
    "in_channels": 64, "num_layers": 1, "num_single_layers": 2, "attention_head_dim": 16, "num_attention_heads": 2,
    "joint_attention_dim": 32, "pooled_projection_dim": 32, "guidance_embeds": True, "axes_dims_rope": (4, 4, 8),
}  # fmt: skip
LLAMA = {
    "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "vocab_size": 128256, "max_position_embeddings": 8192,
}  # fmt: skip
LLAMA_SMALL = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "vocab_size": 8192, "max_position_embeddings": 512,
}  # fmt: skip
STYLEGAN2 = (512, 8, (512, 512, 512, 512, 512, 256, 128, 64, 32))  # 1024 px
STYLEGAN2_SMALL = (32, 2, (16, 16, 8, 8))


@dataclass(frozen=True)
class Model:
    """One model to measure.

    Attributes:
        engine: what runs it.
        build: saves it into a folder, made on a device in a type.
        options, small_options: what it is asked for, full and small.
        counts: what of its options is the work of one run: steps, tokens or faces.
        prompt: what it is asked.
    """

    name: str
    engine: str
    build: Callable[[Path, str, str, bool], None]
    options: dict[str, Any]
    small_options: dict[str, Any]
    counts: str
    prompt: str = "a red circle on a blue background"


@contextmanager
def _made_on(device: str, dtype: str) -> Iterator[None]:
    """Have every tensor that is made without further words made on a device, in a type."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


def _clip(sizes: dict[str, Any], projected: bool = False) -> tuple[Any, Any]:
    """Return a text encoder and a tokenizer of as many words."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(starters.weights("scenes") / "tokenizer")
    sizes = {"vocab_size": len(tokenizer), **sizes}
    _fill(tokenizer, sizes["vocab_size"])
    kind = CLIPTextModelWithProjection if projected else CLIPTextModel
    return kind(CLIPTextConfig(**sizes, bos_token_id=0, eos_token_id=1, pad_token_id=1)), tokenizer


def _fill(tokenizer: Any, size: int) -> None:
    tokenizer.add_tokens([f"<{number}>" for number in range(size - len(tokenizer))])


def _t5(sizes: dict[str, Any]) -> tuple[Any, Any]:
    from transformers import T5Config, T5EncoderModel, T5Tokenizer

    letters = [(chr(code), -2.0) for code in range(ord("a"), ord("z") + 1)]
    tokenizer = T5Tokenizer(vocab=[("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0), *letters], extra_ids=0)
    _fill(tokenizer, sizes["vocab_size"])
    return T5EncoderModel(T5Config(**sizes, feed_forward_proj="gated-gelu", tie_word_embeddings=False)), tokenizer


def _vae(small: bool, **more: Any) -> Any:
    from diffusers import AutoencoderKL

    sizes = VAE_SMALL if small else VAE
    depth = len(sizes["block_out_channels"])
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * depth, "up_block_types": ("UpDecoderBlock2D",) * depth}
    return AutoencoderKL(**sizes, **blocks, **more)


def sdxl(folder: Path, device: str, dtype: str, small: bool) -> None:
    """Stable Diffusion XL, 3.5 B numbers."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel

    blocks = {
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
    }
    with _made_on(device, dtype):
        unet = UNet2DConditionModel(**(UNET_SMALL if small else UNET), **blocks)
        first, words = _clip(CLIP_SMALL if small else CLIP_L)
        second, more_words = _clip(CLIP_SMALL if small else CLIP_G, projected=True)
        autoencoder = _vae(small, scaling_factor=0.13025, force_upcast=False)
    scheduler = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
    StableDiffusionXLPipeline(autoencoder, first, second, words, more_words, unet, scheduler).save_pretrained(folder)


def flux(folder: Path, device: str, dtype: str, small: bool) -> None:
    """FLUX.1 dev, 16.9 B numbers with its text encoders."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    with _made_on(device, dtype):
        network = FluxTransformer2DModel(**(FLUX_SMALL if small else FLUX))
        first, words = _clip(CLIP_SMALL if small else CLIP_L)
        second, more_words = _t5(T5_SMALL if small else T5_XXL)
        plain = {"use_quant_conv": False, "use_post_quant_conv": False}
        autoencoder = _vae(small, latent_channels=16, scaling_factor=0.3611, shift_factor=0.1159, **plain)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    FluxPipeline(scheduler, autoencoder, first, words, second, more_words, network).save_pretrained(folder)


def llama(folder: Path, device: str, dtype: str, small: bool) -> None:
    """Llama 3.1 8B."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    sizes = LLAMA_SMALL if small else LLAMA
    tokenizer = AutoTokenizer.from_pretrained(starters.weights("stories"))
    _fill(tokenizer, sizes["vocab_size"])
    tokenizer.save_pretrained(folder)
    with _made_on(device, dtype):
        model = LlamaForCausalLM(LlamaConfig(**sizes, bos_token_id=None, eos_token_id=None, tie_word_embeddings=False))
    model.save_pretrained(folder)


def stylegan2(folder: Path, device: str, dtype: str, small: bool) -> None:
    """StyleGAN2 for 1024 px, 30 M numbers, in float32 whatever `dtype` says."""
    import torch
    from safetensors.torch import save_file

    from studio.engines._stylegan2 import Generator, Shape

    shape = Shape(*(STYLEGAN2_SMALL if small else STYLEGAN2))
    with torch.device(device):
        generator = Generator(shape)
    folder.mkdir()
    average = torch.zeros(shape.style)
    save_file({name: tensor.contiguous().cpu() for name, tensor in generator.state_dict().items()} | {"latent_avg": average},
              folder / "generator.safetensors")  # fmt: skip


PICTURE = {"width": 1024, "height": 1024, "steps": 20}
SMALL_PICTURE = {"width": 64, "height": 64, "steps": 4}
TEXT = {"temperature": 0.0, "max_tokens": 256}
MODELS = (
    Model("SDXL", "image_diffusers", sdxl, PICTURE, SMALL_PICTURE, "steps"),
    Model("FLUX.1", "image_diffusers", flux, PICTURE, SMALL_PICTURE, "steps"),
    Model("Llama 8B", "text_transformers", llama, TEXT, {**TEXT, "max_tokens": 24}, "max_tokens", "Tell me a story about a cat."),
    Model("StyleGAN2", "face_stylegan2", stylegan2, {"count": 16}, {"count": 4}, "count", ""),
)
