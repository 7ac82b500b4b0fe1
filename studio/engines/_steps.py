"""Follows a diffusers pipeline step by step.

Knows the pipeline's callback, or a hook where it has none. Does not know what the picture is of.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from studio.engines._previews import Previews
from studio.engines._stream import Emit
from studio.types import Progress


class Steps:
    """Reports the steps of one picture of several, with a preview now and then; what `emit` raises ends the pipeline within the step."""

    def __init__(self, pipeline: Any, emit: Emit, previews: Previews, given: Mapping[str, Any], number: int, count: int):
        """Take what the pipeline is called with (`given`); it is picture `number`, from 0, of `count`."""
        self._pipeline, self._emit, self._previews = pipeline, emit, previews
        self._expected, self._number, self._count, self._seen = given.get("num_inference_steps", 0), number, count, 0
        usual = getattr(pipeline, "default_sample_size", None) or 0
        self._size = tuple(given.get(side) or usual * getattr(pipeline, "vae_scale_factor", 0) for side in ("width", "height"))

    @contextmanager
    def followed(self, check: Callable[[Any], None]) -> Iterator[dict[str, Any]]:
        """Yield the callback to call the pipeline with; `check(latents)` is called after the first and the last step."""

        def ended(pipeline: Any, index: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
            total = getattr(pipeline, "num_timesteps", None) or self._expected
            latents, last = values.get("latents"), index + 1 == total
            if latents is not None and (index == 0 or last):
                check(latents)
            self._report(index + 1, total, None if last else self._previews.next(pipeline, latents, self._size))
            return values

        network = getattr(self._pipeline, "unet", None) or getattr(self._pipeline, "transformer", None)
        if "callback_on_step_end" in inspect.signature(self._pipeline.__call__).parameters:
            yield {"callback_on_step_end": ended}
        elif network is None:
            yield {}
        else:
            handle = network.register_forward_pre_hook(lambda *_: self._report(self._seen + 1, self._expected, None))
            try:
                yield {}
            finally:
                handle.remove()

    def _report(self, step: int, total: int, preview: Any) -> None:
        self._seen = step
        self._emit(Progress(self._number * total + step, total * self._count, preview=preview))
