"""A real MusicGen with tiny random weights: built on the spot, saved, and read by the engine."""

from pathlib import Path

import numpy
import pytest
import soundfile

from studio.engines import music_transformers
from studio.engines.music_transformers import Engine, Options
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.types import Artifact, Device, ModelSpec, Progress, Request
from tests.zoo.music import HOP, RATE, musicgen

CPU = Device("cpu", "CPU", 10**10)


def loaded(source: Path) -> Engine:
    engine = Engine(ModelSpec(id="tiny", engine="music_transformers", source=str(source)), CPU, str(source))
    engine.load(lambda fraction: None)
    return engine


def run(engine: Engine, prompt="calm piano", seed=3, audio: Path | None = None, **options) -> list:
    request = Request(model="tiny", prompt=prompt, inputs={"audio": str(audio)} if audio else {})
    return list(engine.run(request, Options(**{"duration": 1.0, **options}), seed))


def samples_of(*arguments, **options):
    return run(*arguments, **options)[-1].data.samples


def written(file: Path, pitch: float, seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> Path:
    """Save a clear tone."""
    time = numpy.arange(round(seconds * rate)) / rate
    soundfile.write(file, numpy.repeat(0.5 * numpy.sin(2 * numpy.pi * pitch * time)[:, None], channels, 1), rate, subtype="FLOAT")
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return musicgen(tmp_path_factory.mktemp("musicgen"))


@pytest.fixture(scope="module")
def engine(folder) -> Engine:
    return loaded(folder)


def test_makes_sound_of_the_length_asked_for(engine):
    *steps, artifact = run(engine, duration=1.3)
    assert isinstance(artifact, Artifact) and artifact.medium == "audio"
    assert artifact.data.rate == RATE
    assert artifact.data.samples.shape == (1.3 * RATE, 1) and artifact.data.samples.dtype == numpy.float32
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
    samples = run(loaded(musicgen(tmp_path, sides=2)))[-1].data.samples
    assert samples.shape == (RATE, 2) and not numpy.array_equal(samples[:, 0], samples[:, 1])


@pytest.fixture(scope="module")
def melody(tmp_path_factory) -> Engine:
    return loaded(musicgen(tmp_path_factory.mktemp("melody"), melody=True))


def test_a_piece_longer_than_a_window_is_one_sequence_of_codes(engine, monkeypatch):
    monkeypatch.setattr(music_transformers, "WINDOW", 1.0)
    monkeypatch.setattr(music_transformers, "SHARED", 0.2)
    monkeypatch.setattr(music_transformers, "KEPT", 0.4)
    prompts, write = [], engine._window

    def seen(words, prompt, count, options, watch):
        new = write(words, prompt, count, options, watch)
        prompts.append((prompt, new))
        return new

    monkeypatch.setattr(engine, "_window", seen)
    events = run(engine, duration=2.5)
    assert events[-1].data.samples.shape == (2.5 * RATE, 1)
    assert [(0 if prompt is None else prompt.shape[1], new.shape[1]) for prompt, new in prompts] == [(0, 50), (20, 30), (20, 30), (20, 15)]
    for (_, before), (prompt, _) in zip(prompts, prompts[1:], strict=False):
        assert (before[:, -20:] == prompt).all()
    steps = [event.step for event in events[:-1]]
    assert steps == list(range(1, len(steps) + 1)) and events[-2].total == steps[-1]


def test_codes_decoded_in_windows_sound_as_when_decoded_at_once(engine, monkeypatch):
    import torch

    codes = torch.randint(32, (4, 200), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole = engine._sound(codes)
        monkeypatch.setattr(music_transformers, "WINDOW", 2.5)
        pieces = engine._sound(codes)
    assert pieces.shape == whole.shape == (200 * HOP, 1)
    assert (pieces - whole).std() < 0.05 * whole.std()


def test_the_codes_are_those_that_transformers_decodes(engine):
    """The sound of one window, made by transformers' own way from tokens to sound, is ours."""
    import torch

    words = engine._tokenizer(["calm piano"], return_tensors="pt")
    torch.manual_seed(3)
    with torch.inference_mode():
        theirs = engine._model.generate(**words, do_sample=True, guidance_scale=3.0, temperature=1.0, top_k=250, max_new_tokens=53)
    assert numpy.allclose(theirs[0].T.numpy().clip(-1, 1), samples_of(engine), atol=1e-6)


@pytest.mark.parametrize("sides", [1, 2])
def test_goes_on_from_a_clip(engine, tmp_path, sides):
    engine = engine if sides == 1 else loaded(musicgen(tmp_path / "stereo", sides=2))
    low, high = written(tmp_path / "low.wav", 200, channels=sides), written(tmp_path / "high.wav", 900, channels=sides)
    after_low, after_high = samples_of(engine, audio=low), samples_of(engine, audio=high)
    assert after_low.shape == (2 * RATE, sides)
    untouched = RATE - round(music_transformers.FADE * RATE)
    assert numpy.allclose(after_low[:untouched], soundfile.read(low, always_2d=True)[0][:untouched], atol=1e-3)
    assert abs(after_low[RATE:]).max() > 0 and not numpy.array_equal(after_low[RATE:], after_high[RATE:])
    assert numpy.array_equal(after_low, samples_of(engine, audio=low))


def test_a_clip_of_another_rate_is_brought_to_the_models(engine, tmp_path):
    samples = samples_of(engine, audio=written(tmp_path / "clip.wav", 300, seconds=0.5, rate=44_100, channels=2))
    assert samples.shape == (1.5 * RATE, 1)
    crossings = (numpy.diff(numpy.sign(samples[: RATE // 4, 0])) != 0).sum()
    assert 140 < crossings < 160  # 300 Hz for a quarter of a second


def test_follows_a_melody(melody, tmp_path):
    low, high = written(tmp_path / "c.wav", 261.6, 2), written(tmp_path / "g.wav", 392.0, 2)
    assert melody._chroma(_read(low)).argmax(-1).unique().tolist() == [0]
    assert melody._chroma(_read(high)).argmax(-1).unique().tolist() == [7]
    after_low, after_high, free = samples_of(melody, audio=low), samples_of(melody, audio=high), samples_of(melody)
    assert after_low.shape == after_high.shape == free.shape == (RATE, 1)
    assert not numpy.array_equal(after_low, after_high) and not numpy.array_equal(after_high, free)


def _read(file: Path):
    return soundfile.read(file, dtype="float32", always_2d=True)[0]


def test_what_is_no_sound_is_refused(engine, tmp_path):
    (tmp_path / "clip.wav").write_bytes(b"no sound at all")
    with pytest.raises(BadRequest, match="cannot be read"):
        run(engine, audio=tmp_path / "clip.wav")


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
