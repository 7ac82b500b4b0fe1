"""Pictures from words: any text-to-image pipeline that diffusers reads from a folder."""

import inspect
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image
from pydantic import Field

from studio import engines
from studio.engines._loading import dtype, reading
from studio.engines._stream import Emit, stream
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.types import MAX_SEED, Artifact, Event, Progress, Request

PREVIEW_SIDE = 32  # latents of a preview, at most, on each side
PREVIEW_SHARE = 0.05  # of the time, at most, goes into previews


class Options(engines.Options):
    """None leaves a value to the pipeline."""

    negative_prompt: str = Field(
        "", max_length=10_000, title="Not in the picture", description="What to keep out", json_schema_extra={"lines": 2}
    )
    width: int | None = Field(None, ge=16, le=4096, multiple_of=8, title="Width", json_schema_extra={"unit": "px", "main": True, "step": 8})
    height: int | None = Field(
        None, ge=16, le=4096, multiple_of=8, title="Height", json_schema_extra={"unit": "px", "main": True, "step": 8}
    )
    steps: int | None = Field(None, ge=1, le=150, title="Steps", description="More steps: finer, slower", json_schema_extra={"main": True})
    guidance_scale: float | None = Field(
        None, ge=0, le=30, title="Guidance", description="How closely to follow the words", json_schema_extra={"step": 0.1}
    )
    count: int = Field(1, ge=1, le=16, title="How many", description="Each with its own seed", json_schema_extra={"main": True})
    scale: int = Field(1, ge=1, le=8, title="Enlarge", description="Finished pictures are enlarged by this factor (Lanczos)")


class Engine(engines.Engine):
    """A diffusers pipeline. Pictures of one request are made one after another, so each is the same alone or among others."""

    task = "text-to-image"
    Options = Options

    def load(self, report: engines.Report) -> None:
        import torch  # noqa: F401  (before diffusers, whose import is then quicker)
        from diffusers import DiffusionPipeline

        report(0.1)
        with reading(self.spec, self.source):
            pipeline = DiffusionPipeline.from_pretrained(
                self.source, dtype=dtype(self.placement), use_safetensors=True, local_files_only=True, trust_remote_code=False
            )
            self._check_tokenizers(pipeline)
            report(0.7)
            self._pipeline = pipeline.to(self.device.type)
        self._takes = set(inspect.signature(pipeline.__call__).parameters)
        if "prompt" not in self._takes:
            raise ModelUnavailable(
                f"{self.spec.name} is a {type(pipeline).__name__}, which takes no words; it cannot make pictures from a prompt."
            )
        pipeline.set_progress_bar_config(disable=True)
        report(1.0)

    @staticmethod
    def _check_tokenizers(pipeline: Any) -> None:
        """A tokenizer without its vocabulary loads without a word and reads everything as noise."""
        for name in ("", "_2", "_3"):
            tokenizer, encoder = getattr(pipeline, f"tokenizer{name}", None), getattr(pipeline, f"text_encoder{name}", None)
            expected = getattr(getattr(encoder, "config", None), "vocab_size", 0)
            if tokenizer is not None and expected and len(tokenizer) < expected // 2:
                raise ModelUnavailable(
                    f"tokenizer{name} knows {len(tokenizer)} tokens, its text encoder {expected}: its vocabulary file is missing."
                )

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        yield from stream(lambda emit: self._run(request, options, seed, emit))

    def _run(self, request: Request, options: Options, seed: int, emit: Emit) -> None:
        for number in range(options.count):
            own = (seed + number) % (MAX_SEED + 1)
            watch = _Watch(self._pipeline, emit, options, number)
            picture = self._picture(request.prompt, options, own, watch)
            sampler = type(self._pipeline.scheduler).__name__.removesuffix("Scheduler")
            facts = {"sampler": sampler, "size": f"{picture.width}x{picture.height}"}
            if options.scale > 1:
                facts["scaled"] = f"{options.scale}x Lanczos"
                picture = picture.resize((picture.width * options.scale, picture.height * options.scale), Image.Resampling.LANCZOS)
            emit(Artifact("image", picture, own, facts))

    def _picture(self, prompt: str, options: Options, seed: int, watch: "_Watch") -> Any:
        import torch

        wanted = {
            "prompt": prompt, "negative_prompt": options.negative_prompt or None, "width": options.width, "height": options.height,
            "num_inference_steps": options.steps, "guidance_scale": options.guidance_scale,
            "generator": torch.Generator("cpu").manual_seed(seed), "callback_on_step_end": watch.step,
        }  # fmt: skip
        given = {name: value for name, value in wanted.items() if value is not None and name in self._takes}
        try:
            with watch.following("callback_on_step_end" in given):
                result = self._pipeline(**given)
        except ValueError as problem:
            raise BadRequest(f"{self.spec.name} does not take this: {problem}") from problem
        finally:
            self._pipeline.maybe_free_model_hooks()
        return _sound(result, self.spec.name)

    def unload(self) -> None:
        self._pipeline = None


