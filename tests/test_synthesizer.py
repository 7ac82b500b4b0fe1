"""Notes become sound: length, level, pitch, place, and no clicks."""

import time

import numpy
import pytest

from studio.instruments import FAMILIES, NAMES, instrument, name
from studio.loudness import loudness
from studio.synthesizer import RATE, render, tone
from studio.types import Note, Piece

LEADS = (0, 6, 8, 16, 21, 24, 30, 33, 40, 48, 56, 66, 71, 73, 80, 81, 88)


def piece(*notes: Note) -> Piece:
    return Piece(tuple(notes))


def scale(program: int) -> Piece:
    return piece(*(Note(0.5 * place, 0.5, 60 + pitch, 90, program) for place, pitch in enumerate((0, 2, 4, 5, 7, 9, 11, 12))))


def decibels(samples) -> float:
    return 20 * numpy.log10(abs(samples).max())


def test_is_exactly_as_long_as_asked():
    sound = render(scale(0), seconds=3.217)
    assert sound.rate == RATE and sound.samples.shape == (round(3.217 * RATE), 2) and sound.samples.dtype == numpy.float32


def test_without_a_length_it_plays_to_the_end():
    samples = render(piece(Note(0, 1, 60))).samples
    assert 1.0 < len(samples) / RATE < 4.0 and abs(samples[-1]).max() < 1e-3


@pytest.mark.parametrize("program", LEADS)
def test_level_and_peak(program):
    samples = render(scale(program), seconds=5).samples
    assert numpy.isfinite(samples).all()
    assert decibels(samples) <= -1 + 1e-4
    assert loudness(samples, RATE) == pytest.approx(-14, abs=1)


def test_a_dense_piece_does_not_clip():
    notes = [Note(0.125 * step, 0.5, 40 + (7 * step + 5 * part) % 45, 127, 10 * part) for step in range(64) for part in range(8)]
    notes += [Note(0.25 * step, 0.1, drum, 127, 128) for step in range(32) for drum in (36, 38, 42, 49)]
    samples = render(Piece(tuple(notes)), seconds=9).samples
    assert decibels(samples) <= -1 + 1e-4 and loudness(samples, RATE) == pytest.approx(-14, abs=1)


@pytest.mark.parametrize("pitch", [36, 45, 57, 69, 81, 93])
@pytest.mark.parametrize("program", LEADS)
def test_pitch_is_right_within_a_percent(program, pitch):
    samples = tone(program, pitch, RATE, RATE)[RATE // 10 : RATE]
    spectrum = abs(numpy.fft.rfft(samples * numpy.hanning(len(samples)), 8 * RATE))
    frequencies = numpy.fft.rfftfreq(8 * RATE, 1 / RATE)
    wanted = 440 * 2 ** ((pitch - 69) / 12)
    near = (frequencies > wanted * 0.8) & (frequencies < wanted * 1.25)
    assert frequencies[near][spectrum[near].argmax()] == pytest.approx(wanted, rel=0.01)
    assert spectrum[near].max() > 0.05 * spectrum.max()


@pytest.mark.parametrize("program", LEADS)
@pytest.mark.parametrize("held", [0.03, 0.11, 0.5, 1.3])
def test_notes_begin_and_end_without_a_click(program, held):
    """At its ends a note jumps no further from sample to sample than within it, and it starts and ends at zero."""
    samples = tone(program, 60, int(held * RATE), RATE)
    jumps, edge = abs(numpy.diff(samples)), 20
    assert abs(samples[0]) < 1e-6 and abs(samples[-1]) < 1e-3
    assert max(jumps[:edge].max(), jumps[-edge:].max()) <= 0.6 * jumps.max()


def test_a_cut_piece_fades_out():
    samples = render(piece(Note(0, 30, 60, 90, 16)), seconds=2).samples
    assert abs(samples[-1]).max() < 1e-3 and abs(samples[RATE]).max() > 0.01


def test_timbres_differ():
    def centroid(program):
        samples = tone(program, 60, RATE, RATE)[RATE // 4 : RATE]
        spectrum = abs(numpy.fft.rfft(samples))
        shape = numpy.interp(261.63 * numpy.arange(1, 20), numpy.fft.rfftfreq(len(samples), 1 / RATE), spectrum)
        return shape / numpy.linalg.norm(shape)

    distinct = (0, 8, 16, 40, 71, 73, 80, 29)
    shapes = [centroid(program) for program in distinct]
    assert all(one @ other < 0.999 for place, one in enumerate(shapes) for other in shapes[:place])


def test_plucked_notes_decay_and_blown_ones_hold():
    def held(program):
        samples = tone(program, 60, 2 * RATE, RATE)
        return numpy.std(samples[int(1.7 * RATE) : int(1.9 * RATE)]) / numpy.std(samples[int(0.2 * RATE) : int(0.4 * RATE)])

    assert all(held(program) < 0.5 for program in (0, 6, 24, 33)) and all(held(program) > 0.7 for program in (16, 40, 56, 73, 80))


def test_is_stereo_with_a_place_for_everyone():
    left, right = (abs(render(scale(program), seconds=4).samples).sum(axis=0) for program in (24, 40))
    assert left[0] > 1.1 * left[1] and right[1] > 1.1 * right[0]


def test_silence_stays_silence():
    assert not render(piece(), seconds=1).samples.any()
    assert render(piece(), seconds=1).samples.shape == (RATE, 2)


def test_the_same_notes_make_the_same_bytes():
    assert render(scale(73), 3).samples.tobytes() == render(scale(73), 3).samples.tobytes()


def test_every_drum_sounds():
    for key in range(35, 82):
        samples = render(piece(Note(0, 0.1, key, 100, 128)), seconds=1).samples
        assert numpy.isfinite(samples).all() and abs(samples).max() > 0.05, key


def test_every_program_has_a_voice_and_a_name():
    assert all(instrument(program) and name(program) for program in range(128)) and len(NAMES) == 128
    assert [place for programs, _ in FAMILIES for place in programs] == list(range(128))
    assert (name(0), name(10), name(73), name(127)) == ("piano", "music box", "flute", "gunshot")


def test_is_quick():
    notes = [Note(0.1 * step, 0.2, 48 + (5 * step) % 36, 90, (0, 33, 73)[step % 3]) for step in range(300)]
    began = time.process_time()
    render(Piece(tuple(notes)), seconds=30)
    assert time.process_time() - began < 4
