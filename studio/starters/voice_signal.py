"""Speech as frames of 10 ms: one period of the voice and the level of the noise, so that sound becomes linear in numbers.

A frame's voiced part is one period of `HOP` samples: the minimum-phase response of the smoothed spectrum, sampled at the
harmonics of a pitch that fits the hop a whole number of times. Every frame of a steady vowel is therefore the same
waveform, and overlapping frames under a Hann window add up without a seam. The unvoiced part is a level per band.
Knows signals only: no text, no model.
"""

from dataclasses import dataclass

import numpy as np

RATE = 16_000
HOP = 160
FRAMES_PER_SECOND = RATE // HOP
FFT = 640  # 25 Hz apart: every pitch in use falls on a bin
BINS = FFT // 2 + 1
HARMONICS = HOP // 2 - 1  # of 100 Hz, below half the rate
BANDS = 16
PATTERNS = 3  # noise patterns of a band; their weights are drawn anew for each frame
FLOOR = 1e-10  # power density under which a sound is silence
NOISE_FLOOR = -9.0  # log standard deviation of a silent noise pattern
VOICED_FRICATIVES = frozenset(("v", "D", "z", "Z", "dZ"))
FRICTION_FROM = 2000.0  # Hz; in a voiced fricative the noise lies above


@dataclass(frozen=True)
class Voice:
    """A way to speak: `pitch` in hertz, a multiple of 100; `formants` stretches the spectrum (a shorter throat: above 1)."""

    id: str
    name: str
    pitch: int
    formants: float


VOICES = (Voice("low", "Low", 100, 1.0), Voice("high", "High", 200, 1.17))


@dataclass(frozen=True)
class Frames:
    """`density`: power per hertz of the sound, (frames, BINS); `voicing` in [0, 1], (frames,)."""

    density: np.ndarray
    voicing: np.ndarray


def _edges() -> np.ndarray:
    """Return the BANDS + 1 edges of the noise bands in hertz, evenly apart on the mel scale from 200 Hz."""
    low, high = 2595 * np.log10(1 + 200 / 700), 2595 * np.log10(1 + RATE / 2 / 700)
    return 700 * (10 ** (np.linspace(low, high, BANDS + 1) / 2595) - 1)


