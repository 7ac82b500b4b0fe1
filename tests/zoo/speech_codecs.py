"""Speech models that are language models over a codec's codes or latents: Bark, CSM, Dia, VibeVoice, Pocket TTS, Phonon."""

import json
from pathlib import Path
from typing import Any

from tests.zoo import animal, part
from tests.zoo.speech import GROUPED, SAY, TALK, louder
from tests.zoo.words import tokenizer

PRESET = "v2/en_speaker_6"


def reader(*marks: str, template: str | None = None) -> Any:
    """Return a tokenizer of letters that knows some marks."""
    letters = tokenizer(template)
    letters.add_special_tokens({"extra_special_tokens": list(marks)})
    return letters


def with_codes(codec: Any) -> None:
    """Give the codes of a fresh codec sounds of their own; all begin as zeros."""
    for name, table in codec.named_buffers():
        if name.endswith(("codebook.embed", "codebook.embed_sum")):
            table.normal_(0, 0.1)


@animal("bark", "speech_transformers", ask=SAY)
def bark(folder: Path) -> None:
    """Four networks in a row; 20 tokens of meaning, 64 codes, one voice in the files."""
    import numpy as np
    from transformers import BarkConfig, BarkModel, BarkProcessor, EncodecConfig
    from transformers.models.bark.generation_configuration_bark import (
        BarkCoarseGenerationConfig,
        BarkFineGenerationConfig,
        BarkGenerationConfig,
        BarkSemanticGenerationConfig,
    )

    size = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "dropout": 0.0}
    config = BarkConfig(
        semantic_config=size | {"block_size": 512, "input_vocab_size": 200, "output_vocab_size": 24},
        coarse_acoustics_config=size | {"block_size": 1024, "input_vocab_size": 152, "output_vocab_size": 152},
        fine_acoustics_config=size | {"block_size": 1024, "input_vocab_size": 66, "output_vocab_size": 66, "n_codes_total": 8},
        codec_config=EncodecConfig(
            num_filters=4, hidden_size=8, codebook_size=64, codebook_dim=8, num_lstm_layers=1, target_bandwidths=[6.0],
            num_residual_layers=1,
        ).to_dict(),
    )  # fmt: skip
    model = BarkModel(config)
    for network in (model.semantic, model.coarse_acoustics, model.fine_acoustics):
        louder(network, 5)
    with_codes(model.codec_model)
    model.save_pretrained(folder)
    generation = BarkGenerationConfig.from_sub_model_configs(
        BarkSemanticGenerationConfig(
            eos_token_id=20, text_encoding_offset=24, text_pad_token=180, semantic_infer_token=181, semantic_vocab_size=20,
            max_new_tokens=16, max_input_semantic_length=64, do_sample=True,
        ),
        BarkCoarseGenerationConfig(
            coarse_semantic_pad_token=148, coarse_infer_token=149, max_coarse_input_length=64, max_coarse_history=126,
            sliding_window_len=20, do_sample=True,
        ),
        BarkFineGenerationConfig(),
    )  # fmt: skip
    # As published; GenerationConfig refuses to save what it reads.
    (folder / "generation_config.json").write_text(json.dumps(generation.to_dict() | {"codebook_size": 64}))
    draw = np.random.default_rng(0)
    BarkProcessor(reader()).save_pretrained(folder)
    (folder / "speaker_embeddings" / "v2").mkdir(parents=True)
    files = {}
    for name, shape, codes in (("semantic_prompt", (30,), 20), ("coarse_prompt", (2, 45), 64), ("fine_prompt", (8, 45), 64)):
        files[name] = f"speaker_embeddings/{PRESET}_{name}.npy"
        np.save(folder / files[name], draw.integers(0, codes, shape))
    (folder / "speaker_embeddings_path.json").write_text(json.dumps({"repo_or_path": "suno/bark", PRESET: files}))


