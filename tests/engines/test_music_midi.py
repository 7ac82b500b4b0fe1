"""A tiny GPT-2 over the note vocabulary, random or not, behind the engine: whatever it prefers, music comes out."""

import json
import random
from pathlib import Path

import numpy
import pytest

from studio.engines._note_tokens import METERS, Grammar, duration_positions, duration_token, kind, longest, read, value
from studio.engines._tune_prompt import Wishes, own_words, understand
from studio.engines.music_midi import Composition, Engine, Options
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.notes import from_midi, to_midi
from studio.starters import tunes
from studio.starters.tunes_composer import compose
from studio.starters.tunes_words import prompt_words
from studio.types import Artifact, Device, ModelSpec, Progress, Request

CPU = Device("cpu", "CPU", 10**10)
RATE = 44_100


def tiny_writer(folder: Path) -> Path:
    """A GPT-2 of one layer with random weights over the starter's tokens."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tunes.vocabulary()), n_embd=16, n_layer=1, n_head=2, n_positions=2048)).save_pretrained(
        folder
    )
    tunes.tokenizer().save_pretrained(folder)
    (folder / "prompt_words.json").write_text(json.dumps(prompt_words()))
    return folder


def loaded(source: Path) -> Engine:
    engine = Engine(ModelSpec(id="tiny", engine="music_midi", source=str(source)), CPU, str(source))
    engine.load(lambda fraction: None)
    return engine


def run(engine: Engine, prompt="", seed=3, **options) -> list:
    return list(engine.run(Request(model="tiny", prompt=prompt), Options(**{"duration": 2.0, **options}), seed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny_writer(tmp_path_factory.mktemp("writer"))


@pytest.fixture(scope="module")
def engine(folder) -> Engine:
    return loaded(folder)


@pytest.mark.parametrize("duration", [1, 2.5, 7])
def test_is_exactly_as_long_as_asked(engine, duration):
    artifact = run(engine, duration=duration)[-1]
    assert isinstance(artifact, Artifact) and artifact.medium == "audio"
    assert artifact.data.samples.shape == (round(duration * RATE), 2) and artifact.data.rate == RATE
    assert artifact.piece.notes and max(note.start + note.duration for note in artifact.piece.notes) < duration


def test_a_long_piece_returns_to_its_theme():
    tokens = tunes.write(compose(random.Random(4), "march", "lively", 16))
    meter, tempo = METERS["4/4"], float(value(tokens[5]))
    composition = Composition(60.0, 16, tonic=2)
    assert composition.plan(meter, tempo) == 16 and composition.theme == [] and composition.header == {}
    for token in tokens[1:]:
        composition.take(token)
    assert not composition.finished and (composition.bars_done, composition.bars_total) == (16, 32)
    assert composition.header["Style"] == ["Style_march"] and composition.theme == tokens[1 : tokens.index("Bar_12")]
    for token in tokens[1:]:
        composition.take(token)
    notes = composition.piece().notes
    assert composition.finished and composition.bars_done == 32 and len(notes) % 2 == 0
    assert notes[len(notes) // 2].start == pytest.approx(29.4) and composition.facts(Wishes())["key"].startswith("D ")


@pytest.mark.parametrize("tempo", [50, 120, 180])
@pytest.mark.parametrize("duration", [1, 3, 20, 33.3, 60, 120])
@pytest.mark.parametrize("meter", METERS.values())
def test_the_plan_fits_the_time(meter, duration, tempo):
    composition = Composition(duration, 16, None)
    bars = composition.plan(meter, tempo)
    assert 1 <= bars <= 16
    assert composition.bars_total * meter.bar_seconds(composition._tempo) == pytest.approx(duration - min(1.2, 0.15 * duration))
    assert duration < 10 or tempo / 1.2 < composition._tempo < tempo * 1.2


def test_whole_phrases_are_preferred():
    assert [Composition(20, 16, None)._whole_phrases(needed) for needed in (7.2, 8.9, 13.9, 9.4, 6.0, 2.6, 1.0)] == [8, 8, 12, 8, 6, 3, 1]


def test_reports_bars(engine):
    *steps, artifact = run(engine, duration=6)
    assert all(isinstance(step, Progress) and step.unit == "bar" for step in steps)
    numbers = [step.step for step in steps if step.total]
    assert numbers == sorted(numbers) and numbers[-1] == steps[-1].total == artifact.facts["bars"]


def test_the_seed_makes_the_piece(engine):
    first, again, other = (run(engine, seed=seed)[-1] for seed in (3, 3, 4))
    assert first.piece == again.piece and numpy.array_equal(first.data.samples, again.data.samples)
    assert first.piece != other.piece


def test_stops_within_a_token(engine):
    events = engine.run(Request(model="tiny"), Options(duration=120), 1)
    assert isinstance(next(events), Progress)
    events.close()
    assert isinstance(run(engine)[-1], Artifact)


def test_the_prompt_is_followed_and_the_rest_named(engine):
    facts = run(engine, "A slow waltz in D minor for flute, with zeppelins")[-1].facts
    assert (facts["style"], facts["key"], facts["lead"], facts["unknown_words"]) == ("waltz", "D minor", "flute", ["zeppelins"])
    assert "unknown_words" not in run(engine, "a happy march")[-1].facts


def test_the_key_asked_for_is_the_key_played(engine):
    """The model writes in C; the same notes come out transposed by the shorter way."""
    low = run(engine, "in C major")[-1].piece.notes
    for key, semitones in (("D", 2), ("G", -5), ("A", -3)):
        high = run(engine, f"in {key} major")[-1].piece.notes
        moved = sorted((note.start, note.program, note.pitch + (semitones if note.program < 128 else 0)) for note in low)
        assert moved == sorted((note.start, note.program, note.pitch) for note in high)


def test_the_style_option_wins(engine):
    assert run(engine, "a waltz", style="Techno")[-1].facts["style"] == "techno"
    with pytest.raises(BadRequest, match="no style 'polka'.*bossa") as refused:
        run(engine, style="polka")
    assert refused.value.param == "style"


def test_the_piece_is_a_midi_file(engine):
    piece = run(engine)[-1].piece
    assert len(from_midi(to_midi(piece)).notes) == len(piece.notes)


def test_numbers_that_are_none_are_a_failure(folder):
    import torch

    engine = loaded(folder)
    with torch.no_grad():
        engine._model.transformer.ln_f.weight.fill_(float("nan"))
    with pytest.raises(GenerationFailed, match="damaged"):
        run(engine)


def test_silence_is_a_failure(engine, monkeypatch):
    monkeypatch.setattr("studio.synthesizer.tone", lambda program, pitch, held, rate: numpy.zeros(held, numpy.float32))
    monkeypatch.setattr("studio.synthesizer.drum", lambda key, rate: numpy.zeros(rate, numpy.float32))
    with pytest.raises(GenerationFailed, match="without a sound"):
        run(engine)


def test_a_writer_of_words_is_refused(tmp_path):
    from tokenizers import Tokenizer, models
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    GPT2LMHeadModel(GPT2Config(vocab_size=3, n_embd=8, n_layer=1, n_head=1)).save_pretrained(tmp_path)
    words = Tokenizer(models.WordLevel({"once": 0, "upon": 1, "time": 2}, unk_token="time"))
    PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(tmp_path)
    with pytest.raises(ModelUnavailable, match="does not write notes"):
        loaded(tmp_path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        loaded(tmp_path)


# The grammar.


@pytest.mark.parametrize("meter", METERS)
def test_random_tokens_within_the_grammar_are_a_piece(meter):
    rng = numpy.random.default_rng(1)
    grammar = Grammar(tunes.vocabulary(), lambda *_: 3, {"TimeSig": [f"TimeSig_{meter}"]})
    while not grammar.finished:
        allowed = grammar.allowed()
        assert allowed
        grammar.advance(allowed[rng.integers(len(allowed))])
    notes = read(grammar.tokens).notes
    length = 3 * METERS[meter].bar_seconds(grammar.tempo)
    assert notes and all(0 <= note.start < length and 0 < note.duration <= length - note.start + 1e-6 for note in notes)
    assert [token for token in grammar.tokens if kind(token) == "Bar"] == ["Bar_3", "Bar_2", "Bar_1"]


def test_notes_of_written_tokens():
    header = ["BOS_None", "Style_waltz", "Mood_sad", "Key_C:min", "TimeSig_3/4", "Tempo_60", "Program_73"]
    bar = ["Bar_1", "Chord_C:min", "Program_73", "Position_4", "Duration_1.2.4", "Pitch_72", "Pitch_75", "Position_10", "Pitch_70"]
    bar += ["Program_-1", "Position_0", "PitchDrum_36"]
    piece = read([*header, *bar, "EOS_None"])
    assert [(note.start, note.duration, note.pitch, note.program) for note in piece.notes] == [
        (0.0, 0.25, 36, 128), (1.0, 1.5, 72, 73), (1.0, 1.5, 75, 73), (2.5, 0.5, 70, 73),
    ]  # fmt: skip
    assert (piece.tempo, piece.beats_per_bar) == (60, 3)
    assert [note.pitch for note in read([*header, *bar], transpose=-2).notes] == [36, 70, 73, 68]
    assert read([*header, *bar], tempo=120).notes[-1].start == 1.25


def test_durations_there_and_back():
    assert duration_token(6, 4) == "Duration_1.2.4"
    assert [duration_positions(duration_token(length, 3)) for length in range(1, 13)] == list(range(1, 13))


def test_longest():
    assert longest(tunes.vocabulary()) == 16


# Prompts.


@pytest.mark.parametrize(
    ("prompt", "tonic", "mode"),
    [
        ("a waltz in D minor", 2, "min"),
        ("F sharp major march", 6, "maj"),
        ("B-flat major", 10, "maj"),
        ("lullaby in Bb", 10, ""),
        ("techno in Am", 9, "min"),
        ("g# minor", 8, "min"),
        ("key of E♭", 3, ""),
        ("rock in Cb major", 11, "maj"),
        ("something minor", None, "min"),
        ("a march in band", None, ""),
        ("a waltz", None, ""),
    ],
)
def test_keys(prompt, tonic, mode):
    wishes = understand(prompt, tunes.vocabulary(), prompt_words())
    assert wishes.tonic == tonic
    assert wishes.tokens.get("Key") == ([f"Key_C:{mode}"] if mode else ["Key_C:maj", "Key_C:min"] if tonic is not None else None)


def test_a_model_that_knows_every_key_is_asked_for_it():
    keys = [f"Key_{tonic}:{mode}" for tonic in ("C", "D") for mode in ("maj", "min")]
    assert understand("in D minor", keys, {}).tokens == {"Key": ["Key_D:min"]}


def test_tempo_phrases_and_unknown_words():
    wishes = understand("Bossa nova, 97 BPM for music box; quick quick zebra", tunes.vocabulary(), prompt_words())
    assert wishes.tokens["Style"] == ["Style_bossa"] and wishes.tokens["Program"] == ["Program_10"]
    assert wishes.tokens["Tempo"][0] == "Tempo_95" and wishes.unknown == ["zebra"]


def test_words_of_a_model_that_brings_none():
    words = own_words(["Style_polka", "Mood_gay", "Pitch_60"])
    assert words == {"polka": ["Style_polka"], "gay": ["Mood_gay"]}
