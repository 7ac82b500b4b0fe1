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

Size = tuple[int, int]  # width and height of the picture, in pixels
Decode = Callable[[Any, Any, Size, int], Any]


class Previews:
    """The previews of one model. What one costs is measured at the first and kept for the runs after."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, decode: Decode | None = None):
        """Take seconds, and `decode(pipeline, latents, size, side)`, which returns a picture or None."""
        self._clock, self._decode = clock, decode or decoded
        self._cost: float | None = None  # seconds
        self.start()

    def start(self) -> None:
        """A run begins."""
        self._began, self._spent = self._clock(), 0.0

    def next(self, pipeline: Any, latents: Any, size: Size) -> Any:
        """Return the picture of `size` that the latents would be now, where the time for it has been earned; else None."""
        elapsed = self._clock() - self._began
        if latents is None or elapsed < QUIET:
            return None
        if self._cost is None:
            self._cost = self._timed(pipeline, latents, size, PROBE)[1] * (SIDE / PROBE) ** 2
        if self._spent + self._cost > SHARE * elapsed:
            return None
        picture, self._cost = self._timed(pipeline, latents, size, SIDE)
        return picture

    def _timed(self, pipeline: Any, latents: Any, size: Size, side: int) -> tuple[Any, float]:
        _finish(latents)
        began = self._clock()
        picture = self._decode(pipeline, latents, size, side)
        seconds = self._clock() - began
        self._spent += seconds
        return picture, seconds


def _finish(latents: Any) -> None:
    """Wait for the step that is still running on a GPU, whose time is not the preview's."""
    if getattr(latents, "is_cuda", False):
        import torch

        torch.cuda.synchronize(latents.device)


def decoded(pipeline: Any, latents: Any, size: Size, side: int) -> Any:
    """Return the picture that latents of a picture of `size` would be now, from at most `side` latents a side.

    None where the autoencoder or the latents are of a kind that is not known here.
    """
    import torch

    if getattr(pipeline, "vae", None) is None or not hasattr(getattr(pipeline, "image_processor", None), "postprocess"):
        return None
    with torch.no_grad():
        try:
            latents = _plain(pipeline, latents, size)
            longest = max(latents.shape[-2:])
            if longest > side:
                latents = torch.nn.functional.interpolate(latents, scale_factor=side / longest, mode="area")
            pixels = _decode(pipeline.vae, latents)
            return pipeline.image_processor.postprocess(pixels, output_type="pil")[0]
        except (AttributeError, RuntimeError, TypeError, ValueError):
            return None


def _plain(pipeline: Any, latents: Any, size: Size) -> Any:
    """Return latents (1, c, h, w) as the autoencoder takes them. FLUX and Qwen-Image hold squares of four as one token of a row."""
    vae, latents = pipeline.vae, latents.float()
    normed = getattr(vae, "bn", None)  # FLUX.2
    if normed is not None:
        latents = latents * (normed.running_var + vae.config.batch_norm_eps).sqrt() + normed.running_mean
    if latents.ndim == 3:
        columns, rows = (side // (2 * pipeline.vae_scale_factor) for side in size)
        latents = latents.view(1, rows, columns, -1, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(1, -1, 2 * rows, 2 * columns)
    if normed is not None:
        return latents
    mean, deviation = (_channels(getattr(vae.config, name, None), latents) for name in ("latents_mean", "latents_std"))
    scale, shift = (getattr(vae.config, name, None) for name in ("scaling_factor", "shift_factor"))
    return latents * (1 if deviation is None else deviation) / (scale or 1) + (shift or 0 if mean is None else mean)


def _channels(values: Any, latents: Any) -> Any:
    return None if values is None else latents.new_tensor(values).view(1, -1, 1, 1)


def _decode(vae: Any, latents: Any) -> Any:
    latents = latents.to(vae.dtype)
    if type(vae).__name__ == "AutoencoderKLQwenImage":  # a video's, of one frame
        return vae.decode(latents.unsqueeze(2), return_dict=False)[0][:, :, 0]
    return vae.decode(latents, return_dict=False)[0]
