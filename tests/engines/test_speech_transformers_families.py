"""Each class of speech model that the engine speaks, tiny, with random weights."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from studio.engines._speech import SPEAKERS, gathered
from studio.engines.speech_transformers import Engine, Options
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.sentences import Part
from studio.types import Device, ModelSpec, Placement, Progress, Request
from tests.zoo import built, everyone

CPU = Device("cpu", "CPU", 10**10)
NAMES = sorted(name for name, animal in everyone().items() if animal.entry.get("engine") == "speech_transformers")
DRAWN = sorted(set(NAMES) - {"seamless-m4t-v2"})  # it has no chance in it
TOKENS = sorted(set(NAMES) - {"vits"})


@pytest.fixture(scope="module")
def zoo(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("zoo")


def loaded(zoo: Path, name: str, source: Path | None = None, dtype: str = "float32") -> Engine:
    vocoder = everyone()[name].entry.get("vocoder", "")
    extras = {vocoder: str(built(vocoder.removeprefix("zoo/"), zoo))} if vocoder else {}
    spec = ModelSpec(id=name, engine="speech_transformers", source=str(source or built(name, zoo)), vocoder=vocoder)
    engine = Engine(spec, CPU, spec.source, Placement(dtype, extras=extras))
    engine.load(lambda fraction: None)
    return engine


@pytest.fixture(scope="module")
def engines(zoo):
    """Return loaded models by name, each loaded once."""
    there: dict[str, Engine] = {}

    def engine(name: str) -> Engine:
        if name not in there:
            there[name] = loaded(zoo, name)
        return there[name]

    return engine


def run(engine: Engine, prompt="Hello there.", seed=3, **options) -> list:
    engine._heard.clear()
    return list(engine.run(Request(model="tiny", prompt=prompt), Options(**options), seed))


def samples(engine: Engine, *args, **options) -> np.ndarray:
    return run(engine, *args, **options)[-1].data.samples


def test_every_class_of_the_table_is_in_the_zoo(zoo):
    kinds = {json.loads((built(name, zoo) / "config.json").read_text())["model_type"] for name in NAMES}
    assert kinds == set(SPEAKERS)


@pytest.mark.parametrize("name", NAMES)
def test_a_text_becomes_sound_and_the_seed_decides_which(zoo, engines, name):
    artifact = run(engines(name))[-1]
    sound = artifact.data
    assert sound.samples.dtype == np.float32 and sound.samples.shape[1] == 1 and np.abs(sound.samples).max() <= 1
    assert sound.rate in (16_000, 24_000, 44_100) and artifact.facts["seconds"] == round(len(sound.samples) / sound.rate, 2)
    assert artifact.facts["parts"][0]["text"].endswith("Hello there.")
    assert np.array_equal(samples(loaded(zoo, name)), sound.samples)


@pytest.mark.parametrize("name", DRAWN)
def test_another_seed_sounds_otherwise(engines, name):
    first, other = samples(engines(name)), samples(engines(name), seed=4)
    assert first.shape != other.shape or not np.array_equal(first, other)


@pytest.mark.parametrize("name", TOKENS)
def test_tokens_are_counted_and_told(engines, name):
    events = run(engines(name))
    facts, told = events[-1].facts, [event for event in events if isinstance(event, Progress)]
    assert facts["tokens"] > 3 and facts["tokens_per_second"] > 0
    assert all(event.unit == "token" for event in told) and told[-1].step == told[-1].total
    assert [event.step for event in told] == sorted(event.step for event in told) and len(told) >= facts["tokens"]


def test_what_is_remembered_counts_the_same_tokens(engines):
    engine = engines("csm")
    first = run(engine)[-1]
    again = list(engine.run(Request(model="tiny", prompt="Hello there."), Options(), 3))[-1]
    assert again.facts["tokens"] == first.facts["tokens"] and again.facts["tokens_per_second"] == 0


@pytest.mark.parametrize("name", TOKENS)
def test_closing_stops_within_a_token(engines, name):
    engine, steps = engines(name), []
    hooks = [module.register_forward_hook(lambda *_: steps.append(1)) for module in engine._speaker.steps]
    engine._heard.clear()
    try:
        events = engine.run(Request(model="tiny", prompt="Hello there."), Options(), 1)
        next(event for event in events if isinstance(event, Progress) and event.step == 3)
        events.close()
    finally:
        for hook in hooks:
            hook.remove()
    assert len(steps) <= 5
    assert not [hooks for module in engine._speaker.steps if (hooks := module._forward_pre_hooks)]


@pytest.mark.parametrize("name", NAMES)
def test_each_voice_is_another(engines, name):
    engine = engines(name)
    voices = Engine.voices(engine.spec, engine.source)
    assert all(set(voice) == {"id", "name", "language"} for voice in voices)
    first = run(engine)[-1]
    assert first.facts["voice"] == (voices[0]["id"] if voices else "")
    for voice in voices[1:2]:
        other = run(engine, voice=voice["id"])[-1]
        assert other.facts["voice"] == voice["id"]
        assert first.data.samples.shape != other.data.samples.shape or not np.array_equal(first.data.samples, other.data.samples)
    with pytest.raises(BadRequest, match="has no voice 'nobody'"):
        run(engine, voice="nobody")


@pytest.mark.parametrize("name", NAMES)
def test_an_option_is_heeded_or_refused(engines, name):
    engine, plain = engines(name), samples(engines(name))
    for option, value in (("noise_scale", 0.1), ("temperature", 1.7), ("guidance_scale", 4.0)):
        if option not in engine._speaker.takes:
            with pytest.raises(BadRequest, match="to set. Leave it empty"):
                run(engine, **{option: value})
        else:
            changed = samples(engine, **{option: value})
            assert plain.shape != changed.shape or not np.array_equal(plain, changed), option


@pytest.mark.parametrize("name", NAMES)
def test_speed_changes_the_length(engines, name):
    slow, fast = (len(samples(engines(name), speed=speed)) for speed in (0.5, 2.0))
    assert slow == pytest.approx(4 * fast, rel=0.2) or (name == "vits" and slow > 2 * fast)


@pytest.mark.parametrize("name", sorted(set(DRAWN) & set(TOKENS)))
def test_numbers_that_are_none_fail_in_words(zoo, name):
    import torch

    engine = loaded(zoo, name)
    with torch.no_grad():
        for value in vars(engine._speaker).values():
            for weight in value.parameters() if isinstance(value, torch.nn.Module) else ():
                weight.fill_(float("nan"))
    with pytest.raises(GenerationFailed, match="try other words"):
        run(engine)


@pytest.mark.parametrize("name", sorted(name for name in NAMES if "vocoder" in everyone()[name].entry))
def test_what_makes_the_sound_has_to_be_named(zoo, name):
    spec = ModelSpec(id=name, engine="speech_transformers", source=str(built(name, zoo)))
    with pytest.raises(ModelUnavailable, match="`vocoder: "):
        Engine(spec, CPU, spec.source).load(lambda fraction: None)


def test_what_makes_the_sound_may_lie_in_the_model_s_folder(zoo, tmp_path):
    shutil.copytree(built("speecht5", zoo), tmp_path, dirs_exist_ok=True)
    shutil.copytree(built("speecht5-hifigan", zoo), tmp_path / "vocoder")
    spec = ModelSpec(id="here", engine="speech_transformers", source=str(tmp_path))
    engine = Engine(spec, CPU, spec.source)
    engine.load(lambda fraction: None)
    assert samples(engine).any()


@pytest.mark.parametrize("name", ["csm", "pocket-tts", "vibevoice"])
def test_a_chat_template_that_is_missing_is_named(zoo, tmp_path, name):
    shutil.copytree(built(name, zoo), tmp_path, dirs_exist_ok=True)
    (tmp_path / "chat_template.jinja").unlink()
    with pytest.raises(ModelUnavailable, match="chat template"):
        loaded(zoo, name, tmp_path)


def test_half_the_width_speaks_too(zoo):
    engine = loaded(zoo, "csm", dtype="bfloat16")
    assert engine._speaker._model.dtype.itemsize == 2 and samples(engine).any()


def test_speakers_of_ones_own_are_read(zoo, tmp_path):
    shutil.copytree(built("speecht5", zoo), tmp_path, dirs_exist_ok=True)
    (tmp_path / "speakers").mkdir()
    np.save(tmp_path / "speakers" / "my_aunt.npy", np.random.default_rng(1).standard_normal(512))
    engine = loaded(zoo, "speecht5", tmp_path)
    assert Engine.voices(engine.spec, engine.source) == [{"id": "my_aunt", "name": "my aunt", "language": ""}]
    assert samples(engine).any()
    np.save(tmp_path / "speakers" / "my_aunt.npy", np.zeros(7))
    with pytest.raises(ModelUnavailable, match="7 numbers, it needs 512"):
        run(engine)


def test_marks_of_who_speaks_are_carried_on(engines):
    speaker = engines("dia")._speaker
    text = f"[S1] One. {'Two is longer than the rest. ' * 11}[S2] Three. {'Four goes on and on. ' * 14}"
    assert [part.text[:4] for part in speaker.cut(text)] == ["[S1]", "[S1]", "[S2]"]
    assert [part.text for part in speaker.cut("One. Two.")] == ["One. Two."]
    assert speaker.readable("[S1] ...")[0] == ""


def test_short_sentences_are_spoken_together():
    assert gathered([Part("One."), Part("Two."), Part("Three", False)], 9) == [Part("One. Two."), Part("Three", False)]
