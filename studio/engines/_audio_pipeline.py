"""What the engines of diffusers' sound pipelines share: reading them, following their steps, and what they give back.

Knows the pipelines' common names. Does not know what each can begin from.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from studio import engines
from studio.engines._assembly import assembled
from studio.engines._loading import reading
from studio.engines._sound import check_sound, joined, read_clip
from studio.engines._start import takes
from studio.engines._stream import Emit, stream
from studio.errors import BadRequest, ModelUnavailable
from studio.types import Artifact, Audio, Event, Progress, Request

FADE = 0.05  # s in which what was given fades into what was made


class ClipOptions(engines.Options):
    """What becomes of a sound that is given: it is gone on from, made anew between two times, or changed as a whole."""

    strength: float | None = Field(
        None, ge=0.01, le=1, title="Change", description="Varies all of the sound, 1 the most. Empty: goes on after it",
        json_schema_extra={"step": 0.05, "input": "audio"},
    )  # fmt: skip
    repaint_from: float | None = Field(
        None, ge=0, le=600, title="Make anew from", description="Only this part of the sound is made again",
        json_schema_extra={"unit": "s", "step": 0.1, "input": "audio"},
    )  # fmt: skip
    repaint_to: float | None = Field(
        None, ge=0, le=600, title="Make anew up to", json_schema_extra={"unit": "s", "step": 0.1, "input": "audio"}
    )


@dataclass
class Call:
    """What to call.

    Attributes:
        pipeline: the pipeline, or a sibling over its parts.
        given: the arguments, without those every pipeline takes.
        frames: how long the result is to be; None: as long as it is.
        clip, patch: the sound given, float32 (frames, channels), and the part of it that is replaced, in frames; None: nothing of it stays.
    """

    pipeline: Any
    given: dict[str, Any] = field(default_factory=dict)
    frames: int | None = None
    clip: Any = None
    patch: tuple[int, int] | None = None


class AudioEngine(engines.Engine):
    """A diffusers pipeline that makes sound. A family says which pipelines it takes (`fits`) and how each is called (`call`)."""

    task = "text-to-audio"
    inputs = {"audio": "audio"}

    def load(self, report: engines.Report) -> None:
        import torch  # noqa: F401  (before diffusers, whose import is then quicker)

        report(0.1)
        with reading(self.spec, self.source):
            pipeline = self.read()
            report(0.7)
            self._pipeline = pipeline.to(self.device.type)
        if not self.fits(pipeline):
            raise ModelUnavailable(f"{self.spec.name} is a {type(pipeline).__name__}. {self.alternative(pipeline)}", param="model")
        pipeline.set_progress_bar_config(disable=True)
        self._rate, self._channels = rate_of(pipeline), channels_of(pipeline)
        report(1.0)

    def read(self, **parts: Any) -> Any:
        """Return the pipeline, in main memory, with `parts` in place of its own."""
        return assembled(self.spec, self.source, self.placement, **parts)

    def fits(self, pipeline: Any) -> bool:
        """Return whether this family is the one for a pipeline."""
        raise NotImplementedError

    def alternative(self, pipeline: Any) -> str:
        """Return what to do with a pipeline that does not fit."""
        return "It makes no sound from words."

    def call(self, request: Request, options: Any) -> Call:
        """Return what to call for a request. Raises BadRequest naming what this model cannot do."""
        raise NotImplementedError

    def run(self, request: Request, options: Any, seed: int) -> Iterator[Event]:
        yield from stream(lambda emit: self._run(request, options, seed, emit))

    def _run(self, request: Request, options: Any, seed: int, emit: Emit) -> None:
        call = self.call(request, options)
        samples = self._samples(call, request.prompt, options, seed, emit)
        samples = samples[: call.frames]
        if call.patch:
            samples = patched(call.clip, samples, *call.patch, round(FADE * self._rate))
        check_sound(samples, self.spec.name)
        facts = {"duration": round(len(samples) / self._rate, 3), "sample_rate": self._rate, "channels": samples.shape[1]}
        emit(Artifact("audio", Audio(samples.clip(-1, 1), self._rate), seed, facts))

    def _samples(self, call: Call, prompt: str, options: Any, seed: int, emit: Emit) -> Any:
        """Return float32 (frames, channels)."""
        import torch

        torch.manual_seed(seed)  # some pipelines draw beside their generator
        wanted = {"num_inference_steps": options.steps, "guidance_scale": options.guidance_scale, **call.given}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        try:
            with followed(call.pipeline, emit) as callback:
                generator = torch.Generator("cpu").manual_seed(seed)
                result = call.pipeline(prompt=prompt, generator=generator, **wanted, **callback)
        except ValueError as problem:
            raise BadRequest(f"{self.spec.name} does not take this: {problem}") from problem
        finally:
            call.pipeline.maybe_free_model_hooks()
        return self.sound_of(result.audios)

    def sound_of(self, audios: Any) -> Any:
        """Return a pipeline's result as float32 (frames, channels)."""
        import numpy
        import torch

        first = audios[0].float().cpu().numpy() if isinstance(audios, torch.Tensor) else numpy.asarray(audios[0], numpy.float32)
        return first[:, None] if first.ndim == 1 else first.T

    def refuse(self, options: Any, *names: str, why: str) -> None:
        """Raise BadRequest, saying why, for the first of these options that is set."""
        for name in names:
            value = getattr(options, name)
            if value not in (None, ""):
                raise BadRequest(f"{name} is {value!r}: {why} Leave it empty.", param=name)

    def clip(self, path: str) -> Any:
        """Return the sound a request begins from, as this model would make it."""
        return read_clip(path, self._rate, self._channels)

    def part(self, options: "ClipOptions", frames: int) -> tuple[int, int]:
        """Return which frames are made, of a clip of so many: those between two times, or as long as asked for after its end."""
        if options.repaint_from is None and options.repaint_to is None:
            return frames, frames + round(options.duration * self._rate)
        begin = round((options.repaint_from or 0) * self._rate)
        end = frames if options.repaint_to is None else round(options.repaint_to * self._rate)
        if not begin < end <= frames:
            seconds = frames / self._rate
            raise BadRequest(
                f"There is nothing between {begin / self._rate:g} s and {end / self._rate:g} s of a sound of {seconds:.1f} s. "
                "Give a beginning before the end, both within it.", param="repaint_from",
            )  # fmt: skip
        return begin, end

    def unload(self) -> None:
        self._pipeline = None


