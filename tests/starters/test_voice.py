"""The voice's recipe piece by piece, and the shipped voice through the speech engine."""

import ctypes
import random

import numpy as np
import pytest

from studio import starters
from studio.starters import voice_signal as signal
from studio.starters.voice_alignment import LEAST, LetterSounds, letter_starts
from studio.starters.voice_words import Corpus
from studio.types import Device, ModelSpec, Request

SHIPPED = starters.weights("voice")


def has_espeak() -> bool:
    try:
        ctypes.CDLL("libespeak-ng.so.1")
    except OSError:
        return False
    return True


needs_espeak = pytest.mark.skipif(not has_espeak(), reason="espeak-ng is not installed; only training needs it")


def vowel(pitch: float, rate: int = 22_050, seconds: float = 0.5) -> np.ndarray:
    """Harmonics of `pitch` with a formant at 700 Hz."""
    time = np.arange(int(rate * seconds)) / rate
    numbers = np.arange(1, int(8000 / pitch))
    strengths = 1 / (1 + ((numbers * pitch - 700) / 150) ** 2)
    return (strengths[:, None] * np.cos(2 * np.pi * pitch * numbers[:, None] * time)).sum(0).astype(np.float32) * 0.1


def voiced_and_noise(samples: np.ndarray, pitch: float) -> tuple[signal.Frames, np.ndarray]:
    frames = signal.Analyser(22_050, pitch).frames(samples)
    return frames, signal.noisiness(frames.voicing, np.zeros(len(frames.voicing), bool))


def test_a_vowel_is_voiced_and_keeps_its_formant_and_level():
    samples = vowel(157.5)
    frames, share = voiced_and_noise(samples, 157.5)
    assert frames.voicing[5:-5].min() > 0.9
    for voice in signal.VOICES:
        spectra = signal.harmonics(frames.density, share, voice)
        strongest = (np.abs(spectra[20]).argmax() + 1) * 100
        assert abs(strongest - 700 * voice.formants) <= voice.pitch / 2 + 50
        sound = signal.overlap_add(np.concatenate((spectra.real, spectra.imag), 1) @ signal.period_basis())
        assert sound[1600:-1600].std() == pytest.approx(samples.std(), rel=0.35)


def test_each_frame_of_a_steady_vowel_is_the_same_period():
    frames, share = voiced_and_noise(vowel(157.5), 157.5)
    for voice in signal.VOICES:
        spectra = signal.harmonics(frames.density[20:21], share[20:21], voice).repeat(12, 0)
        sound = signal.overlap_add(np.concatenate((spectra.real, spectra.imag), 1) @ signal.period_basis())
        period = signal.RATE // voice.pitch
        assert np.allclose(sound[800 : 800 + period], sound[800 + period : 800 + 2 * period], atol=1e-6)


def test_noise_is_noise_of_the_same_level():
    generator = np.random.default_rng(0)
    samples = (generator.standard_normal(22_050) * 0.1).astype(np.float32)
    frames, share = voiced_and_noise(samples, 157.5)
    assert frames.voicing[5:-5].mean() < 0.1
    levels = np.repeat(signal.noise_levels(frames.density, share), signal.PATTERNS, 1)
    sound = signal.overlap_add(np.exp(levels) * generator.standard_normal(levels.shape) @ signal.noise_basis())
    heard = 8000 / 11_025 * samples.std() ** 2  # the part below 8 kHz
    assert sound[1600:-1600].std() ** 2 == pytest.approx(heard, rel=0.3)


