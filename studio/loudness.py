"""How loud sound is, and how to bring it to a given loudness without clipping.

Loudness follows ITU-R BS.1770-4: K-weighting, blocks of 400 ms overlapping by 75 %, gates at -70 LUFS and 10 LU below the rest.
Sound is float32 of shape (frames, channels).
"""

import numpy

BLOCK = 0.4  # seconds
STEP = 64  # frames a limiter's gain is held constant for before smoothing
HOLD = 8  # steps (12 ms at 44.1 kHz) the limiter looks to each side
SILENCE = -70.0  # LUFS


def loudness(samples: numpy.ndarray, rate: int) -> float:
    """Return the integrated loudness in LUFS; -inf for silence. Sound shorter than a block counts as one block."""
    size = min(int(BLOCK * rate), len(samples))
    if size < 2:
        return float("-inf")
    blocks = numpy.lib.stride_tricks.sliding_window_view(samples, size, axis=0)[:: max(1, size // 4)]
    powers = _weighted_power(blocks, size, rate)
    for gate in (SILENCE, None):
        level = _lufs(powers.mean()) - 10.0 if gate is None else gate
        powers = powers[_lufs(powers) > level]
        if not len(powers):
            return float("-inf")
    return float(_lufs(powers.mean()))


def _weighted_power(blocks: numpy.ndarray, size: int, rate: int) -> numpy.ndarray:
    """Return the K-weighted power of each block, summed over channels: Parseval on its spectrum."""
    weights = _k_weights(numpy.fft.rfftfreq(size, 1 / rate), rate)
    weights[1:] *= 2.0  # negative frequencies
    powers = [numpy.sum(numpy.abs(numpy.fft.rfft(block, axis=-1)) ** 2 * weights) for block in blocks]
    return numpy.array(powers) / size**2


def _k_weights(frequencies: numpy.ndarray, rate: int) -> numpy.ndarray:
    """Return the squared magnitude of the K filter, a high shelf after a high pass, from its analogue prototypes."""
    s = 2j * numpy.pi * frequencies
    shelf, shelf_q, high = 2 * numpy.pi * 1681.97, 0.7072, 10 ** (3.99984 / 20)
    middle = high**0.4996667741545416
    boost = (high * s**2 + middle * shelf / shelf_q * s + shelf**2) / (s**2 + shelf / shelf_q * s + shelf**2)
    cut, cut_q = 2 * numpy.pi * 38.135, 0.5003
    passing = s**2 / (s**2 + cut / cut_q * s + cut**2)
    return numpy.abs(boost * passing) ** 2


def _lufs(power):
    with numpy.errstate(divide="ignore"):
        return -0.691 + 10 * numpy.log10(power)


def level(samples: numpy.ndarray, rate: int, target: float = -14.0, peak: float = -1.0) -> numpy.ndarray:
    """Return the sound at `target` LUFS with no sample above `peak` dBFS; loud moments are turned down smoothly. Silence stays silence."""
    for _ in range(3):  # limiting costs loudness: make up for it
        measured = loudness(samples, rate)
        if measured == float("-inf"):
            return samples.astype(numpy.float32)
        samples = limit(samples * 10 ** ((target - measured) / 20), 10 ** (peak / 20))
    return samples.astype(numpy.float32)


def limit(samples: numpy.ndarray, ceiling: float) -> numpy.ndarray:
    """Turn down whatever passes `ceiling`, with gains that begin before the peak and change smoothly."""
    frames = len(samples)
    loudest = numpy.abs(samples).max(axis=1) if frames else numpy.zeros(0)
    if not frames or loudest.max() <= ceiling:
        return samples
    padded = numpy.pad(loudest, (0, -frames % STEP)).reshape(-1, STEP).max(axis=1)
    gains = numpy.minimum(1.0, ceiling / numpy.maximum(padded, 1e-9))
    lowest = _windows(numpy.pad(gains, HOLD + 1, constant_values=1.0), 2 * HOLD + 3).min(axis=1)
    smooth = _windows(numpy.pad(lowest, HOLD, mode="edge"), 2 * HOLD + 1).mean(axis=1)
    centres = (numpy.arange(len(smooth)) + 0.5) * STEP
    return samples * numpy.interp(numpy.arange(frames), centres, smooth)[:, None].astype(samples.dtype)


def _windows(values: numpy.ndarray, size: int) -> numpy.ndarray:
    return numpy.lib.stride_tricks.sliding_window_view(values, size)
