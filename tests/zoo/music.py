"""Models of music: MusicGen in its three kinds, a writer of notes, and the pipelines of diffusers that make sound."""

import io
import json
from pathlib import Path
from typing import Any

from tests.zoo import animal

SHORT = {"prompt": "calm piano", "duration": 1}
RATE, HOP = 8_000, 160  # 50 codes a second, as the published models have


def channels(count: int, rate: int, seconds: float = 1.0) -> Any:
    """Return a check that a file has so many channels at that rate and length."""

    def check(data: bytes) -> None:
        import soundfile

        about = soundfile.info(io.BytesIO(data))
        assert (about.channels, about.samplerate) == (count, rate) and abs(about.duration - seconds) < 0.01, about

    return check


def musicgen(folder: Path, sides: int = 1, melody: bool = False) -> Path:
    """Save a text encoder, a decoder over 4 codebooks a channel and an EnCodec, a few thousand weights each."""
    import torch
    import transformers
    from transformers import EncodecConfig, T5Config, T5Tokenizer

    torch.manual_seed(0)
    kind = "MusicgenMelody" if melody else "Musicgen"
    text = T5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    codec = EncodecConfig(
        sampling_rate=RATE, upsampling_ratios=[8, 5, 4], num_filters=4, hidden_size=16, codebook_size=32, codebook_dim=16,
        num_lstm_layers=1, target_bandwidths=[1.0], audio_channels=1,
    )  # fmt: skip
    decoder = getattr(transformers, f"{kind}DecoderConfig")(
        vocab_size=32, hidden_size=16, ffn_dim=16, num_hidden_layers=1, num_attention_heads=2, num_codebooks=4 * sides,
        audio_channels=sides, pad_token_id=32, bos_token_id=32,
    )  # fmt: skip
    more = {"num_chroma": 12, "chroma_length": 59} if melody else {}
    config = getattr(transformers, f"{kind}Config")(
        text_encoder=text.to_dict(), audio_encoder=codec.to_dict(), decoder=decoder.to_dict(), **more
    )
    model = getattr(transformers, f"{kind}ForConditionalGeneration")(config)
    model.generation_config.decoder_start_token_id = model.generation_config.bos_token_id = model.generation_config.pad_token_id = 32
    with torch.no_grad():  # so that words, melodies and what was played before make a difference
        for name, weight in model.named_parameters():
            if not name.startswith(("audio_encoder", "text_encoder")) and weight.ndim > 1:
                weight.normal_()
            elif name.endswith("original0"):  # and the codec tells one tone from another
                weight.fill_(1.0)
            elif name.endswith("bias"):
                weight.zero_()
    for codebook in model.audio_encoder.quantizer.layers:  # random codes: a codec starts with codes of zero, which sound like nothing
        codebook.codebook.embed.normal_(std=0.3)
    model.save_pretrained(folder)
    T5Tokenizer(extra_ids=40).save_pretrained(folder)
    if melody:
        said = {"feature_extractor_type": "MusicgenMelodyFeatureExtractor", "sampling_rate": RATE, "n_fft": 1024, "hop_length": 4096}
        (folder / "preprocessor_config.json").write_text(json.dumps(said))
    return folder


@animal("musicgen", "music_transformers", ask=SHORT, checks=channels(1, RATE))
def plain(folder: Path) -> None:
    musicgen(folder)


@animal("musicgen-stereo", "music_transformers", ask=SHORT, checks=channels(2, RATE))
def stereo(folder: Path) -> None:
    musicgen(folder, sides=2)


@animal("musicgen-melody", "music_transformers", ask=SHORT, checks=channels(1, RATE))
def melody(folder: Path) -> None:
    musicgen(folder, melody=True)


