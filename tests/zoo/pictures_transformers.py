"""Text-to-image pipelines of diffusers whose network is a transformer, most of them by flow matching."""

from pathlib import Path
from typing import Any

from studio import starters
from tests.zoo import animal
from tests.zoo.pictures import SMALL, vae, words
from tests.zoo.video import as_published, t5, t5_tokenizer

CHAT = "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}<|start|>assistant\n"
LANGUAGE = {"hidden_size": 32, "intermediate_size": 37, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}


def flow(**more: Any) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(**more)


def t5_words(folder: Path, number: str) -> dict[str, Any]:
    """A T5 encoder and its tokenizer, made in `folder`, which is emptied again."""
    tokenizer = t5_tokenizer(folder / "words")
    emptied(folder / "words")
    return {f"tokenizer{number}": tokenizer, f"text_encoder{number}": t5(tokenizer)}


def emptied(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def projected(number: str = "") -> dict[str, Any]:
    """A CLIP text encoder with its projection, and its tokenizer."""
    from transformers import CLIPTextModelWithProjection

    made = words(number, projection_dim=32)
    return {**made, f"text_encoder{number}": CLIPTextModelWithProjection(made[f"text_encoder{number}"].config)}


def chat_tokenizer(kind: str) -> Any:
    """Return the tokenizer of the starter stories, which reads bytes as the big models' do, as a class of tokenizer."""
    import transformers

    made = getattr(transformers, kind).from_pretrained(starters.weights("stories"), pad_token="<|pad|>", eos_token="<|end|>")
    made.chat_template = CHAT
    return made


def gemma_tokenizer() -> Any:
    """Return a Gemma tokenizer whose pieces are single letters, and bytes for all else."""
    from transformers import GemmaTokenizer

    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *map(chr, range(33, 127))]
    return GemmaTokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, merges=[])


def qwen3(layers: int) -> dict[str, Any]:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = chat_tokenizer("Qwen2TokenizerFast")
    config = Qwen3Config(vocab_size=len(tokenizer), num_hidden_layers=layers, bos_token_id=None, eos_token_id=1, pad_token_id=0, **LANGUAGE)
    return {"tokenizer": tokenizer, "text_encoder": Qwen3ForCausalLM(config)}


@animal("stable-diffusion-3", "image_diffusers", ask=SMALL)
def stable_diffusion_3(folder: Path) -> None:
    from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline

    network = SD3Transformer2DModel(
        sample_size=16, in_channels=16, out_channels=16, num_layers=2, attention_head_dim=8, num_attention_heads=4, joint_attention_dim=64,
        caption_projection_dim=32, pooled_projection_dim=64, pos_embed_max_size=32,
    )  # fmt: skip
    readers = {**projected(), **projected("_2"), **t5_words(folder, "_3")}
    readers["text_encoder_3"].config.d_model = 64  # the two others side by side
    readers["text_encoder_3"] = type(readers["text_encoder_3"])(readers["text_encoder_3"].config)
    autoencoder = vae(latent_channels=16, shift_factor=0.06, use_quant_conv=False, use_post_quant_conv=False)
    StableDiffusion3Pipeline(transformer=network, scheduler=flow(shift=3.0), vae=autoencoder, **readers).save_pretrained(folder)


@animal("flux-1", "image_diffusers", ask=SMALL)
def flux_1(folder: Path) -> None:
    from diffusers import FluxPipeline, FluxTransformer2DModel

    network = FluxTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=32,
        pooled_projection_dim=32, guidance_embeds=True, axes_dims_rope=(4, 4, 8),
    )  # fmt: skip
    scheduler = flow(shift=3.0, use_dynamic_shifting=True)
    FluxPipeline(
        transformer=network, scheduler=scheduler, vae=vae(shift_factor=0.1159, scaling_factor=0.3611), **words(), **t5_words(folder, "_2")
    ).save_pretrained(folder)


@animal("flux-2-klein", "image_diffusers", ask={**SMALL, "guidance_scale": 1.0})
def flux_2_klein(folder: Path) -> None:
    from diffusers import AutoencoderKLFlux2, Flux2KleinPipeline, Flux2Transformer2DModel

    network = Flux2Transformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=96,
        timestep_guidance_channels=16, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False,
    )  # fmt: skip
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    autoencoder = AutoencoderKLFlux2(block_out_channels=(32, 32), latent_channels=4, norm_num_groups=8, layers_per_block=1, **blocks)
    scheduler = flow(shift=3.0, use_dynamic_shifting=True)
    # It reads layers 9, 18 and 27.
    Flux2KleinPipeline(scheduler, autoencoder, **qwen3(28), transformer=network, is_distilled=True).save_pretrained(folder)