def test_the_decoder_is_the_overlap_of_its_components():
    import torch

    from studio.starters import voice_model as model

    generator = np.random.default_rng(0)
    spectra = generator.standard_normal((400, signal.HARMONICS)) + 1j * generator.standard_normal((400, signal.HARMONICS))
    components = model.Components.learn((spectra * 0.01).astype(np.complex64))
    network = model.build(components)
    latents = generator.standard_normal((9, model.LATENTS)).astype(np.float32) * 0.1
    with torch.no_grad():
        sound = network.decoder(torch.from_numpy(latents.T[None]), torch.zeros(1, 16, 1)).flatten().numpy()
    first, second = np.split(components.basis(), 2)
    expected = model.GAIN * signal.overlap_add(latents @ np.concatenate((first, signal.noise_basis(), second)))
    assert np.abs(np.arctanh(sound) - expected).max() < 1e-4
    again = model.Components.read(network)
    assert np.allclose(again.weighted(), components.weighted(), atol=1e-4 * components.scale)


def test_the_flow_lets_the_noise_pass():
    import torch

    from studio.starters import voice_model as model

    torch.manual_seed(0)
    network = model.build(model.Components.learn(np.ones((4, signal.HARMONICS), np.complex64)))
    for flow in network.flow.flows:
        torch.nn.init.normal_(flow.conv_post.weight)
    model.pin(network)
    prior = torch.randn(1, model.LATENTS, 20)
    with torch.no_grad():
        latents = network.flow(prior, torch.ones(1, 1, 20), torch.zeros(1, 16, 1), reverse=True)
    assert torch.equal(latents[:, model.NOISE], prior[:, model.NOISE])
    assert (latents - prior).abs().max() > 1


def test_letters_find_their_sounds():
    spellings = "hip hop sip cap lip lap pill sap hill lick clock pick"
    phonemes = "h.I.p h.0.p s.I.p k.a.p l.I.p l.a.p p.I.l s.a.p h.I.l l.I.k k.l.0.k p.I.k"
    letters = LetterSounds()
    letters.fit([(word, tuple(sounds.split("."))) for word, sounds in zip(spellings.split(), phonemes.split(), strict=True)])
    assert letters.align((" hip", ("h", "I", "p"))) == (0, 1, 1, 1)
    assert letters.align(("cliff,", ("k", "l", "I", "f", "_:")))[:3] == (1, 1, 1)
    assert sum(letters.align(("pills", ("p", "I", "l", "z")))) == 4


def test_every_letter_gets_its_frames():
    letters = LetterSounds()
    units = [("though", ("D", "oU"))]
    letters.fit(units)
    starts = letter_starts(units, [0.0, 5.0], letters, 14)
    assert len(starts) == 6 and np.diff(starts, append=14).min() >= LEAST
    assert letter_starts(units, [0.0, 5.0], letters, 11) is None


def test_sentences_need_no_installed_packages():
    corpus = Corpus(files=0)
    corpus.random = random.Random(1)
    texts = [corpus.sentence() for _ in range(50)]
    assert len(set(texts)) > 45
    assert {letter for text in texts for letter in text} <= set("abcdefghijklmnopqrstuvwxyz ',.!?")


@needs_espeak
def test_an_example_holds_together():
    from studio.starters.voice_data import LEAD, VOCABULARY, Speaker

    speaker = Speaker(Corpus(files=0), learn_from=40)
    example = speaker.example("the cat, please.", sound=True)
    assert example.ids.tolist()[1::2] == [VOCABULARY[letter] for letter in "the cat, please."]
    assert len(example.ids) == len(example.durations) == len(example.sounds) == 2 * len("the cat, please.") + 1
    frames = example.durations.sum()
    assert example.durations.min() >= 1 and example.durations[0] >= LEAD
    assert example.spectra.shape == (len(signal.VOICES), frames, signal.HARMONICS)
    assert example.levels.shape == (frames, signal.BANDS)
    assert speaker.example("naïve") is None


