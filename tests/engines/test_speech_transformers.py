"""Real VITS models with tiny random weights, of one voice and of several."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from studio.engines._spoken import spoken
from studio.engines.speech_transformers import Engine, Options
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.types import Artifact, Device, ModelSpec, Progress, Request
from tests.zoo.speech import vits

CPU = Device("cpu", "CPU", 10**10)


def tiny_vits(folder: Path, speakers: int = 1) -> Path:
    """A VitsModel of some 50,000 random weights: 16 kHz, 64 samples a frame."""
    import torch

    torch.manual_seed(0)
    vits(folder, speakers)
    return folder


def engine_of(folder: Path) -> Engine:
    return Engine(ModelSpec(id="tiny", engine="speech_transformers", source=str(folder)), CPU, str(folder))


def loaded(folder: Path) -> Engine:
    engine = engine_of(folder)
    engine.load(lambda fraction: None)
    return engine


@pytest.fixture(scope="module")
def single(tmp_path_factory) -> Engine:
    return loaded(tiny_vits(tmp_path_factory.mktemp("single")))


@pytest.fixture(scope="module")
def several(tmp_path_factory) -> Engine:
    folder = tiny_vits(tmp_path_factory.mktemp("several"), speakers=3)
    (folder / "voices.json").write_text(json.dumps([{"id": "ann", "name": "Ann"}, {"id": "bob", "name": "Bob", "language": "en"}]))
    return loaded(folder)


def run(engine: Engine, prompt="Hello there. How are you?", seed=3, **options) -> list:
    return list(engine.run(Request(model="tiny", prompt=prompt), Options(**options), seed))


def samples(engine: Engine, *args, **options) -> np.ndarray:
    return run(engine, *args, **options)[-1].data.samples


def test_a_text_becomes_sound(single):
    events = run(single)
    assert {(event.step, event.total) for event in events if isinstance(event, Progress)} == {(0, 2), (1, 2), (2, 2)}
    artifact = events[-1]
    assert isinstance(artifact, Artifact) and artifact.medium == "audio" and artifact.seed == 3
    sound = artifact.data
    assert sound.rate == 16_000 and sound.samples.dtype == np.float32 and sound.samples.shape[1:] == (1,)
    assert np.abs(sound.samples).max() <= 1
    assert artifact.facts["sentences"] == 2 and artifact.facts["dropped"] == [] and artifact.facts["voice"] == ""
    assert artifact.facts["seconds"] == pytest.approx(len(sound.samples) / 16_000, abs=0.01)


def test_the_same_seed_gives_the_same_samples(single):
    assert np.array_equal(samples(single), samples(single))
    assert not np.array_equal(samples(single)[:1000], samples(single, seed=4)[:1000])


def test_chance_can_be_switched_off(single):
    assert np.array_equal(samples(single, noise_scale=0.0), samples(single, seed=4, noise_scale=0.0))


def test_speed_changes_the_length(single):
    slow, fast = (len(samples(single, "a long walk in the rain", speed=speed)) for speed in (0.25, 1.0))
    assert slow > 2 * fast


def test_the_pause_stands_between_sentences(single):
    without, with_pause = (samples(single, pause=pause) for pause in (0.0, 1.0))
    assert len(with_pause) - len(without) == 16_000
    first = len(samples(single, "Hello there."))
    assert not with_pause[first : first + 16_000].any()


def test_a_sentence_sounds_the_same_alone_and_first(single):
    alone = samples(single, "Hello there.")
    assert np.array_equal(samples(single, "Hello there. How are you?")[: len(alone)], alone)


def test_the_parts_say_where_they_are_and_by_which_seed(single):
    artifact = run(single, "Hello there. How are you?", pause=0.5)[-1]
    first, second = artifact.facts["parts"]
    assert [first["text"], second["text"]] == ["Hello there.", "How are you?"] and [first["seed"], second["seed"]] == [3, 4]
    assert first["start"] == 0 and second["start"] == pytest.approx(first["end"] + 0.5, abs=0.001)
    assert second["end"] == pytest.approx(len(artifact.data.samples) / 16_000, abs=0.001)


def test_one_part_is_spoken_anew(single, monkeypatch):
    whole = run(single, "Hello there. How are you?")[-1]
    spoken_texts = []
    speak = single._speaker.speak
    monkeypatch.setattr(single._speaker, "speak", lambda text, *rest: spoken_texts.append(text) or speak(text, *rest))
    anew = run(single, "Hello there. How are you?", seeds=[3, 99])[-1]
    begin = round(whole.facts["parts"][1]["start"] * 16_000)
    assert spoken_texts == ["How are you?"] and anew.facts["parts"][1]["seed"] == 99
    assert np.array_equal(anew.data.samples[:begin], whole.data.samples[:begin])
    assert not np.array_equal(anew.data.samples[begin:], whole.data.samples[begin:])


def test_what_is_remembered_is_what_would_be_spoken(single):
    remembered = samples(single, "Hello there. How are you?", seeds=[3, 99])
    assert np.array_equal(samples(loaded(Path(single.source)), "Hello there. How are you?", seeds=[3, 99]), remembered)


@pytest.mark.parametrize(("seeds", "said"), [([1], "1 seeds were given, and the text has 2 parts"), ([1, -1], "between 0 and")])
def test_seeds_have_to_fit(single, seeds, said):
    with pytest.raises(BadRequest, match=said) as caught:
        run(single, "Hello there. How are you?", seeds=seeds)
    assert caught.value.param == "seeds"


def test_an_option_of_other_models_is_refused(single):
    with pytest.raises(BadRequest, match="no temperature to set") as caught:
        run(single, temperature=0.5)
    assert caught.value.param == "temperature"


def test_voices_are_listed_by_name_and_number(single, several):
    assert Engine.voices(single.spec, single.source) == []
    assert Engine.voices(several.spec, several.source) == [
        {"id": "ann", "name": "Ann", "language": "eng"},
        {"id": "bob", "name": "Bob", "language": "en"},
        {"id": "2", "name": "Voice 2", "language": "eng"},
    ]


def test_each_voice_speaks_its_own_way(several):
    first, ann, bob = (run(several, voice=voice)[-1] for voice in ("", "ann", "bob"))
    assert first.facts["voice"] == ann.facts["voice"] == "ann" and bob.facts["voice"] == "bob"
    assert np.array_equal(first.data.samples, ann.data.samples)
    assert ann.data.samples.shape != bob.data.samples.shape or not np.array_equal(ann.data.samples, bob.data.samples)


@pytest.mark.parametrize(("name", "right"), [("several", "ann, bob, 2"), ("single", "one voice")])
def test_an_unknown_voice_is_refused(name, right, request):
    with pytest.raises(BadRequest, match=right) as caught:
        run(request.getfixturevalue(name), voice="carl")
    assert caught.value.param == "voice"


@pytest.mark.parametrize("prompt", ["🎉🎉", "...", "", "   \n", "日本"])
def test_what_cannot_be_spoken_is_refused(single, prompt):
    with pytest.raises(BadRequest, match="Nothing here can be spoken") as caught:
        run(single, prompt)
    assert caught.value.param == "prompt"
    assert all(letter in str(caught.value) for letter in set(prompt) & set("🎉日本"))


def test_unknown_characters_are_left_out_and_named(single):
    assert run(single, "Hello 🎉 there #")[-1].facts["dropped"] == ["#", "🎉"]
    assert np.array_equal(samples(single, "Hello #there"), samples(single, "Hello there"))


def test_numbers_are_spelled(single):
    assert np.array_equal(samples(single, "21 cats"), samples(single, "twenty one cats"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Who paid $1,234.50 — 50%!", "doctor Who paid one thousand two hundred and thirty four point five dollars - fifty percent!"),
        ("On the 21st of May 1999 at 12:30", "On the twenty-first of May nineteen ninety-nine at twelve thirty"),
        ("the BBC’s café & bar", "the bee bee see's cafe and bar"),
        ("1.2.3", "one two three"),
    ],
)
def test_english_is_written_as_it_is_spoken(text, expected):
    assert spoken(text, "eng", set(" abcdefghijklmnopqrstuvwxyz'.,!?-")) == expected


def test_other_languages_have_their_own_numbers():
    assert (
        spoken("1.200 Äpfel für 3,5", "deu", set(" abcdefghijklmnopqrstuvwxyzäöüß.,")) == "eintausendzweihundert Äpfel für drei Komma fünf"
    )
    assert spoken("12 ñ", "", set(" abcn")) == "12 n"


def test_closing_stops_between_the_parts(single, monkeypatch):
    spoken_texts = []
    speak = single._speaker.speak
    monkeypatch.setattr(single._speaker, "speak", lambda text, *rest: spoken_texts.append(text) or speak(text, *rest))
    events = single.run(Request(model="tiny", prompt="One. " * 50), Options(), 1)
    next(events)
    next(events)
    events.close()
    assert len(spoken_texts) <= 3


def test_a_stop_takes_effect_inside_a_part(single, monkeypatch):
    monkeypatch.setattr("studio.engines.speech_transformers.LOOK", 0.0)
    steps = [event.step for event in run(single, "Hello there.") if isinstance(event, Progress)]
    assert steps.count(0) > 3
    assert not single._speaker._model.decoder.upsampler[0]._forward_pre_hooks


def test_silence_and_broken_numbers_are_failures(single, monkeypatch):
    import torch

    decoder = single._speaker._model.decoder
    single._heard.clear()
    for value, said in ((0.0, "made no sound"), (0.4, "made no sound"), (float("nan"), "is no number"), (1.0, "made no sound")):
        monkeypatch.setattr(decoder, "forward", lambda latents, speaker, value=value: torch.full((1, 1, latents.shape[-1] * 64), value))
        with pytest.raises(GenerationFailed, match=said):
            run(single)


def copied(engine: Engine, folder: Path) -> Path:
    shutil.copytree(engine.source, folder, dirs_exist_ok=True)
    return folder


def test_a_cut_file_is_refused(single, tmp_path):
    weights = copied(single, tmp_path) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelUnavailable, match="tiny cannot be loaded"):
        loaded(tmp_path)


def test_pickles_are_refused(single, tmp_path):
    (copied(single, tmp_path) / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match="pickles"):
        loaded(tmp_path)


def test_missing_weights_are_refused(single, tmp_path):
    from safetensors.torch import load_file, save_file

    path = copied(single, tmp_path) / "model.safetensors"
    weights = load_file(path)
    del weights["decoder.conv_pre.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(ModelUnavailable, match="decoder.conv_pre.weight"):
        loaded(tmp_path)


def test_other_models_are_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    assert Engine.voices(engine_of(tmp_path).spec, str(tmp_path)) == []
    with pytest.raises(ModelUnavailable, match="whisper"):
        loaded(tmp_path)


def test_a_missing_library_is_named(single, tmp_path, monkeypatch):
    settings = copied(single, tmp_path) / "tokenizer_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "is_uroman": True}))
    monkeypatch.setattr("studio.engines._speech_vits.find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match="pip install uroman"):
        loaded(tmp_path)
