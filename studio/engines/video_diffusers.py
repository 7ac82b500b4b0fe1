"""Videos from words: any text-to-video pipeline that diffusers reads from a folder, and AnimateDiff's motion on a picture model."""

import inspect
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import Field

from studio import engines
from studio.engines._loading import dtype, reading, variant
from studio.engines._placing import place, quantization
from studio.engines._stream import Emit, stream
from studio.engines._video_latents import Grid, preview
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.types import Artifact, Event, Progress, Request, Video

PREVIEW_SHARE = 0.02  # of the time, at most, goes into previews
TILED_FROM = 512 * 512  # pixels of a frame from which it is decoded in tiles: whole, one of 1280x704 takes some 20 GB
READ = {"use_safetensors": True, "local_files_only": True}
# Pipelines whose weights also go on from a first picture, and the class that does it.
FROM_PICTURE = {"LTXPipeline": "LTXImageToVideoPipeline", "WanPipeline": "WanImageToVideoPipeline"}


class Options(engines.Options):
    """None leaves a value to the pipeline. Sizes and frames are brought to the nearest the family can make; the facts say so."""

    negative_prompt: str = Field(
        "", max_length=10_000, title="Not in the video", description="What to keep out", json_schema_extra={"lines": 2}
    )
    width: int | None = Field(None, ge=16, le=2048, multiple_of=8, title="Width", json_schema_extra={"unit": "px", "main": True, "step": 8})
    height: int | None = Field(
        None, ge=16, le=2048, multiple_of=8, title="Height", json_schema_extra={"unit": "px", "main": True, "step": 8}
    )
    duration: float | None = Field(
        None, gt=0, le=60, title="Length", description="Sets the frames; longer takes more memory and time",
        json_schema_extra={"unit": "s", "main": True, "step": 0.1},
    )  # fmt: skip
    frames: int | None = Field(None, ge=2, le=1000, title="Frames", description="Where no length is set")
    fps: int | None = Field(None, ge=1, le=60, title="Frames a second", description="How fast the frames are shown")
    steps: int | None = Field(None, ge=1, le=150, title="Steps", description="More steps: finer, slower", json_schema_extra={"main": True})
    guidance_scale: float | None = Field(
        None, ge=0, le=30, title="Guidance", description="How closely to follow the words", json_schema_extra={"step": 0.1}
    )


