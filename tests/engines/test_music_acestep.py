"""A real ACE-Step pipeline with tiny random weights, read by the engine."""

import math
from pathlib import Path

import numpy
import pytest
import soundfile

from studio.engines.music_acestep import Engine, Options
from studio.errors import BadRequest, ModelUnavailable
from studio.types import Artifact, Device, ModelSpec, Progress, Request
from tests.zoo import built
from tests.zoo.music import RATE

CPU = Device("cpu", "CPU", 10**10)


def loaded(folder: Path) -> Engine:
    engine = Engine(ModelSpec(id="tiny", engine="music_acestep", source=str(folder), title="Tiny"), CPU, str(folder))
    engine.load(lambda fraction: None)
    return engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> Engine:
    return loaded(built("ace-step", tmp_path_factory.mktemp("zoo")))


def run(engine: Engine, seed=3, audio: Path | None = None, **options) -> list:
    request = Request(model="tiny", prompt="calm piano", inputs={"audio": str(audio)} if audio else {})
    return list(engine.run(request, Options(**{"duration": 1.0, "steps": 2, **options}), seed))


def samples_of(*arguments, **options):
    return run(*arguments, **options)[-1].data.samples


@pytest.fixture
def clip(tmp_path) -> Path:
    time = numpy.arange(2 * RATE) / RATE
    soundfile.write(tmp_path / "clip.wav", numpy.repeat(0.3 * numpy.sin(2 * math.pi * 220 * time)[:, None], 2, 1), RATE, subtype="FLOAT")
    return tmp_path / "clip.wav"


def test_makes_a_song_and_reports_its_steps(engine):
    *steps, artifact = run(engine, duration=1.5, lyrics="[verse]\nla la")
    assert artifact.data.samples.shape == (1.5 * RATE, 2) and artifact.data.rate == RATE
    assert [(step.step, step.total) for step in steps] == [(1, 2), (2, 2)]


def test_each_option_makes_a_difference(engine):
    plain = samples_of(engine)
    assert numpy.array_equal(plain, samples_of(engine))
    for option in ({"seed": 4}, {"lyrics": "la la"}, {"language": "de"}, {"bpm": 90}, {"key": "C major"}, {"meter": "3"},
                   {"guidance_scale": 1}):  # fmt: skip
        assert not numpy.array_equal(plain, samples_of(engine, **option)), option


def test_stops_within_a_step(engine):
    events = engine.run(Request(model="tiny", prompt="calm"), Options(duration=1, steps=100), 1)
    assert isinstance(next(events), Progress)
    events.close()
    assert isinstance(run(engine)[-1], Artifact)


def test_goes_on_after_a_sound_at_its_loudness(engine, clip):
    given = soundfile.read(clip, always_2d=True)[0]
    whole = samples_of(engine, audio=clip)
    assert whole.shape == (3 * RATE, 2)
    assert numpy.allclose(whole[: int(1.9 * RATE)], given[: int(1.9 * RATE)], atol=1e-3)
    assert abs(whole[2 * RATE :]).max() > 1e-3
    assert numpy.array_equal(whole, samples_of(engine, audio=clip))


def test_makes_a_part_of_a_sound_anew(engine, clip):
    given = soundfile.read(clip, always_2d=True)[0]
    whole = samples_of(engine, audio=clip, repaint_from=0.5, repaint_to=1.0)
    changed = numpy.flatnonzero(abs(whole - given).max(1) > 2e-3) / RATE
    assert whole.shape == given.shape and 0.4 < changed.min() < 0.55 and 0.95 < changed.max() < 1.1


def test_covers_a_sound(engine, clip):
    little, much = samples_of(engine, audio=clip, strength=0.1), samples_of(engine, audio=clip, strength=1)
    assert little.shape == much.shape == (2 * RATE, 2) and not numpy.array_equal(little, much)
    assert numpy.array_equal(little, samples_of(engine, audio=clip, strength=0.1))


def test_what_it_cannot_do_is_refused(engine, clip, monkeypatch):
    with pytest.raises(BadRequest, match="no sound to begin from"):
        run(engine, repaint_from=1)
    with pytest.raises(BadRequest, match="nothing between"):
        run(engine, audio=clip, repaint_from=2.5)
    monkeypatch.setattr(engine._pipeline, "is_turbo", True)
    with pytest.raises(BadRequest, match="Tiny is a turbo model"):
        run(engine, guidance_scale=5)
    monkeypatch.setattr(engine._pipeline, "audio_tokenizer", None)
    with pytest.raises(BadRequest, match="cannot cover"):
        run(engine, audio=clip, strength=0.5)


def test_a_pipeline_without_lyrics_is_sent_to_its_own_engine(tmp_path):
    with pytest.raises(ModelUnavailable, match="engine: music_diffusers"):
        loaded(built("audioldm", tmp_path))
