"""Faces of nobody by diffusion: unconditional pipelines of diffusers (DDPM, DDIM, PNDM, latent diffusion and their like)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image
from pydantic import Field

from studio import engines
from studio.engines._assembly import assembled
from studio.engines._flaws import check_latents, sound
from studio.engines._loading import reading
from studio.engines._start import takes
from studio.engines._stream import Emit, stream
from studio.errors import BadRequest, ModelUnavailable
from studio.types import MAX_SEED, Artifact, Event, Progress, Request

PREVIEW_SIDE = 256  # px
BETWEEN = 0.2  # least seconds between two previews


class Options(engines.Options):
    count: int = Field(1, ge=1, le=64, title="How many", description="Each face has its own seed", json_schema_extra={"main": True})
    steps: int | None = Field(None, ge=1, le=2000, title="Steps", description="More steps: finer, slower", json_schema_extra={"main": True})
    eta: float | None = Field(
        None, ge=0, le=1, title="Noise on the way", json_schema_extra={"step": 0.05},
        description="0: none (DDIM), good with 50 steps; 1: as much as DDPM. Empty: the model's own way",
    )  # fmt: skip
    scale: int = Field(1, ge=1, le=8, title="Enlarge", description="Finished pictures are enlarged by this factor (Lanczos)")


class Engine(engines.Engine):
    """One pipeline. Faces are made one after another, so each is the same alone or among others."""

    task = "unconditional-image-generation"
    needs_prompt = False
    Options = Options

    def load(self, report: engines.Report) -> None:
        import torch  # noqa: F401  (before diffusers, whose import is then quicker)

        report(0.1)
        with reading(self.spec, self.source):
            pipeline = assembled(self.spec, self.source, self.placement)
            report(0.7)
            self._pipeline = pipeline.to(self.device.type)
        if not {"batch_size", "num_inference_steps"} <= takes(pipeline) or not hasattr(pipeline, "unet"):
            raise ModelUnavailable(
                f"{self.spec.name} is a {type(pipeline).__name__}, which does not make pictures of itself; face_diffusers runs "
                "DDPM, DDIM and other unconditional pipelines.", param="model",
            )  # fmt: skip
        report(1.0)

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        yield from stream(lambda emit: self._run(options, seed, emit))

    def _run(self, options: Options, seed: int, emit: Emit) -> None:
        pipeline, given = self._sampled(options)
        pipeline.set_progress_bar_config(disable=True)
        for number in range(options.count):
            own = (seed + number) % (MAX_SEED + 1)
            picture = self._picture(pipeline, given, own, _Watch(pipeline, emit, number, options.count))
            facts = {"size": f"{picture.width}x{picture.height}", "sampler": type(pipeline.scheduler).__name__.removesuffix("Scheduler")}
            if options.scale > 1:
                facts["scaled"] = f"{options.scale}x Lanczos"
                picture = picture.resize((picture.width * options.scale, picture.height * options.scale), Image.Resampling.LANCZOS)
            emit(Artifact("image", picture, own, facts))

    def _sampled(self, options: Options) -> tuple[Any, dict[str, Any]]:
        """Return the pipeline that goes the way asked for, over the same network, and what to call it with."""
        given = {} if options.steps is None else {"num_inference_steps": options.steps}
        self._check_steps(options)
        if options.eta is None:
            return self._pipeline, given
        if "eta" in takes(self._pipeline):
            return self._pipeline, {**given, "eta": options.eta}
        if type(self._pipeline).__name__ != "DDPMPipeline":
            raise BadRequest(
                f"eta is {options.eta:g}: {self.spec.name} is a {type(self._pipeline).__name__}, which adds its noise its own way. "
                "Leave it empty.", param="eta",
            )  # fmt: skip
        from diffusers import DDIMPipeline

        return DDIMPipeline(**self._pipeline.components), {**given, "eta": options.eta}

    def _check_steps(self, options: Options) -> None:
        scheduler = self._pipeline.scheduler
        most = scheduler.config.get("num_train_timesteps", 2000)
        least = 1 if scheduler.config.get("skip_prk_steps") else getattr(scheduler, "pndm_order", 1)
        if options.steps is not None and not least <= options.steps <= most:
            raise BadRequest(f"steps is {options.steps}: {self.spec.name} takes {least} to {most}.", param="steps")

    def _picture(self, pipeline: Any, given: dict[str, Any], seed: int, watch: "_Watch") -> Image.Image:
        import torch

        torch.manual_seed(seed)  # some pipelines draw beside their generator
        with watch.following(lambda latents: check_latents(latents, self.spec.name, self.placement.dtype)):
            result = pipeline(generator=torch.Generator("cpu").manual_seed(seed), **given)
        return sound(result, self.spec.name, self.placement.dtype)

    def unload(self) -> None:
        self._pipeline = None


class _Watch:
    """Reports the steps of one face of several by a hook before each call of the network: these pipelines call nobody back."""

    def __init__(self, pipeline: Any, emit: Emit, number: int, count: int):
        self._pipeline, self._emit, self._number, self._count = pipeline, emit, number, count
        self._seen, self._last = 0, time.monotonic()

    @contextmanager
    def following(self, check: Any) -> Iterator[None]:
        """Report; `check(picture)` is called with what the network is given last."""

        def called(network: Any, given: tuple[Any, ...]) -> None:
            total = len(self._pipeline.scheduler.timesteps)
            self._seen = min(self._seen + 1, total)
            if self._seen == total:
                check(given[0])
            self._emit(Progress(self._number * total + self._seen, self._count * total, preview=self._preview(given[0])))

        handle = self._pipeline.unet.register_forward_pre_hook(called)
        try:
            yield
        finally:
            handle.remove()

    def _preview(self, picture: Any) -> Image.Image | None:
        """Return the picture (1, 3, h, w) of about [-1, 1] as it is now; None for latents and where the last one is fresh."""
        if picture.shape[1] != 3 or hasattr(self._pipeline, "vqvae") or time.monotonic() - self._last < BETWEEN:
            return None
        pixels = picture[0].float().clamp(-1, 1).add(1).mul(127.5).byte().permute(1, 2, 0).cpu().numpy()
        small = Image.fromarray(pixels)
        small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        self._last = time.monotonic()
        return small
