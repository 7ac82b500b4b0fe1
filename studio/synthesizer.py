"""Makes sound of notes: every instrument by two wavetables, drums by noise and sweeps, a place from left to right, a light room.

Knows notes and sound. Does not know who wrote the notes, and uses nothing but numpy.
"""

from functools import lru_cache

import numpy

from studio.drums import drum
from studio.instruments import HARMONICS, Instrument, instrument
from studio.loudness import level
from studio.types import Audio, Note, Piece

RATE = 44_100
TABLE = 2048  # samples of one period
DRUM_KIT = 128
DRUM_GAIN, DRUM_PLACES = 0.55, {38: 0.05, 42: 0.3, 46: 0.3, 49: -0.35, 51: -0.4, 54: 0.35, 37: 0.2, 70: -0.3}
ROOM, ROOM_SECONDS, ROOM_SHARE = 0.9, 0.22, 0.16  # length of the reverberation, its decay, its share of the sound
TAIL = 1.5  # seconds after the last note, where no length is asked for
FADE = 0.6  # seconds at most


def render(piece: Piece, seconds: float | None = None, rate: int = RATE) -> Audio:
    """Play a piece.

    Args:
        piece: the notes.
        seconds: length of the sound, exactly; what would sound later fades out. None: until the last note has died away.
        rate: samples a second.

    Returns:
        Stereo at -14 LUFS, no sample above -1 dBFS; silence for a piece without notes.
    """
    if seconds is None:
        seconds = max((note.start + note.duration for note in piece.notes), default=0.0) + TAIL
    mix = numpy.zeros((2, round(seconds * rate)), numpy.float32)
    for note in piece.notes:
        _add(mix, note, rate)
    wet = mix + _room(mix, rate)
    _fade_out(wet, rate)
    return Audio(level(wet.T, rate), rate)


def _add(mix: numpy.ndarray, note: Note, rate: int) -> None:
    """Add one note to the mix, in its place between left and right at equal power."""
    start = round(note.start * rate)
    if start >= mix.shape[1]:
        return
    if note.program == DRUM_KIT:
        sound, pan, gain = drum(note.pitch, rate), DRUM_PLACES.get(note.pitch, 0.0), DRUM_GAIN
    else:
        voice = instrument(note.program)
        sound, pan, gain = tone(note.program, note.pitch, round(note.duration * rate), rate), voice.pan, 0.25 * voice.gain
    gain *= (note.velocity / 100) ** 1.5
    sound = sound[: mix.shape[1] - start]
    angle = (pan + 1) * numpy.pi / 4
    mix[0, start : start + len(sound)] += sound * numpy.float32(gain * numpy.cos(angle))
    mix[1, start : start + len(sound)] += sound * numpy.float32(gain * numpy.sin(angle))


@lru_cache(maxsize=512)
def tone(program: int, pitch: int, held: int, rate: int) -> numpy.ndarray:
    """Return one note held for `held` frames and its release, as float32 of shape (frames,), beginning and ending at zero."""
    voice = instrument(program)
    frequency = 440.0 * 2 ** ((pitch - 69) / 12)
    times = numpy.arange(held + int(voice.release * rate)) / rate
    bright, mellow = _tables(voice, max(1, min(HARMONICS, int(0.4 * rate / frequency))))
    phase = _phase(voice, frequency, times)
    sound = _read(mellow, phase)
    sound += (_read(bright, phase) - sound) * numpy.exp(-times / voice.fade)
    if voice.detune:
        sound = 0.6 * (sound + _read(mellow, phase * 2 ** (voice.detune / 1200)))
    if voice.breath:
        sound += voice.breath * _breath(len(times))
    return (sound * _envelope(voice, frequency, times, held / rate)).astype(numpy.float32)


