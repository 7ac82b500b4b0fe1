"""A real MusicGen with tiny random weights: built on the spot, saved, and read by the engine."""

from pathlib import Path

import numpy
import pytest

from studio.engines.music_transformers import Engine, Options
from studio.errors import GenerationFailed, ModelUnavailable
from studio.types import Artifact, Device, ModelSpec, Progress, Request

CPU = Device("cpu", "CPU", 10**10)
RATE, HOP = 2_000, 40  # 50 codes a second, as the published models have


def tiny_musicgen(folder: Path, channels: int = 1) -> Path:
    """A text encoder, a decoder over 4 codebooks a channel and an EnCodec, a few thousand weights each."""
    import torch
    from transformers import (
        EncodecConfig,
        EncodecFeatureExtractor,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        MusicgenProcessor,
        T5Config,
        T5Tokenizer,
    )

    torch.manual_seed(0)
    tokenizer = T5Tokenizer(extra_ids=40)
    text = T5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    codec = EncodecConfig(
        sampling_rate=RATE, upsampling_ratios=[5, 4, 2], num_filters=4, hidden_size=16, codebook_size=32, codebook_dim=16,
        num_lstm_layers=1, target_bandwidths=[1.0], audio_channels=1,
    )  # fmt: skip
    decoder = MusicgenDecoderConfig(
        vocab_size=32, hidden_size=16, ffn_dim=16, num_hidden_layers=1, num_attention_heads=2, num_codebooks=4 * channels,
        audio_channels=channels, pad_token_id=32, bos_token_id=32,
    )  # fmt: skip
    config = MusicgenConfig(text_encoder=text.to_dict(), audio_encoder=codec.to_dict(), decoder=decoder.to_dict())
    model = MusicgenForConditionalGeneration(config)
    model.generation_config.decoder_start_token_id = model.generation_config.bos_token_id = model.generation_config.pad_token_id = 32
    for codebook in model.audio_encoder.quantizer.layers:  # random codes: a codec starts with codes of zero, which sound like nothing
        codebook.codebook.embed.normal_()
    model.save_pretrained(folder)
    MusicgenProcessor(EncodecFeatureExtractor(feature_size=1, sampling_rate=RATE), tokenizer).save_pretrained(folder)
    return folder


def loaded(source: Path) -> Engine:
    engine = Engine(ModelSpec(id="tiny", engine="music_transformers", source=str(source)), CPU, str(source))
    engine.load(lambda fraction: None)
    return engine


def run(engine: Engine, prompt="calm piano", seed=3, **options) -> list:
    return list(engine.run(Request(model="tiny", prompt=prompt), Options(**{"duration": 1.0, **options}), seed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny_musicgen(tmp_path_factory.mktemp("musicgen"))


@pytest.fixture(scope="module")
def engine(folder) -> Engine:
    return loaded(folder)


def test_makes_sound_of_the_length_asked_for(engine):
    *steps, artifact = run(engine, duration=1.3)
    assert isinstance(artifact, Artifact) and artifact.medium == "audio"
    assert artifact.data.rate == RATE
    assert artifact.data.samples.shape == (2600, 1) and artifact.data.samples.dtype == numpy.float32
    assert abs(artifact.data.samples).max() > 0


def test_reports_every_token(engine):
    steps = [event for event in run(engine) if isinstance(event, Progress)]
    assert [step.step for step in steps] == list(range(1, len(steps) + 1))
    assert steps[-1].step == steps[-1].total and steps[-1].unit == "token"


def test_the_seed_makes_the_sound(engine):
    first, again, other = (run(engine, seed=seed)[-1].data.samples for seed in (3, 3, 4))
    assert numpy.array_equal(first, again) and not numpy.array_equal(first, other)


def test_guidance_of_one_and_all_codes(engine):
    assert isinstance(run(engine, guidance_scale=1, top_k=0, temperature=0.5)[-1], Artifact)


def test_stops_within_a_token(engine):
    events = engine.run(Request(model="tiny", prompt="calm piano"), Options(duration=30), 1)
    assert next(events).step == 1
    events.close()
    assert isinstance(run(engine)[-1], Artifact)


def test_stereo(tmp_path):
    samples = run(loaded(tiny_musicgen(tmp_path, channels=2)))[-1].data.samples
    assert samples.shape == (RATE, 2) and not numpy.array_equal(samples[:, 0], samples[:, 1])


def test_silence_is_a_failure(folder):
    import torch

    engine = loaded(folder)
    with torch.no_grad():
        for name, weight in engine._model.audio_encoder.decoder.layers[-1].named_parameters():
            if not name.endswith("original1"):  # the direction of a normed weight; its length and the bias are what counts
                weight.zero_()
    with pytest.raises(GenerationFailed, match="silence"):
        run(engine)


@pytest.mark.parametrize("part", ["decoder", "audio_encoder"])
def test_numbers_that_are_none_are_a_failure(folder, part):
    import torch

    engine = loaded(folder)
    with torch.no_grad():
        for weight in getattr(engine._model, part).parameters():
            weight.fill_(float("nan"))
    with pytest.raises(GenerationFailed, match="damaged"):
        run(engine)


def test_another_kind_of_model_is_refused(tmp_path):
    from transformers import GPT2Config, GPT2LMHeadModel

    GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=10)).save_pretrained(tmp_path)
    with pytest.raises(ModelUnavailable):
        loaded(tmp_path)


def test_pickles_are_refused(folder, tmp_path):
    import shutil

    import torch

    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match="pickles"):
        loaded(tmp_path)