@animal("csm", "speech_transformers", ask=SAY)
def csm(folder: Path) -> None:
    from transformers import CsmConfig, CsmForConditionalGeneration, CsmProcessor, EncodecFeatureExtractor, MimiConfig

    letters = reader("<|AUDIO|>", "<|audio_eos|>")
    codec = MimiConfig(
        hidden_size=16, num_filters=4, num_hidden_layers=1, intermediate_size=16, num_attention_heads=2, num_key_value_heads=2,
        codebook_size=64, codebook_dim=8, num_quantizers=4, num_semantic_quantizers=1, upsample_groups=16,
        vector_quantization_hidden_dimension=8,
    )  # fmt: skip
    audio, end = letters.convert_tokens_to_ids(["<|AUDIO|>", "<|audio_eos|>"])
    config = CsmConfig(
        **GROUPED, num_codebooks=4, vocab_size=67, text_vocab_size=len(letters), codec_config=codec.to_dict(), codebook_pad_token_id=66,
        depth_decoder_config=GROUPED | {"num_codebooks": 4, "backbone_hidden_size": 32, "vocab_size": 67, "max_position_embeddings": 5},
        pad_token_id=letters.pad_token_id, bos_token_id=letters.eos_token_id, audio_token_id=audio, audio_eos_token_id=end,
    )  # fmt: skip
    model = CsmForConditionalGeneration(config)
    louder(model.backbone_model, 4)
    louder(model.codec_model, 0.7)
    with_codes(model.codec_model)
    model.save_pretrained(folder)
    CsmProcessor(EncodecFeatureExtractor(sampling_rate=24000), letters, chat_template=TALK).save_pretrained(folder)


@animal("dia", "speech_transformers", vocoder="zoo/dac", ask=SAY)
def dia(folder: Path) -> None:
    from transformers import DiaConfig, DiaFeatureExtractor, DiaForConditionalGeneration, DiaTokenizer

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
    crossed = {"cross_num_attention_heads": 2, "cross_num_key_value_heads": 2, "cross_head_dim": 8, "cross_hidden_size": 16}
    config = DiaConfig(encoder_config=sizes | {"head_dim": 8}, decoder_config=sizes | crossed | {"head_dim": 8})
    louder(DiaForConditionalGeneration(config), 3).save_pretrained(folder)
    DiaTokenizer().save_pretrained(folder)
    DiaFeatureExtractor(sampling_rate=44100).save_pretrained(folder)
    codec = {"audio_tokenizer_class": "DacModel", "audio_tokenizer_name_or_path": "descript/dac_44khz"}
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": "DiaProcessor", "audio_tokenizer": codec}))


@part("dac")
def dac(folder: Path) -> None:
    from transformers import DacConfig, DacModel

    config = DacConfig(
        encoder_hidden_size=4, decoder_hidden_size=16, downsampling_ratios=[2, 4, 8, 8], n_codebooks=9, codebook_size=1024, codebook_dim=4,
        hidden_size=64, sampling_rate=44100,
    )  # fmt: skip
    louder(DacModel(config), 3).save_pretrained(folder)


@animal("vibevoice", "speech_transformers", ask=SAY)
def vibevoice(folder: Path) -> None:
    from transformers import (
        VibeVoiceAcousticTokenizerFeatureExtractor,
        VibeVoiceConfig,
        VibeVoiceForConditionalGeneration,
        VibeVoiceProcessor,
    )

    marks = ("<|vision_pad|>", "<|vision_start|>", "<|vision_end|>", "<|endoftext|>")
    letters = reader(*marks)
    audio, begin, end, stop = letters.convert_tokens_to_ids(list(marks))
    codec = {"num_filters": 4, "downsampling_ratios": [4, 5, 8], "depths": [1, 1, 1, 1]}
    config = VibeVoiceConfig(
        text_config={"model_type": "qwen2", **GROUPED, "vocab_size": len(letters), "max_position_embeddings": 512},
        audio_config={"model_type": "vibevoice_acoustic_tokenizer", **codec, "hidden_size": 8},
        semantic_model_config={"model_type": "vibevoice_acoustic_tokenizer_encoder", **codec, "hidden_size": 16},
        diffusion_head_config={"num_hidden_layers": 1, "intermediate_size": 32, "frequency_embedding_size": 16},
        pad_token_id=letters.pad_token_id, eos_token_id=stop,
        audio_bos_token_id=begin, audio_eos_token_id=end, audio_token_id=audio,
    )  # fmt: skip
    model = louder(VibeVoiceForConditionalGeneration(config), 4)
    model.lm_head.weight.data.zero_()  # nothing is likelier than anything else; then it takes the first, which is another frame
    model.generation_config.num_diffusion_steps = 3
    model.save_pretrained(folder)
    features = VibeVoiceAcousticTokenizerFeatureExtractor()
    VibeVoiceProcessor(features, letters, chat_template=TALK + "<|vision_start|>").save_pretrained(folder)


