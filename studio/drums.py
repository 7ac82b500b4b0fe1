"""The sounds of a drum kit, by their General MIDI keys. Every stroke of a drum is the same sound."""

from functools import lru_cache

import numpy

KICKS, SNARES, RIMS = (35, 36), (38, 40), (37, 39)
CLOSED_HATS, OPEN_HATS = (42, 44, 54, 69, 70, 82), (46,)
CYMBALS = (49, 51, 52, 53, 55, 57, 59)
TOMS = (41, 43, 45, 47, 48, 50, 60, 61, 62, 63, 64)


@lru_cache(maxsize=64)
def drum(key: int, rate: int) -> numpy.ndarray:
    """Return one stroke as float32 of shape (frames,), its loudest sample about 1; ends in silence."""
    sound = _stroke(key, rate)
    sound[-rate // 100 :] *= numpy.linspace(1, 0, len(sound[-rate // 100 :]))
    sound[: rate // 1000] *= numpy.linspace(0, 1, rate // 1000)
    return (sound / numpy.abs(sound).max()).astype(numpy.float32)


def _stroke(key: int, rate: int) -> numpy.ndarray:
    if key in KICKS:
        return _skin(110, 46, 0.03, 0.13, 0.4, rate) + 0.15 * _hiss(key, 0.01, 0.004, 1, rate, 0.4)
    if key in SNARES:
        return 0.6 * _skin(230, 180, 0.02, 0.07, 0.25, rate) + 0.5 * _hiss(key, 0.25, 0.07, 1, rate)
    if key in RIMS:
        return _skin(1750, 1650, 0.01, 0.015, 0.08, rate) + 0.4 * _hiss(key, 0.08, 0.008, 1, rate)
    if key in CLOSED_HATS:
        return _hiss(key, 0.12, {42: 0.022, 54: 0.05}.get(key, 0.03), 2, rate)
    if key in OPEN_HATS:
        return _hiss(key, 0.45, 0.12, 2, rate)
    if key in CYMBALS:
        return _hiss(key, 1.6, 0.25 if key in (51, 59) else 0.5, 1, rate) + 0.3 * _ring(1.6, 0.4, rate)
    pitch = 70.0 * 2 ** ((key - 41) / 12)
    return _skin(pitch * 1.5, pitch, 0.04, 0.15, 0.5, rate)


def _skin(start: float, end: float, drop: float, decay: float, seconds: float, rate: int) -> numpy.ndarray:
    """A membrane: a sine that falls from `start` to `end` hertz in about `drop` seconds."""
    times = numpy.arange(int(seconds * rate)) / rate
    phase = end * times + (start - end) * drop * (1 - numpy.exp(-times / drop))
    return numpy.sin(2 * numpy.pi * phase) * numpy.exp(-times / decay)


def _hiss(seed: int, seconds: float, decay: float, sharpness: int, rate: int, length: float = 0.0) -> numpy.ndarray:
    """Noise without its lows, differenced `sharpness` times; padded with silence to `length` seconds."""
    frames = int(seconds * rate)
    noise = numpy.diff(numpy.random.default_rng(seed).standard_normal(frames + sharpness), n=sharpness)
    sound = noise / numpy.abs(noise).max() * numpy.exp(-numpy.arange(frames) / rate / decay)
    return numpy.pad(sound, (0, max(0, int(length * rate) - frames)))


def _ring(seconds: float, decay: float, rate: int) -> numpy.ndarray:
    """The unharmonious partials of a plate."""
    times = numpy.arange(int(seconds * rate)) / rate
    partials = (numpy.sin(2 * numpy.pi * pitch * times) for pitch in (2093.0, 3127.0, 4211.0, 5279.0, 6803.0))
    return sum(partials) / 5 * numpy.exp(-times / decay)