@contextmanager
def followed(pipeline: Any, emit: Emit) -> Iterator[dict[str, Any]]:
    """Report the steps of a call, by its callback (yielded) or, where it has none, by a hook; what `emit` raises ends it."""
    done = 0

    def report() -> None:
        nonlocal done
        done += 1
        emit(Progress(done, len(pipeline.scheduler.timesteps)))

    if "callback_on_step_end" in takes(pipeline):
        yield {"callback_on_step_end": lambda *_: report() or {}}
        return
    network = getattr(pipeline, "unet", None) or pipeline.transformer
    handle = network.register_forward_pre_hook(lambda *_: report())
    try:
        yield {}
    finally:
        handle.remove()


def default(pipeline: Any, name: str) -> Any:
    """Return what a pipeline takes for an argument that is left out; None where it has no such argument."""
    found = inspect.signature(pipeline.__call__).parameters.get(name)
    return None if found is None or found.default is inspect.Parameter.empty else found.default


def rate_of(pipeline: Any) -> int:
    """Return the sampling rate in hertz of what a pipeline makes."""
    if getattr(pipeline, "vocoder", None) is not None:
        return int(pipeline.vocoder.config.sampling_rate)
    config = pipeline.vae.config
    return int(getattr(config, "sampling_rate", None) or getattr(config, "sample_rate", None) or pipeline.sample_rate)


def channels_of(pipeline: Any) -> int:
    return int(getattr(pipeline.vae.config, "audio_channels", 1))


def patched(clip: Any, made: Any, begin: int, end: int, fade: int) -> Any:
    """Return `clip` with the frames from `begin` to `end` as in `made`, fading at both seams; what lies beyond the clip is made."""
    early, late = min(fade, begin), min(fade, max(len(clip) - end, 0), max(len(made) - end, 0))
    whole = joined(clip[:begin], made[begin - early : end + late], early)
    return joined(whole, clip[end:], late) if end < len(clip) else whole
