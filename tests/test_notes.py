"""A piece as a MIDI file and back."""

import io

import mido
import pytest

from studio.errors import GenerationFailed
from studio.notes import from_midi, to_midi
from studio.types import Note, Piece

PIECE = Piece(
    (
        Note(0.0, 0.5, 60, 100, 73),
        Note(0.0, 2.0, 36, 80, 32),
        Note(0.0, 0.125, 36, 90, 128),
        Note(0.5, 0.5, 60, 64, 73),
        Note(1.0, 1.0, 64, 100, 73),
        Note(1.0, 1.0, 67, 100, 73),
    ),
    tempo=96.0,
    beats_per_bar=3,
)


def test_round_trip():
    back = from_midi(to_midi(PIECE))
    assert (back.tempo, back.beats_per_bar) == (pytest.approx(96, rel=1e-4), 3)
    assert len(back.notes) == len(PIECE.notes)
    for note, other in zip(sorted(PIECE.notes, key=lambda n: (n.start, n.program, n.pitch)), back.notes, strict=True):
        assert (note.pitch, note.velocity, note.program) == (other.pitch, other.velocity, other.program)
        assert other.start == pytest.approx(note.start, abs=0.002) and other.duration == pytest.approx(note.duration, abs=0.003)


def test_the_file_says_tempo_meter_and_instruments():
    file = mido.MidiFile(file=io.BytesIO(to_midi(PIECE)))
    messages = [message for track in file.tracks for message in track]
    assert mido.tempo2bpm(next(m.tempo for m in messages if m.type == "set_tempo")) == pytest.approx(96, rel=1e-4)
    assert next(m.numerator for m in messages if m.type == "time_signature") == 3
    assert {m.program for m in messages if m.type == "program_change"} == {32, 73}
    assert {m.channel for m in messages if m.type == "note_on" and m.note == 36} == {0, 9}
    assert file.length == pytest.approx(2.0, abs=0.01)


def test_every_note_that_begins_ends():
    file = mido.MidiFile(file=io.BytesIO(to_midi(PIECE)))
    balance = {}
    for message in file:
        if message.type in ("note_on", "note_off"):
            key = message.channel, message.note
            balance[key] = balance.get(key, 0) + (1 if message.type == "note_on" else -1)
            assert balance[key] >= 0
    assert set(balance.values()) == {0}


def test_a_repeated_note_ends_before_it_begins_again():
    notes = from_midi(to_midi(Piece((Note(0, 0.5, 60), Note(0.5, 0.5, 60))))).notes
    assert [note.start for note in notes] == pytest.approx([0, 0.5]) and [note.duration for note in notes] == pytest.approx([0.5, 0.5])


def test_extremes():
    notes = (Note(0, 0.0, 0, 0, 0), Note(0, 1e-9, 127, 127, 127))
    back = from_midi(to_midi(Piece(notes, 300.0)))
    assert [note.pitch for note in back.notes] == [0, 127] and all(note.duration > 0 for note in back.notes)
    assert from_midi(to_midi(Piece(()))).notes == ()


def test_too_many_instruments():
    assert len(from_midi(to_midi(Piece(tuple(Note(0, 1, 60, 90, program) for program in range(15))))).notes) == 15
    with pytest.raises(GenerationFailed, match="16 instruments"):
        to_midi(Piece(tuple(Note(0, 1, 60, 90, program) for program in range(16))))


def test_the_same_piece_makes_the_same_bytes():
    assert to_midi(PIECE) == to_midi(PIECE)
