"""The Music tab: a piano roll where there are notes, a waveform where there are none."""

import pytest

from studio.notes import to_midi
from studio.tabs import _sound as sound
from studio.tabs import music
from studio.tabs._generate import Bench
from studio.types import Note, Piece, Request

VOICES = ((72, 73), (60, 0), (36, 32))
WALTZ = Piece(tuple(Note(beat * 0.5, 0.5, pitch, program=program) for beat in range(12) for pitch, program in VOICES), 120.0, 3)


@pytest.fixture
def bench(page_of):
    return page_of(lambda page: Bench(page, music.trade(page)).build())


@pytest.fixture
def record(bench, finish):
    finish(bench.studio, bench.studio.submit(Request(model="fake-music", prompt="a calm waltz", seed=3)).id)
    return bench.studio.gallery.list()[0]


@pytest.fixture
def written(bench, record):
    """A record that has its notes beside it."""
    (bench.studio.folder / "waltz.mid").write_bytes(to_midi(WALTZ))
    return record.model_copy(update={"files": {**record.files, "mid": "waltz.mid"}})


def test_music_without_notes_is_a_waveform(bench, record):
    shown = bench.trade.draw([record])
    assert "kind=waveform" in shown and "<svg" not in shown and "<audio" in shown
    assert "format=mid" not in bench.of(record)


def test_music_with_notes_is_a_piano_roll(bench, written):
    shown = bench.trade.draw([written])
    assert 'role="img" aria-label="Piano roll: 36 notes in 4 bars"' in shown and "kind=waveform" not in shown
    assert shown.count('class="melody"') == 12 + 1 and "4 bars, 3 beats to the bar, 120 beats a minute" in shown
    assert "Melody" in shown and "Bass" in shown and "Drums" not in shown and ">C4<" in shown


def test_notes_are_downloaded_as_midi(bench, written):
    about = bench.of(written)
    for format in ("wav", "mp3", "mid"):
        assert f'href="v1/gallery/{written.id}/file?format={format}" download' in about


def test_notes_that_cannot_be_read_are_said_so(bench, written):
    (bench.studio.folder / "waltz.mid").write_bytes(b"MThd")
    assert "cannot be shown" in sound.show(bench.studio, written)
