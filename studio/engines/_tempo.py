"""Speech made quicker or slower at the same pitch, by ffmpeg's filter, which PyAV carries. Knows samples of one channel."""

from fractions import Fraction

import numpy as np

SLOWEST = 0.5  # of one filter; slower ones stand in a row


def stretched(samples: np.ndarray, rate: int, speed: float) -> np.ndarray:
    """Return float32 samples of shape (frames,) that last 1 / `speed` of the time."""
    import av

    graph = av.filter.Graph()
    nodes = [graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate))]
    nodes += [graph.add("atempo", str(tempo)) for tempo in _tempos(speed)]
    nodes += [graph.add("aformat", "sample_fmts=flt:channel_layouts=mono"), graph.add("abuffersink")]
    for first, second in zip(nodes, nodes[1:], strict=False):
        first.link_to(second)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32)[None], format="flt", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    graph.push(frame)
    graph.push(None)
    pulled = []
    while True:
        try:
            pulled.append(graph.pull().to_ndarray().reshape(-1))
        except (av.BlockingIOError, av.EOFError):
            return np.concatenate([np.zeros(0, np.float32), *pulled])


def _tempos(speed: float) -> list[float]:
    found = []
    while speed < SLOWEST:
        found.append(SLOWEST)
        speed /= SLOWEST
    return [*found, speed]
