"""Text-to-video pipelines of diffusers. The tokenizers of LTX and CogVideoX lie in a sentencepiece file alone, as they are published."""

import io
import tempfile
from pathlib import Path
from typing import Any

from tests.zoo import animal, part
from tests.zoo.pictures import clip, clip_tokenizer, stable_diffusion_1
from tests.zoo.words import ids, tokenizer

ASK = {"prompt": "a red circle", "size": "32x32", "frames": 9, "fps": 8, "steps": 2}
TEXT = ("a red circle on a blue square", "two green stars over the sea", "a house stands by a lake", "waves move under a yellow moon")


def t5_tokenizer(folder: Path, kind: str = "T5Tokenizer") -> Any:
    """Return a tokenizer read from a sentencepiece model of a few pieces, T5's special ones among them."""
    import sentencepiece
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 20), model_writer=model, vocab_size=70, hard_vocab_limit=False, minloglevel=2,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
    )  # fmt: skip
    (folder / "spiece.model").write_bytes(model.getvalue())
    return getattr(transformers, kind).from_pretrained(folder, extra_ids=0)


def t5(tokenizer: Any, kind: str = "T5", **more: Any) -> Any:
    import transformers

    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 37, "num_layers": 2, "num_heads": 4, "relative_attention_num_buckets": 8}
    config = getattr(transformers, f"{kind}Config")(vocab_size=len(tokenizer), feed_forward_proj="gated-gelu", **sizes, **more)
    return getattr(transformers, f"{kind}EncoderModel")(config)


def as_published(pipeline: Any, folder: Path, tokenizer: Path) -> None:
    """Save a pipeline whose tokenizer folder holds the sentencepiece model and no tokenizer.json."""
    pipeline.save_pretrained(folder)
    (folder / "tokenizer" / "tokenizer.json").unlink()
    (tokenizer / "spiece.model").rename(folder / "tokenizer" / "spiece.model")
    for left in tokenizer.iterdir():
        left.unlink()
    tokenizer.rmdir()


def wan_parts(tokenizer: Any, channels: int = 16, **autoencoding: Any) -> dict[str, Any]:
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel

    sizes = {"base_dim": 8, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1, "temperal_downsample": [False, True, True]}
    autoencoder = AutoencoderKLWan(z_dim=channels, **sizes, **autoencoding)
    transformer = WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=channels, out_channels=channels, text_dim=32,
        freq_dim=32, ffn_dim=32, num_layers=2, cross_attn_norm=True, qk_norm="rms_norm_across_heads", rope_max_seq_len=32,
    )  # fmt: skip
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    words = {"text_encoder": t5(tokenizer, "UMT5"), "tokenizer": tokenizer}
    return {"transformer": transformer, "vae": autoencoder, "scheduler": scheduler, **words}


@animal("wan", "video_diffusers", ask=ASK)
def wan(folder: Path) -> None:
    from diffusers import WanPipeline

    with tempfile.TemporaryDirectory() as words:
        WanPipeline(**wan_parts(t5_tokenizer(Path(words)))).save_pretrained(folder)


@animal("wan-2.2-ti2v", "video_diffusers", ask=ASK)
def wan_ti2v(folder: Path) -> None:
    """The weights that go on from words or from a picture, with the autoencoder of 16 pixels to a latent."""
    from diffusers import WanPipeline

    outer = {"patch_size": 2, "in_channels": 12, "out_channels": 12, "scale_factor_spatial": 16, "scale_factor_temporal": 4}
    inner = {"is_residual": True, "decoder_base_dim": 8, "latents_mean": [0.0] * 48, "latents_std": [1.0] * 48}
    with tempfile.TemporaryDirectory() as words:
        parts = wan_parts(t5_tokenizer(Path(words)), channels=48, **outer, **inner)
        WanPipeline(**parts, expand_timesteps=True).save_pretrained(folder)


