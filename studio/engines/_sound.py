"""Sound as the music engines take and give it: a clip to begin from, pieces joined, a result that can be heard.

Knows samples, float32 of shape (frames, channels). Does not know the models.
"""

from typing import Any

from studio.errors import BadRequest, GenerationFailed

SILENCE = 1e-4  # amplitude, -80 dBFS
DAMAGED = "Its weights may be damaged, or its dtype too small: try float32."


def read_clip(path: str, rate: int, channels: int) -> Any:
    """Return a sound file as float32 (frames, channels) at `rate`, channels mixed or doubled. Raises BadRequest for what is no sound."""
    import av
    import numpy

    layout = {1: "mono", 2: "stereo"}[channels]
    try:
        with av.open(path) as file:
            resampler = av.AudioResampler(format="flt", layout=layout, rate=rate)
            frames = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)] + resampler.resample(None)
    except (av.FFmpegError, IndexError) as problem:
        raise BadRequest(f"The sound to begin from cannot be read: {problem}. Give a WAV, FLAC or MP3 file.", param="audio") from problem
    parts = [frame.to_ndarray().reshape(-1, channels) for frame in frames]
    samples = numpy.concatenate([numpy.zeros((0, channels), numpy.float32), *parts])
    if not len(samples):
        raise BadRequest("The sound to begin from is empty. Give one that can be heard.", param="audio")
    return samples


def joined(first: Any, second: Any, overlap: int) -> Any:
    """Return one sound and the next, the last `overlap` frames of the first fading into the first of the second, which are the same."""
    import numpy

    if not overlap:
        return numpy.concatenate([first, second])
    rise = numpy.linspace(0, 1, overlap, dtype=numpy.float32)[:, None]
    middle = first[-overlap:] * (1 - rise) + second[:overlap] * rise
    return numpy.concatenate([first[:-overlap], middle, second[overlap:]])


def check_sound(samples: Any, name: str) -> None:
    """Raise GenerationFailed where what `name` made cannot be heard."""
    import numpy

    if not numpy.isfinite(samples).all():
        raise GenerationFailed(f"{name} made a sound of numbers that are none. {DAMAGED}")
    if not len(samples) or abs(samples).max() < SILENCE:
        raise GenerationFailed(f"{name} made silence. Try other words, another seed or other settings.")