def oobleck(gain: float) -> Any:
    """Return an autoencoder of sound, `downsampling_ratios` samples to a latent."""
    import torch
    from diffusers import AutoencoderOobleck

    vae = AutoencoderOobleck(
        encoder_hidden_size=16, downsampling_ratios=[4, 8, 10], channel_multiples=[1, 2, 4], decoder_channels=8, decoder_input_channels=8,
        audio_channels=2, sampling_rate=RATE,
    )  # fmt: skip
    with torch.no_grad():
        for name, weight in vae.named_parameters():  # louder: what a network of random weights makes is close to silence
            if name.endswith("weight_g"):
                weight.mul_(gain)
    return vae


def stirred(model: Any) -> Any:
    """Return a model whose layers that begin as zeros, so that training starts from the identity, let something through."""
    import torch

    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1 and not weight.any():
                weight.normal_(std=0.3)
    return model


def t5(size: int = 16) -> tuple[Any, Any]:
    """Return a tokenizer and a text encoder of that width."""
    from transformers import T5Config, T5EncoderModel, T5Tokenizer

    tokenizer = T5Tokenizer(extra_ids=40, model_max_length=32)
    return tokenizer, T5EncoderModel(T5Config(vocab_size=64, d_model=size, d_kv=8, d_ff=16, num_layers=1, num_heads=2))


@animal("stable-audio-open", "music_diffusers", ask={**SHORT, "steps": 3}, checks=channels(2, RATE))
def stable_audio_open(folder: Path) -> None:
    from diffusers import EDMDPMSolverMultistepScheduler, StableAudioDiTModel, StableAudioPipeline, StableAudioProjectionModel

    tokenizer, encoder = t5()
    transformer = StableAudioDiTModel(
        sample_size=64, in_channels=8, num_layers=1, attention_head_dim=8, num_attention_heads=4, num_key_value_attention_heads=2,
        out_channels=8, cross_attention_dim=16, time_proj_dim=8, global_states_input_dim=32, cross_attention_input_dim=16,
    )  # fmt: skip
    projection = StableAudioProjectionModel(text_encoder_dim=16, conditioning_dim=16, min_value=0, max_value=32)
    sigmas = {"sigma_min": 0.3, "sigma_max": 500, "sigma_data": 1.0, "sigma_schedule": "exponential", "prediction_type": "v_prediction"}
    scheduler = EDMDPMSolverMultistepScheduler(**sigmas)
    StableAudioPipeline(oobleck(1.0), encoder, projection, tokenizer, transformer, scheduler).save_pretrained(folder)
    for file in (folder / "model_index.json", folder / "scheduler" / "scheduler_config.json"):  # the class it is published with
        file.write_text(file.read_text().replace("EDMDPMSolverMultistepScheduler", "CosineDPMSolverMultistepScheduler"))


@animal("stable-audio-3", "music_diffusers", ask={**SHORT, "steps": 2}, checks=channels(2, RATE))
def stable_audio_3(folder: Path) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler, StableAudio3DurationEmbedder, StableAudio3Pipeline
    from diffusers.models.autoencoders.autoencoder_same import AutoencoderSAME
    from diffusers.models.transformers.transformer_stable_audio3 import StableAudio3DiTModel
    from transformers import GemmaTokenizer, T5GemmaConfig, T5GemmaEncoderModel

    sizes = {
        "vocab_size": 64, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 8, "pad_token_id": 0,
    }  # fmt: skip
    encoder = T5GemmaEncoderModel(T5GemmaConfig(encoder=sizes, decoder=sizes, is_encoder_decoder=False, **{"vocab_size": 64}))
    vae = AutoencoderSAME(
        patch_size=40, encoder_channels=8, encoder_c_mults=[2], encoder_strides=[4], encoder_transformer_depths=[1], latent_dim=8,
        dim_heads=8, sampling_rate=RATE,
    )  # fmt: skip
    transformer = StableAudio3DiTModel(
        io_channels=8, embed_dim=16, depth=1, num_heads=2, cond_token_dim=16, global_cond_dim=16, local_add_cond_dim=9,
        timestep_features_dim=8, num_memory_tokens=2,
    )  # fmt: skip
    words = {word: number for number, word in enumerate(["<pad>", "<eos>", "<bos>", "<unk>", *"▁abcdefghijklmnopqrstuvwxyz"])}
    tokenizer = GemmaTokenizer(vocab=words, merges=[], model_max_length=32)
    duration = StableAudio3DurationEmbedder(output_dim=16, fourier_dim=8)
    scheduler = FlowMatchEulerDiscreteScheduler(stochastic_sampling=True)
    StableAudio3Pipeline(stirred(vae), encoder, tokenizer, duration, stirred(transformer), scheduler).save_pretrained(folder)