PLACES = ("<|audio_prompt|>", "<|audio_latent|>", "<|audio_bos|>", "<|audio_prompt_bos|>")


def pocket(folder: Path, name: str, places: tuple[str, ...], **more: Any) -> None:
    """Save a model of Pocket TTS's build, with one voice."""
    import torch
    import transformers
    from safetensors.torch import save_file

    names = ("audio_prompt_token", "audio_latent_token", "audio_bos_token", "audio_prompt_bos_token")
    letters = tokenizer()
    letters.add_special_tokens({"extra_special_tokens": list(places)})
    for key, mark in zip(names, places, strict=False):
        letters._set_model_specific_special_tokens({key: mark})
    numbers = {f"{key}_id": letters.convert_tokens_to_ids(mark) for key, mark in zip(names, places, strict=False)}
    config = getattr(transformers, f"{name}Config")(
        vocab_size=len(letters), **GROUPED, latent_dim=8, pad_token_id=letters.pad_token_id, **numbers, **more,
        flow_head_config={
            "hidden_size": 16, "num_hidden_layers": 1, "latent_dim": 8, "condition_dim": 32, "frequency_embedding_size": 16,
        },
    )  # fmt: skip
    louder(getattr(transformers, f"{name}ForConditionalGeneration")(config), 4).save_pretrained(folder)
    start = places[3] if len(places) > 3 else ""
    template = (
        "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'text' %}{{ c['text'] }}{% else %}"
        + f"{start}{places[0]}{{% endif %}}{{% endfor %}}{{% endfor %}}{places[2]}"
    )
    letters.chat_template = template
    letters.save_pretrained(folder)
    transformers.PocketTTSFeatureExtractor(frame_size=1920).save_pretrained(folder)
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": "PocketTTSProcessor", "frames_after_eos": 2}))
    (folder / "voices").mkdir()
    width = more.get("audio_prompt_dim", 8)
    save_file({"audio_prompt_latents": torch.randn(5, width)}, folder / "voices" / "alba.safetensors")


@animal("pocket-tts", "speech_transformers", vocoder="zoo/pocket-codec", ask=SAY)
def pocket_tts(folder: Path) -> None:
    pocket(folder, "PocketTTS", PLACES)


@animal("phonon", "speech_transformers", vocoder="zoo/pocket-codec", ask=SAY)
def phonon(folder: Path) -> None:
    pocket(folder, "GradiumPhononTTS", PLACES[:3], audio_prompt_dim=12)


@part("pocket-codec")
def pocket_codec(folder: Path) -> None:
    from transformers import PocketTTSAudioTokenizerConfig, PocketTTSAudioTokenizerModel

    config = PocketTTSAudioTokenizerConfig(
        hidden_size=16, num_filters=4, num_hidden_layers=1, intermediate_size=16, num_attention_heads=2, num_key_value_heads=2,
        upsample_groups=16, latent_dim=8,
    )  # fmt: skip
    louder(PocketTTSAudioTokenizerModel(config), 0.5).save_pretrained(folder)
