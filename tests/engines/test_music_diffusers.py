"""The real sound pipelines of diffusers with tiny random weights, read by the engine from folders like the published ones."""

import math
from pathlib import Path

import numpy
import pytest
import soundfile

from studio.engines.music_diffusers import Engine, Options
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.types import Artifact, Device, ModelSpec, Progress, Request
from tests.zoo import built
from tests.zoo.music import RATE

CPU = Device("cpu", "CPU", 10**10)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """Return a function from a name of the zoo to its engine, loaded."""
    root, engines = tmp_path_factory.mktemp("zoo"), {}

    def get(name: str) -> Engine:
        if name not in engines:
            engines[name] = loaded(built(name, root))
        return engines[name]

    return get


def loaded(folder: Path) -> Engine:
    engine = Engine(ModelSpec(id="tiny", engine="music_diffusers", source=str(folder), title="Tiny"), CPU, str(folder))
    engine.load(lambda fraction: None)
    return engine


def run(engine: Engine, seed=3, audio: Path | None = None, **options) -> list:
    request = Request(model="tiny", prompt="calm piano", inputs={"audio": str(audio)} if audio else {})
    return list(engine.run(request, Options(**{"duration": 1.0, "steps": 3, **options}), seed))


def samples_of(*arguments, **options):
    return run(*arguments, **options)[-1].data.samples


@pytest.fixture
def clip(tmp_path) -> Path:
    """Two seconds of a tone in two channels."""
    time = numpy.arange(2 * RATE) / RATE
    soundfile.write(tmp_path / "clip.wav", numpy.repeat(0.3 * numpy.sin(2 * math.pi * 220 * time)[:, None], 2, 1), RATE, subtype="FLOAT")
    return tmp_path / "clip.wav"


KINDS = {"stable-audio-open": 2, "stable-audio-3": 2, "audioldm2": 1, "audioldm": 1, "musicldm": 1}


@pytest.mark.parametrize(("name", "channels"), KINDS.items())
def test_makes_sound_of_the_length_asked_for_and_reports_its_steps(zoo, name, channels):
    *steps, artifact = run(zoo(name), duration=1.5)
    assert artifact.data.samples.shape == (1.5 * RATE, channels) and artifact.data.samples.dtype == numpy.float32
    assert artifact.facts == {"duration": 1.5, "sample_rate": RATE, "channels": channels}
    assert [(step.step, step.total, step.unit) for step in steps] == [(1, 3, "step"), (2, 3, "step"), (3, 3, "step")]


@pytest.mark.parametrize("name", KINDS)
def test_the_seed_makes_the_sound(zoo, name):
    first, again, other = (samples_of(zoo(name), seed=seed) for seed in (3, 3, 4))
    assert numpy.array_equal(first, again) and not numpy.array_equal(first, other)


@pytest.mark.parametrize("name", ["stable-audio-open", "stable-audio-3"])
def test_stops_within_a_step(zoo, name):
    events = zoo(name).run(Request(model="tiny", prompt="calm"), Options(duration=1, steps=100), 1)
    assert isinstance(next(events), Progress)
    events.close()
    assert isinstance(run(zoo(name))[-1], Artifact)


def test_what_is_kept_out_makes_a_difference_with_guidance(zoo):
    open_ = zoo("stable-audio-open")
    assert not numpy.array_equal(samples_of(open_), samples_of(open_, negative_prompt="drums"))
    assert not numpy.array_equal(samples_of(open_), samples_of(open_, guidance_scale=1))


def test_what_a_model_cannot_use_is_refused_by_name(zoo, clip):
    cases = [
        ("stable-audio-3", {"negative_prompt": "drums"}, "guidance_scale above 1"),
        ("stable-audio-3", {"negative_prompt": "drums", "audio": clip}, "Tiny cannot be told what to keep out"),
        ("stable-audio-3", {"guidance_scale": 3, "audio": clip}, "Tiny has no guidance for this"),
        ("stable-audio-3", {"strength": 0.5, "repaint_to": 1, "audio": clip}, "all of the sound is varied"),
        ("stable-audio-3", {"repaint_from": 1.5, "repaint_to": 1, "audio": clip}, "nothing between 1.5 s and 1 s of a sound of 2.0 s"),
        ("stable-audio-open", {"strength": 0.5}, "no sound to begin from"),
        ("stable-audio-open", {"audio": clip}, "cannot go on after a sound"),
        ("stable-audio-open", {"duration": 30}, "Tiny makes 2.6 s at most"),
        ("audioldm2", {"audio": clip}, "from words alone"),
    ]
    for name, options, message in cases:
        with pytest.raises(BadRequest, match=message):
            run(zoo(name), **options)


def test_goes_on_after_a_sound(zoo, clip):
    given = soundfile.read(clip, always_2d=True)[0]
    whole = samples_of(zoo("stable-audio-3"), audio=clip, duration=1)
    assert whole.shape == (3 * RATE, 2)
    assert numpy.allclose(whole[: int(1.9 * RATE)], given[: int(1.9 * RATE)], atol=1e-3)
    assert abs(whole[2 * RATE :]).max() > 1e-3
    assert numpy.array_equal(whole, samples_of(zoo("stable-audio-3"), audio=clip, duration=1))


def test_makes_a_part_of_a_sound_anew(zoo, clip):
    given = soundfile.read(clip, always_2d=True)[0]
    whole = samples_of(zoo("stable-audio-3"), audio=clip, repaint_from=0.5, repaint_to=1.0)
    changed = numpy.flatnonzero(abs(whole - given).max(1) > 2e-3) / RATE
    assert whole.shape == given.shape and 0.4 < changed.min() < 0.55 and 0.95 < changed.max() < 1.1


@pytest.mark.parametrize("name", ["stable-audio-open", "stable-audio-3"])
def test_varies_a_sound(zoo, clip, name):
    little, much, again = (samples_of(zoo(name), audio=clip, strength=strength) for strength in (0.05, 1, 0.05))
    assert little.shape == much.shape == (2 * RATE, 2)
    assert numpy.array_equal(little, again) and not numpy.array_equal(little, much)


def test_the_sampler_of_stable_audio_open_has_its_published_sigmas(zoo):
    scheduler = zoo("stable-audio-open")._pipeline.scheduler
    scheduler.set_timesteps(5)
    expected = numpy.exp(numpy.linspace(math.log(500), math.log(0.3), 5))
    assert numpy.allclose(scheduler.sigmas[:-1], expected, rtol=1e-4) and scheduler.sigmas[-1] == 0
    assert numpy.allclose(scheduler.timesteps, 2 / math.pi * numpy.arctan(expected), rtol=1e-4)
    varying = scheduler.varying(0.5)
    assert math.isclose(varying.config.sigma_max, math.sqrt(0.3 * 500)) and scheduler.config.sigma_max == 500


def test_numbers_that_are_none_are_a_failure(zoo, tmp_path):
    import torch

    engine = loaded(built("stable-audio-3", tmp_path))
    with torch.no_grad():
        for weight in engine._pipeline.transformer.parameters():
            weight.fill_(float("nan"))
    with pytest.raises(GenerationFailed, match="damaged"):
        run(engine)


def test_a_pipeline_of_songs_is_sent_to_its_own_engine(tmp_path):
    with pytest.raises(ModelUnavailable, match="engine: music_acestep"):
        loaded(built("ace-step", tmp_path))


def test_a_pipeline_of_pictures_is_refused(tmp_path):
    with pytest.raises(ModelUnavailable, match="makes no sound"):
        loaded(built("stable-diffusion-1", tmp_path))