@animal("mochi", "video_diffusers", ask=ASK)
def mochi(folder: Path) -> None:
    from diffusers import AutoencoderKLMochi, FlowMatchEulerDiscreteScheduler, MochiPipeline, MochiTransformer3DModel

    tokenizer = t5_tokenizer(folder / "words")
    transformer = MochiTransformer3DModel(
        num_attention_heads=2, attention_head_dim=8, num_layers=2, pooled_projection_dim=16, in_channels=12, text_embed_dim=32,
        time_embed_dim=4, activation_fn="swiglu", max_sequence_length=16,
    )  # fmt: skip
    blocks = {"encoder_block_out_channels": (32,) * 4, "decoder_block_out_channels": (32,) * 4, "layers_per_block": (1,) * 5}
    pipeline = MochiPipeline(FlowMatchEulerDiscreteScheduler(), AutoencoderKLMochi(**blocks), t5(tokenizer), tokenizer, transformer)
    as_published(pipeline, folder, folder / "words")


@animal("hunyuan-video", "video_diffusers", ask=ASK)
def hunyuan_video(folder: Path) -> None:
    from diffusers import AutoencoderKLHunyuanVideo, FlowMatchEulerDiscreteScheduler, HunyuanVideoPipeline, HunyuanVideoTransformer3DModel
    from transformers import LlamaConfig, LlamaModel

    reader, words = tokenizer(), clip_tokenizer()
    sizes = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 3, "num_attention_heads": 4}
    transformer = HunyuanVideoTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=10, num_layers=1, num_single_layers=1,
        num_refiner_layers=1, text_embed_dim=32, pooled_projection_dim=32, rope_axes_dim=(2, 4, 4),
    )  # fmt: skip
    HunyuanVideoPipeline(
        text_encoder=LlamaModel(LlamaConfig(**sizes, **ids(reader))), tokenizer=reader,
        text_encoder_2=clip(words, max_position_embeddings=77), tokenizer_2=words, transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=AutoencoderKLHunyuanVideo(latent_channels=4, block_out_channels=(8,) * 4, layers_per_block=1, norm_num_groups=4),
    ).save_pretrained(folder)  # fmt: skip


@animal("ltx", "video_diffusers", ask=ASK)
def ltx(folder: Path) -> None:
    from diffusers import AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXPipeline, LTXVideoTransformer3DModel

    tokenizer = t5_tokenizer(folder / "words")
    transformer = LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, num_attention_heads=4, attention_head_dim=8, cross_attention_dim=32, caption_channels=32,
        num_layers=1,
    )  # fmt: skip
    autoencoder = AutoencoderKLLTXVideo(
        latent_channels=8, block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8), layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1), spatio_temporal_scaling=(True, True, True, False), patch_size=4, patch_size_t=1,
        decoder_spatio_temporal_scaling=(True, True, True, False), decoder_inject_noise=(False,) * 5, upsample_residual=(False,) * 4,
        upsample_factor=(1, 1, 1, 1),
    )  # fmt: skip
    pipeline = LTXPipeline(FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), autoencoder, t5(tokenizer), tokenizer, transformer)
    as_published(pipeline, folder, folder / "words")


@animal("cogvideox", "video_diffusers", ask=ASK)
def cogvideox(folder: Path) -> None:
    from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXPipeline, CogVideoXTransformer3DModel

    tokenizer = t5_tokenizer(folder / "words")
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=4, attention_head_dim=8, in_channels=4, out_channels=4, time_embed_dim=2, text_embed_dim=32, num_layers=1,
        sample_width=4, sample_height=4, sample_frames=9, patch_size=2, temporal_compression_ratio=4, max_text_seq_length=226,
    )  # fmt: skip
    blocks = {"down_block_types": ("CogVideoXDownBlock3D",) * 4, "up_block_types": ("CogVideoXUpBlock3D",) * 4}
    autoencoder = AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1, norm_num_groups=2, temporal_compression_ratio=4, **blocks
    )
    as_published(CogVideoXPipeline(tokenizer, t5(tokenizer), autoencoder, transformer, CogVideoXDDIMScheduler()), folder, folder / "words")


@animal("animatediff", "video_diffusers", ask=ASK, adapter="zoo/motion-adapter")
def animatediff(folder: Path) -> None:
    """A picture model; `motion_adapter` makes what moves it."""
    stable_diffusion_1(folder)


@part("motion-adapter")
def motion_adapter(folder: Path) -> None:
    from diffusers import MotionAdapter

    MotionAdapter(
        block_out_channels=(32, 64), motion_layers_per_block=1, motion_norm_num_groups=2, motion_num_attention_heads=4,
        motion_max_seq_length=32, use_motion_mid_block=True,
    ).save_pretrained(folder)  # fmt: skip