class Engine(engines.Engine):
    """A diffusers pipeline, one video at a time."""

    task = "text-to-video"
    inputs = {"image": "image"}
    modes = ("whole", "8bit", "4bit", "offload", "stream")
    Options = Options

    def load(self, report: engines.Report) -> None:
        import torch  # noqa: F401  (before diffusers, whose import is then quicker)

        report(0.1)
        with reading(self.spec, self.source):
            pipeline = self._read()
            report(0.7)
            self._pipeline = place(pipeline, self.placement, self.device)
        if not {"prompt", "num_frames"} <= _taken(pipeline):
            raise ModelUnavailable(f"{self.spec.name} is a {type(pipeline).__name__}, which makes no videos from words.", param="model")
        self._grid = Grid.of(pipeline)
        report(1.0)

    def _read(self) -> Any:
        if self.spec.adapter:
            return self._animated()
        from diffusers import DiffusionPipeline

        return DiffusionPipeline.from_pretrained(
            self.source, dtype=self._dtypes(), variant=variant(self.source), trust_remote_code=False, **READ,
            **quantization(self.placement, Path(self.source)),
        )  # fmt: skip

    def _dtypes(self) -> Any:
        """Wan's autoencoder keeps whole numbers: halved, its videos lose detail, as the model's card says."""
        import torch
        from diffusers import DiffusionPipeline

        own = dtype(self.placement)
        family = DiffusionPipeline.load_config(self.source, local_files_only=True).get("_class_name", "")
        return {"default": own, "vae": torch.float32} if family.startswith("Wan") else own

    def _animated(self) -> Any:
        """Return a picture model moved by a motion adapter, with the schedule the adapters were trained with."""
        from diffusers import AnimateDiffPipeline, DDIMScheduler, MotionAdapter

        numbers = dtype(self.placement)
        folder = self.placement.extras[self.spec.adapter]
        adapter = MotionAdapter.from_pretrained(folder, dtype=numbers, variant=variant(folder), **READ)
        pipeline = AnimateDiffPipeline.from_pretrained(
            self.source, motion_adapter=adapter, dtype=numbers, variant=variant(self.source), trust_remote_code=False, **READ
        )
        trained = {"beta_schedule": "linear", "timestep_spacing": "linspace", "clip_sample": False, "steps_offset": 1}
        pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, **trained)
        return pipeline

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        yield from stream(lambda emit: self._run(request, options, seed, emit))

    def _run(self, request: Request, options: Options, seed: int, emit: Emit) -> None:
        pipeline, pictures = self._starting(request.inputs.get("image"))
        fps = options.fps or self._grid.fps
        wanted = {**self._measures(pipeline, options, fps), **pictures}
        pixels = self._made(pipeline, request.prompt, {**wanted, **_settings(pipeline, options, fps)}, seed, emit)
        video = Video(_sound(pixels, self.spec.name), fps)
        emit(Artifact("video", video, seed, self._facts(pipeline, video, options)))

    def _starting(self, image: str | None) -> tuple[Any, dict[str, Any]]:
        """Return the pipeline for what the video starts from, words or a picture, and its arguments for the picture."""
        pipeline = self._pipeline
        takes = "image" in _taken(pipeline)
        if image is None and takes and _needs(pipeline, "image"):
            raise BadRequest(f"{self.spec.name} goes on from a picture: give it one to start from.", param="image")
        if image is None:
            return pipeline, {}
        return pipeline if takes else self._from_picture(), {"image": Image.open(image).convert("RGB")}

    def _from_picture(self) -> Any:
        import diffusers

        name = type(self._pipeline).__name__
        if name not in FROM_PICTURE or name == "WanPipeline" and not self._pipeline.config.expand_timesteps:
            raise BadRequest(f"{self.spec.name} makes videos from words alone. Leave the picture out.", param="image")
        sibling = getattr(diffusers, FROM_PICTURE[name])
        parts = {**self._pipeline.config, **self._pipeline.components}
        return sibling(**{name: parts[name] for name in inspect.signature(sibling.__init__).parameters if name in parts})

    def _measures(self, pipeline: Any, options: Options, fps: int) -> dict[str, int]:
        """Return width, height and frames as this family can make them; what is not set is the pipeline's own."""
        defaults = {name: one.default for name, one in inspect.signature(pipeline.__call__).parameters.items()}
        wanted = round(options.duration * fps) if options.duration else options.frames
        frames = wanted or defaults["num_frames"]
        measures = {} if frames is None else {"num_frames": self._grid.frames(frames)}
        sides = {name: getattr(options, name) or defaults[name] for name in ("width", "height")}
        return measures | {name: self._grid.side(side) for name, side in sides.items() if side is not None}

    def _made(self, pipeline: Any, prompt: str, given: dict[str, Any], seed: int, emit: Emit) -> np.ndarray:
        """Return the frames as numbers from 0 to 1, of shape (frames, height, width, 3)."""
        import torch

        watch = _Watch(emit, self._latent_shape(given), self.placement.mode in ("whole", "8bit", "4bit"), self.spec.name)
        _tile(pipeline, given)
        _quiet(pipeline)
        generator = torch.Generator("cpu").manual_seed(seed)
        try:
            result = pipeline(prompt=prompt, generator=generator, callback_on_step_end=watch.step, output_type="np", **given)
        except ValueError as problem:
            raise BadRequest(f"{self.spec.name} does not take this: {problem}") from problem
        except ZeroDivisionError as problem:  # Mochi's schedule halves the steps
            raise BadRequest(f"{self.spec.name} cannot do it in so few steps; ask for two or more.", param="steps") from problem
        finally:
            pipeline.maybe_free_model_hooks()
        return np.asarray(result.frames[0])

    def _latent_shape(self, given: dict[str, Any]) -> tuple[int, int, int]:
        frames = (given.get("num_frames", 1) - 1) // self._grid.step + 1
        return frames, given.get("height", 0) // self._grid.pixels, given.get("width", 0) // self._grid.pixels

    def _facts(self, pipeline: Any, video: Video, options: Options) -> dict[str, Any]:
        count, (width, height) = len(video.frames), video.frames[0].size
        facts = {
            "sampler": type(pipeline.scheduler).__name__.removesuffix("Scheduler"), "size": f"{width}x{height}", "frames": count,
            "fps": video.fps, "duration": round(count / video.fps, 2),
        }  # fmt: skip
        asked = {"width": options.width, "height": options.height}
        asked["frames"] = round(options.duration * video.fps) if options.duration else options.frames
        given = {"width": width, "height": height, "frames": count}
        changed = [f"{name} {asked[name]} to {given[name]}" for name in given if asked[name] not in (None, given[name])]
        return facts | ({"adjusted": f"{', '.join(changed)}, the nearest this model can make"} if changed else {})

    def unload(self) -> None:
        self._pipeline = None