@needs_espeak
def test_a_few_steps_of_training_lower_the_losses(monkeypatch):
    import torch

    from studio.starters import voice
    from studio.starters.voice_data import Speaker
    from studio.starters.voice_model import Components, build

    torch.manual_seed(0)
    monkeypatch.setattr(voice, "SOUNDED", 3)
    speaker = Speaker(Corpus(files=0), learn_from=40)
    examples = [speaker.sound() for _ in range(voice.SOUNDED)] + [speaker.spelling() for _ in range(2)]
    components = Components.learn(np.concatenate([example.spectra[0] for example in examples[: voice.SOUNDED]]))
    losses = voice.Losses(build(components), components)
    before = {name: value.item() for name, value in losses(examples, voice=1).items()}
    assert set(before) == set(voice.WEIGHTS) and all(np.isfinite(list(before.values())))
    optimizers = voice._optimizers(losses)
    for _ in range(3):
        losses.zero_grad()
        sum(losses(examples, voice=1).values()).backward()
        for optimizer in optimizers:
            optimizer.step()
    assert sum(value.item() for value in losses(examples, voice=1).values()) < sum(before.values())


# The shipped voice.


@pytest.fixture(scope="module")
def engine():
    from studio.engines.speech_transformers import Engine

    made = Engine(ModelSpec(id="voice", engine="speech_transformers", source=str(SHIPPED)), Device("cpu", "CPU", 10**10), str(SHIPPED))
    made.load(lambda fraction: None)
    return made


def say(engine, text: str, **options) -> np.ndarray:
    from studio.engines.speech_transformers import Options

    sound = list(engine.run(Request(model="voice", prompt=text), Options(**options), 1))[-1].data
    assert sound.rate == signal.RATE
    return sound.samples[:, 0]


def test_the_shipped_weights_are_small_and_safe():
    files = [path for path in SHIPPED.iterdir() if path.suffix in (".safetensors", ".bin", ".pt", ".pth", ".ckpt")]
    assert [path.name for path in files] == ["model.safetensors"]
    assert files[0].stat().st_size <= 12_000_000


def test_the_shipped_voices_are_named(engine):
    assert [voice["id"] for voice in engine.voices(engine.spec, engine.source)] == [voice.id for voice in signal.VOICES]
    assert all(voice["language"] == "en" for voice in engine.voices(engine.spec, engine.source))


@pytest.mark.parametrize("voice", signal.VOICES, ids=lambda voice: voice.id)
def test_the_shipped_voice_is_audible_and_voiced(engine, voice):
    sound = say(engine, "The old man and the moon are alone on the hill.", voice=voice.id)
    assert 1.5 < len(sound) / signal.RATE < 6
    assert 0.02 < sound.std() < 0.3 and np.abs(sound).max() > 0.15
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / signal.RATE)
    below = frequencies < 4000
    harmonic = np.abs((frequencies + voice.pitch / 2) % voice.pitch - voice.pitch / 2) < voice.pitch / 10
    assert power[below].sum() > 0.8 * power.sum()
    assert power[below & harmonic].sum() > 0.6 * power[below].sum()


def test_the_shipped_voice_hisses_where_it_should(engine):
    def high_share(text: str) -> float:
        power = np.abs(np.fft.rfft(say(engine, text))) ** 2
        return power[len(power) // 2 :].sum() / power.sum()

    assert high_share("six sisters sit.") > 3 * high_share("more room.")


def test_the_shipped_voice_is_silent_at_pauses(engine):
    sound = say(engine, "Good morning. Good night.", pause=0.4)
    frames = np.sqrt((sound[: len(sound) // 160 * 160].reshape(-1, 160) ** 2).mean(1))
    assert (frames < 0.003).sum() >= 40
    assert frames.max() > 0.05


def test_the_shipped_voice_says_each_word_its_own_way(engine):
    assert len(say(engine, "A cat.")) < len(say(engine, "An elephant in the kitchen."))
    cat, dog = say(engine, "cat.", noise_scale=0.0), say(engine, "dog.", noise_scale=0.0)
    shared = min(len(cat), len(dog))
    assert np.corrcoef(cat[:shared], dog[:shared])[0, 1] < 0.9
