"""Small pictures of a result on its way, for at most a fiftieth of the time.

Knows latents and clocks. Does not know requests.
"""

import time
from collections.abc import Callable
from typing import Any

SIDE = 32  # latents of a preview, at most, on each side
PROBE = 8  # latents a side of the first decoding, from which the cost of a preview is told
SHARE = 0.02  # of the time, at most, goes into previews
QUIET = 2.0  # seconds from the start without one: a shorter run is over before anybody has looked

Decode = Callable[[Any, Any, int], Any]


class Previews:
    """The previews of one model. What one costs is measured at the first and kept for the runs after."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, decode: Decode | None = None):
        """Take seconds, and `decode(pipeline, latents, side)`, which returns a picture or None."""
        self._clock, self._decode = clock, decode or decoded
        self._cost: float | None = None  # seconds
        self.start()

    def start(self) -> None:
        """A run begins."""
        self._began, self._spent = self._clock(), 0.0

    def next(self, pipeline: Any, latents: Any) -> Any:
        """Return the picture the latents would be now, where the time for it has been earned; else None."""
        elapsed = self._clock() - self._began
        if latents is None or elapsed < QUIET:
            return None
        if self._cost is None:
            self._cost = self._timed(pipeline, latents, PROBE)[1] * (SIDE / PROBE) ** 2
        if self._spent + self._cost > SHARE * elapsed:
            return None
        picture, self._cost = self._timed(pipeline, latents, SIDE)
        return picture

    def _timed(self, pipeline: Any, latents: Any, side: int) -> tuple[Any, float]:
        _finish(latents)
        began = self._clock()
        picture = self._decode(pipeline, latents, side)
        seconds = self._clock() - began
        self._spent += seconds
        return picture, seconds


def _finish(latents: Any) -> None:
    """Wait for the step that is still running on a GPU, whose time is not the preview's."""
    if getattr(latents, "is_cuda", False):
        import torch

        torch.cuda.synchronize(latents.device)


def decoded(pipeline: Any, latents: Any, side: int) -> Any:
    """Return the picture of latents (1, c, h, w), from at most `side` latents a side; None where the autoencoder is of another kind."""
    import torch

    vae = getattr(pipeline, "vae", None)
    if vae is None or getattr(latents, "ndim", 0) != 4 or not hasattr(getattr(pipeline, "image_processor", None), "postprocess"):
        return None
    scale = getattr(vae.config, "scaling_factor", None) or 1.0
    shift = getattr(vae.config, "shift_factor", None) or 0.0
    longest = max(latents.shape[-2:])
    with torch.no_grad():
        if longest > side:
            latents = torch.nn.functional.interpolate(latents.float(), scale_factor=side / longest, mode="area")
        try:
            pixels = vae.decode((latents / scale + shift).to(vae.dtype), return_dict=False)[0]
        except (AttributeError, RuntimeError, TypeError, ValueError):  # a video or patched autoencoder: no preview then
            return None
    return pipeline.image_processor.postprocess(pixels, output_type="pil")[0]