class _Watch:
    """Reports the steps of one picture, with a preview now and then; what `emit` raises ends the pipeline within the step."""

    def __init__(self, pipeline: Any, emit: Emit, options: Options, number: int):
        self._pipeline, self._emit, self._number, self._count = pipeline, emit, number, options.count
        self._steps = options.steps
        self._seen, self._cost, self._last = 0, 0.0, time.monotonic()

    def step(self, pipeline: Any, index: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        """Diffusers' callback at the end of a step."""
        total = getattr(pipeline, "num_timesteps", None) or self._steps or 0
        self._report(index + 1, total, self._preview(values.get("latents")))
        return values

    @contextmanager
    def following(self, has_callback: bool) -> Iterator[None]:
        """See the steps of pipelines without a callback by a hook before each call of the network."""
        network = getattr(self._pipeline, "unet", None) or getattr(self._pipeline, "transformer", None)
        if has_callback or network is None:
            yield
            return
        handle = network.register_forward_pre_hook(lambda *_: self._report(self._seen + 1, self._steps or 0, None))
        try:
            yield
        finally:
            handle.remove()

    def _report(self, step: int, total: int, preview: Any) -> None:
        self._seen = step
        self._emit(Progress(self._number * total + step, total * self._count, preview=preview))

    def _preview(self, latents: Any) -> Any:
        if latents is None or getattr(latents, "ndim", 0) != 4 or time.monotonic() - self._last < self._cost / PREVIEW_SHARE:
            return None
        began = time.monotonic()
        picture = _decode_small(self._pipeline, latents)
        self._last = time.monotonic()
        self._cost = self._last - began
        return picture


def _decode_small(pipeline: Any, latents: Any) -> Any:
    """Return the picture the latents (1, c, h, w) would be now, from at most PREVIEW_SIDE latents a side; None where that fails."""
    import torch

    vae = getattr(pipeline, "vae", None)
    if vae is None:
        return None
    longest = max(latents.shape[-2:])
    with torch.no_grad():
        if longest > PREVIEW_SIDE:
            latents = torch.nn.functional.interpolate(latents.float(), scale_factor=PREVIEW_SIDE / longest, mode="area")
        shift = getattr(vae.config, "shift_factor", None) or 0.0
        try:
            pixels = vae.decode((latents.to(vae.dtype) / vae.config.scaling_factor + shift), return_dict=False)[0]
        except (AttributeError, RuntimeError, TypeError):  # a video or patched autoencoder: no preview then
            return None
    return pipeline.image_processor.postprocess(pixels, output_type="pil")[0]


def _sound(result: Any, name: str) -> Any:
    """Return the picture of a pipeline's result. Raises GenerationFailed when it is hidden or of one colour."""
    if any(getattr(result, "nsfw_content_detected", None) or []):
        raise GenerationFailed(f"The safety checker of {name} hid this picture. Try another seed or other words.")
    picture = result.images[0].convert("RGB")
    if all(low == high for low, high in picture.getextrema()):
        raise GenerationFailed(
            f"{name} made a picture of one single colour, which is no result. Try more steps, another size or another seed."
        )
    return picture