@animal("z-image", "image_diffusers", ask={**SMALL, "guidance_scale": 0.0})
def z_image(folder: Path) -> None:
    from diffusers import ZImagePipeline, ZImageTransformer2DModel

    network = ZImageTransformer2DModel(
        in_channels=4, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=32, axes_dims=[4, 6, 6],
        axes_lens=[1024, 64, 64],
    )  # fmt: skip
    autoencoder = vae(shift_factor=0.1159, scaling_factor=0.3611)
    ZImagePipeline(flow(shift=3.0), autoencoder, **qwen3(3), transformer=network).save_pretrained(folder)


@animal("qwen-image", "image_diffusers", ask=SMALL)
def qwen_image(folder: Path) -> None:
    from diffusers import AutoencoderKLQwenImage, QwenImagePipeline, QwenImageTransformer2DModel
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    tokenizer = chat_tokenizer("Qwen2Tokenizer")
    text = {name: value for name, value in LANGUAGE.items() if name != "head_dim"}
    reader = Qwen2_5_VLConfig(
        text_config={
            **text, "vocab_size": len(tokenizer), "num_hidden_layers": 2, "bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
        },
        vision_config={"depth": 1, "hidden_size": 32, "intermediate_size": 37, "num_heads": 2, "out_hidden_size": 32},
    )  # fmt: skip
    network = QwenImageTransformer2DModel(
        in_channels=16, out_channels=4, num_layers=1, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=32,
        axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    autoencoder = AutoencoderKLQwenImage(
        base_dim=8, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True], latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    )  # fmt: skip
    QwenImagePipeline(
        flow(use_dynamic_shifting=True), autoencoder, Qwen2_5_VLForConditionalGeneration(reader), tokenizer, network
    ).save_pretrained(folder)


@animal("sana", "image_diffusers", ask=SMALL)
def sana(folder: Path) -> None:
    from diffusers import AutoencoderDC, DPMSolverMultistepScheduler, SanaPipeline, SanaTransformer2DModel
    from transformers import Gemma2Config, Gemma2Model

    tokenizer = gemma_tokenizer()
    reader = Gemma2Model(Gemma2Config(vocab_size=len(tokenizer), num_hidden_layers=1, **LANGUAGE))
    network = SanaTransformer2DModel(
        in_channels=4, out_channels=4, num_layers=1, num_attention_heads=2, attention_head_dim=8, num_cross_attention_heads=2,
        cross_attention_head_dim=8, cross_attention_dim=16, caption_channels=32, sample_size=16,
    )  # fmt: skip
    levels = 6
    autoencoder = AutoencoderDC(
        latent_channels=4, attention_head_dim=2, encoder_block_out_channels=(8,) * levels, decoder_block_out_channels=(8,) * levels,
        encoder_layers_per_block=(1,) * levels, decoder_layers_per_block=(1,) * levels, encoder_qkv_multiscales=((),) * levels,
        decoder_qkv_multiscales=((),) * levels, scaling_factor=0.41407,
    )  # fmt: skip
    scheduler = DPMSolverMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    SanaPipeline(tokenizer, reader, autoencoder, network, scheduler).save_pretrained(folder)


@animal("pixart-sigma", "image_diffusers", ask=SMALL)
def pixart_sigma(folder: Path) -> None:
    """Its tokenizer is published as a sentencepiece file alone."""
    from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, PixArtSigmaPipeline, PixArtTransformer2DModel

    tokenizer = t5_tokenizer(folder / "words")
    network = PixArtTransformer2DModel(
        sample_size=32, num_layers=1, num_attention_heads=2, attention_head_dim=8, cross_attention_dim=16, caption_channels=32,
        use_additional_conditions=False,
    )  # fmt: skip
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    autoencoder = AutoencoderKL(block_out_channels=(8,) * 4, norm_num_groups=4, **blocks)
    pipeline = PixArtSigmaPipeline(tokenizer, t5(tokenizer), autoencoder, network, DPMSolverMultistepScheduler())
    as_published(pipeline, folder, folder / "words")
