"""The composer keeps its rules, its tunes become tokens, the recipe trains, and the shipped model writes music."""

import random

import pytest

from studio import starters
from studio.engines._note_tokens import Grammar, kind, read
from studio.starters import tunes
from studio.starters.run import Run
from studio.starters.tunes_check import Judge, ask, composed, score
from studio.starters.tunes_composer import MAX_BARS, compose, form, strokes
from studio.starters.tunes_styles import MOODS, RHYTHMS, STYLES
from studio.starters.tunes_words import prompt_words

SHIPPED = starters.weights("tunes")


def all_tunes(count: int):
    return [compose(random.Random(seed), style, mood) for style in STYLES for mood in MOODS for seed in range(count)]


def _plan(tune):
    return lambda meter, tempo: len(tune.bars)


def test_strokes_of_a_pattern():
    assert strokes("x--.12-.") == [(0, 3, "x"), (4, 1, "1"), (5, 2, "2")]


def test_form():
    assert [section for section, _ in form(16)] == ["verse"] * 4 + ["close"] * 4 + ["bridge"] * 4 + ["end"] * 4
    assert form(6) == [("intro", 0), ("intro", 1), ("end", 0), ("end", 1), ("end", 2), ("end", 3)]
    assert form(1) == [("end", 3)]
    assert all(len(form(bars)) == bars and form(bars)[-1] == ("end", 3) for bars in range(1, MAX_BARS + 1))


@pytest.mark.parametrize("style", STYLES)
def test_patterns_fill_a_bar(style):
    one = STYLES[style]
    length = tunes.METERS[one.meter].positions
    grids = [*one.comp, *one.bass, *(grid for kit in one.kit for grid in kit.values())]
    grids += [grid for table in (one.rhythms, RHYTHMS[one.meter]) for group in table.values() for grid in group]
    assert {len(grid) for grid in grids} == {length}


@pytest.mark.parametrize("style", STYLES)
def test_composed_tunes_keep_the_rules(style):
    for seed in range(12):
        shares = score(composed(random.Random(seed), style))
        assert set(shares.values()) == {1.0}, (seed, shares)


def test_the_verse_opens_and_the_tune_closes_on_the_tonic():
    for tune in all_tunes(1):
        melody = tune.bars[-1].parts[0].events
        assert [event.pitches[0] % 12 for event in melody] == [0] and melody[0].duration == tune.meter.positions
        assert tune.bars[-1].chord.root == 0


def test_moods_differ():
    tempo = {mood: sum(compose(random.Random(seed), "waltz", mood).tempo for seed in range(40)) / 40 for mood in MOODS}
    minor = {mood: sum(compose(random.Random(seed), "folk", mood).mode == "min" for seed in range(40)) for mood in MOODS}
    assert tempo["sad"] < tempo["happy"] < tempo["lively"]
    assert minor["happy"] < 15 < 25 < minor["sad"]


def test_the_same_seed_composes_the_same():
    assert compose(random.Random(5)) == compose(random.Random(5)) != compose(random.Random(6))


def test_tokens_are_known_and_follow_the_grammar():
    names = set(tunes.vocabulary())
    assert len(names) == len(tunes.vocabulary())
    for tune in all_tunes(1)[::3]:
        tokens = tunes.write(tune)
        grammar = Grammar(tunes.vocabulary(), _plan(tune))
        for token in tokens[1:]:
            assert token in names and token in grammar.allowed()
            grammar.advance(token)
        assert grammar.finished


def test_every_note_is_written():
    for tune in all_tunes(1):
        piece = read(tunes.write(tune))
        assert len(piece.notes) == sum(len(event.pitches) for bar in tune.bars for part in bar.parts for event in part.events)
        assert all(note.start < len(tune.bars) * tune.meter.bar_seconds(tune.tempo) for note in piece.notes)


def test_words_stand_for_known_tokens():
    words, names = prompt_words(), set(tunes.vocabulary())
    assert all(set(tokens) <= names and tokens for tokens in words.values())
    assert set(STYLES) | set(MOODS) <= set(words) and all(word == word.lower() and len(word.split()) <= 2 for word in words)


def test_the_tokenizer_gives_every_token_its_number(tmp_path):
    from transformers import AutoTokenizer

    tunes.tokenizer().save_pretrained(tmp_path)
    words = AutoTokenizer.from_pretrained(tmp_path)
    tokens = tunes.write(compose(random.Random(1), "folk"))
    numbers = words(" ".join(tokens), add_special_tokens=False)["input_ids"]
    assert numbers == [tunes.vocabulary().index(token) for token in tokens]


def test_a_batch_holds_whole_tunes():
    ids, labels = next(tunes.batches(random.Random(0)))
    assert ids.shape == labels.shape and ids.numel() <= tunes.BATCH * 1.2
    assert (ids[:, 0] == 1).all() and ((labels == ids) | (labels == -100)).all()
    assert ((labels == 2).sum(dim=1) == 1).all()


def test_the_recipe_trains_saves_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(
        tunes, "SHAPE", tunes.SHAPE | {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
    )
    monkeypatch.setattr(tunes, "BATCH", 512)
    monkeypatch.setattr(tunes, "_report", lambda run: None)
    for resume in (False, True):
        run = Run("tunes", 0.05, "cpu", resume, tmp_path / "run", tmp_path / "weights", threads=1)
        run.prepare()
        tunes.train(run)
    assert {path.name for path in (tmp_path / "weights").iterdir()} >= {
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "prompt_words.json",
    }
    assert (tmp_path / "run" / "loss.csv").read_text().startswith("step,seconds,loss")


@pytest.fixture(scope="module")
def shipped():
    from studio.engines.music_midi import Engine
    from studio.types import Device, ModelSpec

    engine = Engine(ModelSpec(id="tunes", engine="music_midi", source=str(SHIPPED)), Device("cpu", "CPU", 0), str(SHIPPED))
    engine.load(lambda fraction: None)
    return engine


def test_the_shipped_files():
    assert (SHIPPED / "model.safetensors").stat().st_size <= 6_000_000
    assert (SHIPPED / "README.md").is_file()


@pytest.mark.parametrize("style", ["waltz", "march", "techno"])
def test_the_shipped_model_writes_music(shipped, style):
    tune = ask(shipped, style, seed=1, seconds=10)
    shares = score(tune)
    assert shares["in_key"] > 0.9 and shares["bars_complete"] > 0.9 and shares["ends_on_tonic"] == 1
    assert Judge(random.Random(1)).guess(tune) == style


def test_the_shipped_vocabulary_is_the_recipes(shipped):
    assert sorted(shipped._numbers, key=shipped._numbers.get) == tunes.vocabulary()
    assert {kind(token) for token in shipped._numbers} >= {"Style", "Mood", "Key", "Tempo"}