class _Watch:
    """Reports the steps of one video, with a preview now and then; what `emit` raises ends the pipeline within the step."""

    def __init__(self, emit: Emit, shape: tuple[int, int, int], previews: bool, name: str):
        self._emit, self._shape, self._previews, self._name = emit, shape, previews, name
        self._cost, self._last = 0.0, time.monotonic()

    def step(self, pipeline: Any, index: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        """Diffusers' callback at the end of a step."""
        latents = values["latents"]
        if not latents.isfinite().all():
            raise GenerationFailed(f"{self._name} lost its numbers at step {index + 1}. Try another seed, or the model in float32.")
        self._emit(Progress(index + 1, pipeline.num_timesteps, preview=self._preview(pipeline, latents)))
        return values

    def _preview(self, pipeline: Any, latents: Any) -> Any:
        began = time.monotonic()
        if not self._previews or began - self._last < self._cost / PREVIEW_SHARE:
            return None
        picture = preview(pipeline, latents, self._shape)
        self._last = time.monotonic()
        self._cost = self._last - began
        return picture


def _taken(pipeline: Any) -> set[str]:
    return set(inspect.signature(pipeline.__call__).parameters)


def _needs(pipeline: Any, name: str) -> bool:
    return inspect.signature(pipeline.__call__).parameters[name].default is inspect.Parameter.empty


def _settings(pipeline: Any, options: Options, fps: int) -> dict[str, Any]:
    """Return the arguments that do not depend on the family's grid, those this pipeline has and that are set."""
    wanted = {
        "negative_prompt": options.negative_prompt or None, "num_inference_steps": options.steps, "guidance_scale": options.guidance_scale,
        "frame_rate": fps,
    }  # fmt: skip
    if getattr(pipeline.vae.config, "timestep_conditioning", False):
        wanted |= {"decode_timestep": 0.05, "decode_noise_scale": 0.025}  # as on the card of LTX-Video 0.9.1
    return {name: value for name, value in wanted.items() if value is not None and name in _taken(pipeline)}


def _tile(pipeline: Any, given: dict[str, Any]) -> None:
    """Decode big frames in tiles, small ones whole; which of the two follows from the request alone, so it repeats."""
    big = given.get("width", 0) * given.get("height", 0) > TILED_FROM
    getattr(pipeline.vae, "enable_tiling" if big else "disable_tiling")()


def _quiet(pipeline: Any) -> None:
    pipeline.set_progress_bar_config(disable=True)


def _sound(pixels: np.ndarray, name: str) -> list[Image.Image]:
    """Return the frames as pictures. Raises GenerationFailed for what is no number, of one colour or without motion."""
    if not np.isfinite(pixels).all():
        raise GenerationFailed(f"{name} made frames that are not numbers. Try another seed, or the model in float32.")
    frames = (pixels * 255).round().astype(np.uint8)
    if all((frame == frame[:1, :1]).all() for frame in frames):
        raise GenerationFailed(f"{name} made frames of one single colour. Try more steps, another size or another seed.")
    if all((frame == frames[0]).all() for frame in frames):
        raise GenerationFailed(f"{name} made a video that stands still. Try more frames, more steps or another seed.")
    return [Image.fromarray(frame) for frame in frames]
