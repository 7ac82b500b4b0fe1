"""Loudness by ITU-R BS.1770, against the figures of its own test signals."""

import numpy
import pytest

from studio.loudness import level, limit, loudness

RATE = 48_000


def sine(amplitude: float, frequency: float = 997.0, seconds: float = 5.0, channels: int = 1) -> numpy.ndarray:
    wave = amplitude * numpy.sin(2 * numpy.pi * frequency * numpy.arange(int(seconds * RATE)) / RATE)
    return numpy.repeat(wave[:, None], channels, axis=1).astype(numpy.float32)


def test_full_scale_sine():
    """BS.1770: 0 dBFS at 997 Hz in one channel is -3.01 LUFS; in both channels, 3 dB more."""
    assert loudness(sine(1.0), RATE) == pytest.approx(-3.01, abs=0.05)
    assert loudness(sine(1.0, channels=2), RATE) == pytest.approx(0.0, abs=0.05)
    assert loudness(sine(10 ** (-23 / 20), channels=2), RATE) == pytest.approx(-23.0, abs=0.1)


def test_low_notes_count_for_less():
    assert loudness(sine(1.0, 40), RATE) < loudness(sine(1.0, 400), RATE) - 3 < loudness(sine(1.0, 4000), RATE) - 3


def test_pauses_are_gated_out():
    sound = sine(0.1)
    assert loudness(numpy.concatenate([sound, numpy.zeros((5 * RATE, 1), numpy.float32)]), RATE) == pytest.approx(
        loudness(sound, RATE), abs=0.3
    )


def test_silence_and_very_short_sound():
    assert loudness(numpy.zeros((RATE, 2), numpy.float32), RATE) == float("-inf")
    assert loudness(numpy.zeros((0, 2), numpy.float32), RATE) == float("-inf")
    assert loudness(sine(0.5, seconds=0.1), RATE) == pytest.approx(-9, abs=1)


@pytest.mark.parametrize("amplitude", [1e-3, 0.01, 3.0])
def test_level_reaches_the_target(amplitude):
    sound = level(sine(amplitude, channels=2), RATE)
    assert loudness(sound, RATE) == pytest.approx(-14, abs=0.1) and sound.dtype == numpy.float32


def test_a_limiter_holds_the_ceiling_and_leaves_the_rest():
    sound = sine(0.3)
    sound[RATE : RATE + 200] *= 10
    limited = limit(sound, 0.5)
    assert abs(limited).max() <= 0.5 + 1e-6
    assert numpy.array_equal(limited[3 * RATE :], sound[3 * RATE :])
    assert numpy.array_equal(limit(sine(0.3), 0.5), sine(0.3))


def test_level_of_silence():
    assert not level(numpy.zeros((RATE, 2), numpy.float32), RATE).any()