@animal("ace-step", "music_acestep", ask={**SHORT, "steps": 2, "lyrics": "la la la", "bpm": 90}, checks=channels(2, RATE))
def ace_step(folder: Path) -> None:
    from diffusers import AceStepPipeline, FlowMatchEulerDiscreteScheduler
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel
    from diffusers.pipelines.ace_step import AceStepAudioTokenDetokenizer, AceStepAudioTokenizer, AceStepConditionEncoder
    from transformers import AutoTokenizer, Qwen3Config, Qwen3Model

    from studio import starters

    tokenizer = AutoTokenizer.from_pretrained(starters.weights("stories"))
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
    sizes = {"hidden_size": 16, "intermediate_size": 16, **heads}
    text = Qwen3Model(Qwen3Config(vocab_size=len(tokenizer), num_hidden_layers=1, **sizes))
    condition = AceStepConditionEncoder(
        text_hidden_dim=16, timbre_hidden_dim=8, num_lyric_encoder_hidden_layers=1, num_timbre_encoder_hidden_layers=1, **sizes
    )
    transformer = AceStepTransformer1DModel(num_hidden_layers=2, in_channels=24, audio_acoustic_hidden_dim=8, **sizes)
    listening = {"audio_acoustic_hidden_dim": 8, "num_attention_pooler_hidden_layers": 1, **sizes}
    parts = {
        "vae": oobleck(1.6), "text_encoder": text, "tokenizer": tokenizer, "transformer": transformer, "condition_encoder": condition,
        "scheduler": FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        "audio_tokenizer": AceStepAudioTokenizer(fsq_dim=16, fsq_input_levels=[4, 4], **listening),
        "audio_token_detokenizer": AceStepAudioTokenDetokenizer(**listening),
    }  # fmt: skip
    AceStepPipeline(**parts).save_pretrained(folder)


def clap() -> dict[str, Any]:
    """Return the small sizes of the two halves of CLAP."""
    text = {
        "vocab_size": 64, "hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "pad_token_id": 1,
        "projection_dim": 16,
    }  # fmt: skip
    sound = {
        "spec_size": 64, "window_size": 4, "num_mel_bins": 64, "intermediate_size": 16, "depths": [1, 1], "num_attention_heads": [2, 2],
        "num_hidden_layers": 2, "hidden_size": 32, "projection_dim": 16, "patch_size": 2, "patch_stride": 2,
        "patch_embed_input_channels": 4, "patch_embeds_hidden_size": 16,
    }  # fmt: skip
    return {"text_config": text, "audio_config": sound, "projection_dim": 16}


def ldm_parts() -> dict[str, Any]:
    """Return what AudioLDM, AudioLDM2 and MusicLDM share: an autoencoder of spectrograms, a vocoder, a sampler, a tokenizer."""
    from diffusers import AutoencoderKL, DDIMScheduler
    from transformers import RobertaTokenizer, SpeechT5HifiGan, SpeechT5HifiGanConfig

    blocks = {"down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2}
    vocoder = SpeechT5HifiGanConfig(
        model_in_dim=8, sampling_rate=8000, upsample_initial_channel=16, upsample_rates=[8, 10], upsample_kernel_sizes=[16, 20],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]], normalize_before=False, initializer_range=0.3,
    )  # fmt: skip
    words = {word: number for number, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", *"abcdefghijklmnopqrstuvwxyz"])}
    return {
        "vae": AutoencoderKL(block_out_channels=[16, 16], in_channels=1, out_channels=1, norm_num_groups=8, **blocks),
        "scheduler": DDIMScheduler(clip_sample=False, set_alpha_to_one=False), "vocoder": SpeechT5HifiGan(vocoder),
        "tokenizer": RobertaTokenizer(vocab=words, merges=[], model_max_length=32),
    }  # fmt: skip


LDM_BLOCKS = {"down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D")}
LDM_SIZES = {"block_out_channels": (16, 32), "layers_per_block": 1, "norm_num_groups": 8, "attention_head_dim": 8, **LDM_BLOCKS}