@lru_cache(maxsize=512)
def _tables(voice: Instrument, harmonics: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    return _table(voice.spectrum(voice.bright, harmonics)), _table(voice.spectrum(voice.mellow, harmonics))


def _table(amplitudes: numpy.ndarray) -> numpy.ndarray:
    """Return one period, its first sample repeated at the end. The phases of the harmonics are spread so that its peak stays low."""
    numbers = numpy.arange(1, len(amplitudes) + 1)
    bins = numpy.zeros(TABLE // 2 + 1, complex)
    bins[1 : len(amplitudes) + 1] = amplitudes * numpy.exp(1j * numpy.pi * numbers**2 / HARMONICS)
    period = numpy.fft.irfft(bins) * TABLE / 2
    return numpy.append(period, period[0])


def _phase(voice: Instrument, frequency: float, times: numpy.ndarray) -> numpy.ndarray:
    """Return the phase in periods; vibrato sets in after a quarter of a second."""
    phase = frequency * times
    if not voice.vibrato:
        return phase
    speed, depth = 5.3, frequency * voice.vibrato / 1200 * numpy.log(2)
    grown = numpy.clip((times - 0.1) / 0.3, 0, 1)
    return phase + depth / (2 * numpy.pi * speed) * grown * numpy.sin(2 * numpy.pi * speed * times)


def _read(table: numpy.ndarray, phase: numpy.ndarray) -> numpy.ndarray:
    """Read a period at `phase`, linearly between its samples."""
    place = (phase % 1.0) * TABLE
    below = place.astype(numpy.int32)
    left = table[below]
    return left + (place - below) * (table[below + 1] - left)


def _breath(frames: int) -> numpy.ndarray:
    noise = numpy.random.default_rng(7).standard_normal(frames + 3)
    return noise[:-3] + noise[1:-2] + noise[2:-1] + noise[3:]


def _envelope(voice: Instrument, frequency: float, times: numpy.ndarray, held: float) -> numpy.ndarray:
    """Return the loudness over time: half-cosine attack and release, exponential decay in between."""
    attack = min(voice.attack, max(held, 0.002))
    gains = 0.5 - 0.5 * numpy.cos(numpy.pi * numpy.clip(times / attack, 0, 1))
    if voice.decay:
        gains *= numpy.exp(-times / (voice.decay * (261.6 / frequency) ** 0.4))
    return gains * (0.5 + 0.5 * numpy.cos(numpy.pi * numpy.clip((times - held) / (voice.release * 0.98), 0, 1)))


def _room(mix: numpy.ndarray, rate: int) -> numpy.ndarray:
    """Return what a small room answers, as (2, frames): the middle of the mix convolved with two decaying noises."""
    frames = mix.shape[1]
    if not frames:
        return mix
    answers = _answers(rate)
    size = _fast_length(frames + answers.shape[1])
    spectrum = numpy.fft.rfft(mix.mean(axis=0), size)
    return numpy.stack([numpy.fft.irfft(spectrum * numpy.fft.rfft(answer, size), size)[:frames] for answer in answers]).astype(
        numpy.float32
    )


@lru_cache(maxsize=4)
def _answers(rate: int) -> numpy.ndarray:
    """Return the room's answers for left and right: noise 12 ms after the sound, darker than it, of energy ROOM_SHARE."""
    times = numpy.arange(int(ROOM * rate)) / rate
    noise = numpy.random.default_rng(3).standard_normal((2, len(times)))
    noise[:, 1:] = 0.5 * (noise[:, 1:] + noise[:, :-1])
    shaped = noise * numpy.exp(-times / ROOM_SECONDS) * numpy.clip((times - 0.012) / 0.01, 0, 1)
    return (shaped * numpy.sqrt(ROOM_SHARE / numpy.sum(shaped**2, axis=1, keepdims=True))).astype(numpy.float32)


def _fast_length(least: int) -> int:
    """Return the smallest 2^a or 3 * 2^a that is at least `least`: lengths the FFT is quick at."""
    power = 1 << (least - 1).bit_length()
    return power * 3 // 4 if power * 3 // 4 >= least else power


def _fade_out(mix: numpy.ndarray, rate: int) -> None:
    frames = min(int(FADE * rate), mix.shape[1] // 5)
    if frames:
        mix[:, -frames:] *= (0.5 + 0.5 * numpy.cos(numpy.linspace(0, numpy.pi, frames))).astype(numpy.float32)