def _smoothing(size: int, rate: int, width: float) -> np.ndarray:
    """Return the matrix (size // 2 + 1, BINS) that averages a power spectrum over `width` hertz around each of our bins."""
    frequencies = np.arange(size // 2 + 1) * rate / size
    centres = np.arange(BINS) * RATE / FFT
    weights = np.maximum(0, 1 - np.abs(frequencies[:, None] - centres[None]) / width)
    return (weights / weights.sum(0)).astype(np.float32)


class Analyser:
    """Cuts speech on one note (`pitch` Hz) at `rate` into frames 10 ms apart."""

    def __init__(self, rate: int, pitch: float):
        self.rate, self.pitch = rate, pitch
        self.window = np.hanning(round(3 * rate / pitch)).astype(np.float32)
        self.size = 1024
        self.smoothing = _smoothing(self.size, rate, 0.9 * pitch)

    def frames(self, samples: np.ndarray) -> Frames:
        """Return the frames of `samples` (mono); frame i is centred on (i + 0.5) * 10 ms."""
        count = int(len(samples) / self.rate * FRAMES_PER_SECOND)
        centres = ((np.arange(count) + 0.5) * self.rate / FRAMES_PER_SECOND).astype(int)
        return Frames(self._density(samples, centres), self._voicing(samples, centres))

    def _cut(self, samples: np.ndarray, centres: np.ndarray, size: int) -> np.ndarray:
        padded = np.pad(samples, (size // 2, size))
        return np.lib.stride_tricks.sliding_window_view(padded, size)[centres]

    def _density(self, samples, centres):
        pieces = self._cut(samples, centres, len(self.window)) * self.window
        power = np.abs(np.fft.rfft(pieces, self.size).astype(np.complex64)) ** 2 * (2 / self.rate / (self.window**2).sum())
        return power @ self.smoothing + FLOOR

    def _voicing(self, samples, centres):
        """Correlation with the sound one period earlier, below 1.5 kHz."""
        pieces = self._cut(samples, centres, round(2.5 * self.rate / self.pitch))
        power = np.abs(np.fft.rfft(pieces - pieces.mean(1, keepdims=True), self.size)) ** 2
        power[:, int(1500 * self.size / self.rate) :] = 0
        correlation = np.fft.irfft(power)
        lag = round(self.rate / self.pitch)
        bias = 1 - lag / pieces.shape[1]
        best = correlation[:, lag - 4 : lag + 5].max(1) / (correlation[:, 0] + 1e-9) / bias
        loud = 10 * np.log10(power.sum(1) / self.size / pieces.shape[1] + 1e-12) > -60
        return np.clip((best - 0.5) / 0.3, 0, 1) * loud


def noisiness(voicing: np.ndarray, friction: np.ndarray) -> np.ndarray:
    """Return the share of noise in each bin, (frames, BINS). `friction` marks the frames of voiced fricatives."""
    share = np.repeat((1 - voicing)[:, None], BINS, 1)
    high = np.arange(BINS) * RATE / FFT > FRICTION_FROM
    return np.where(friction[:, None] & high[None], 1.0, share).astype(np.float32)


def minimum_phase(density: np.ndarray) -> np.ndarray:
    """Return the complex response (frames, BINS) of minimum phase whose squared magnitude is `density`."""
    cepstrum = np.fft.irfft(0.5 * np.log(density), FFT)
    cepstrum[:, 1 : FFT // 2] *= 2
    cepstrum[:, FFT // 2 + 1 :] = 0
    return np.exp(np.fft.rfft(cepstrum, FFT))


def stretched(density: np.ndarray, factor: float) -> np.ndarray:
    """Return the spectrum with its formants moved up by `factor`."""
    if factor == 1:
        return density
    positions = np.arange(BINS) / factor
    left = np.floor(positions).astype(int)
    share = (positions - left).astype(np.float32)
    logs = np.log(density)
    return np.exp(logs[:, left] * (1 - share) + logs[:, np.minimum(left + 1, BINS - 1)] * share)


def harmonics(density: np.ndarray, noise_share: np.ndarray, voice: Voice) -> np.ndarray:
    """Return the voiced part as complex amplitudes (frames, HARMONICS) of 100, 200, ... Hz; zero where the voice has none."""
    shaped = stretched(density, voice.formants)
    response = minimum_phase(shaped + FLOOR) * np.sqrt(1 - noise_share)
    step = voice.pitch * FFT // RATE
    amplitudes = np.zeros((len(density), HARMONICS), np.complex64)
    every = voice.pitch * HOP // RATE
    numbers = np.arange(every, HARMONICS + 1, every)
    amplitudes[:, numbers - 1] = response[:, numbers // every * step] * np.sqrt(2 * voice.pitch)
    return amplitudes


def noise_levels(density: np.ndarray, noise_share: np.ndarray) -> np.ndarray:
    """Return the log standard deviation of a noise pattern's weight, (frames, BANDS)."""
    frequencies = np.arange(BINS) * RATE / FFT
    edges = _edges()
    members = (frequencies[:, None] >= edges[None, :-1]) & (frequencies[:, None] < edges[None, 1:])
    power = (density * noise_share) @ members.astype(np.float32) * (RATE / FFT)
    return np.maximum(0.5 * np.log(power * HOP / PATTERNS + 1e-20), NOISE_FLOOR)


def period_basis() -> np.ndarray:
    """Return (2 * HARMONICS, 2 * HOP): a frame of sound for each real and imaginary amplitude, under the Hann window."""
    time = np.arange(2 * HOP) / HOP
    angles = 2 * np.pi * np.arange(1, HARMONICS + 1)[:, None] * time[None]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(2 * HOP) + 0.5) / (2 * HOP))
    return np.concatenate((np.cos(angles), -np.sin(angles))) * window


def noise_basis(seed: int = 0) -> np.ndarray:
    """Return (BANDS * PATTERNS, 2 * HOP): patterns of noise of unit energy, PATTERNS of each band in turn, under a sine window."""
    generator = np.random.default_rng(seed)
    edges = _edges()
    frequencies = np.arange(HOP + 1) * RATE / (2 * HOP)
    window = np.sin(np.pi * (np.arange(2 * HOP) + 0.5) / (2 * HOP))
    patterns = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        inside = (frequencies >= low) & (frequencies < high)
        for _ in range(PATTERNS):
            spectrum = np.where(inside, np.exp(2j * np.pi * generator.random(HOP + 1)), 0)
            pattern = np.fft.irfft(spectrum) * window
            patterns.append(pattern / np.sqrt((pattern**2).sum()))
    return np.array(patterns)


def overlap_add(frames: np.ndarray) -> np.ndarray:
    """Return the sound of `frames` (count, 2 * HOP), each beginning HOP samples after the one before; frame 0 is centred on HOP / 2."""
    sound = np.zeros((len(frames) + 1) * HOP)
    for index, frame in enumerate(frames):
        sound[index * HOP : index * HOP + 2 * HOP] += frame
    return sound[HOP // 2 : HOP // 2 + len(frames) * HOP]