@animal("audioldm2", "music_diffusers", ask={**SHORT, "steps": 2}, checks=channels(1, RATE))
def audioldm2(folder: Path) -> None:
    from diffusers import AudioLDM2Pipeline, AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, GPT2Config, GPT2LMHeadModel

    tokenizer, encoder = t5(32)
    language = GPT2LMHeadModel(GPT2Config(n_embd=16, n_head=2, n_layer=1, vocab_size=64, n_positions=99))
    language.config.max_new_tokens = 8
    parts = {
        **ldm_parts(), "text_encoder": ClapModel(ClapConfig(**clap())), "text_encoder_2": encoder, "tokenizer_2": tokenizer,
        "projection_model": AudioLDM2ProjectionModel(text_encoder_dim=16, text_encoder_1_dim=32, langauge_model_dim=16),
        "language_model": language, "feature_extractor": ClapFeatureExtractor(hop_length=7900),
        "unet": AudioLDM2UNet2DConditionModel(cross_attention_dim=([None, 16, 32], [None, 16, 32]), **LDM_SIZES),
    }  # fmt: skip
    AudioLDM2Pipeline(**parts).save_pretrained(folder)


def film_unet() -> Any:
    """Return the network of AudioLDM and MusicLDM, which takes words as one vector beside the step."""
    from diffusers import UNet2DConditionModel

    words = {"class_embed_type": "simple_projection", "projection_class_embeddings_input_dim": 16, "class_embeddings_concat": True}
    return UNet2DConditionModel(cross_attention_dim=(16, 32), **words, **LDM_SIZES)


@animal("audioldm", "music_diffusers", ask={**SHORT, "steps": 2}, checks=channels(1, RATE))
def audioldm(folder: Path) -> None:
    from diffusers import AudioLDMPipeline
    from transformers import ClapTextConfig, ClapTextModelWithProjection

    encoder = ClapTextModelWithProjection(ClapTextConfig(**clap()["text_config"]))
    AudioLDMPipeline(**ldm_parts(), text_encoder=encoder, unet=film_unet()).save_pretrained(folder)


@animal("musicldm", "music_diffusers", ask={**SHORT, "steps": 2}, checks=channels(1, RATE))
def musicldm(folder: Path) -> None:
    from diffusers import MusicLDMPipeline
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    encoder, listener = ClapModel(ClapConfig(**clap())), ClapFeatureExtractor(hop_length=7900)
    MusicLDMPipeline(**ldm_parts(), text_encoder=encoder, feature_extractor=listener, unet=film_unet()).save_pretrained(folder)


@animal("notes", "music_midi", ask={"prompt": "a calm waltz", "duration": 2}, checks=channels(2, 44_100, 2.0))
def notes(folder: Path) -> None:
    """A language model over note tokens; what it has learnt is beside the point, its grammar makes music of anything."""
    from transformers import GPT2Config, GPT2LMHeadModel

    from studio.starters import tunes
    from studio.starters.tunes_words import prompt_words

    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 2048}
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tunes.vocabulary()), **sizes)).save_pretrained(folder)
    tunes.tokenizer().save_pretrained(folder)
    (folder / "prompt_words.json").write_text(json.dumps(prompt_words()))
