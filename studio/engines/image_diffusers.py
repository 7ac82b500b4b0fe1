"""Pictures from words, from a picture, or from a part of one: any text-to-image pipeline that diffusers reads."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Annotated, Any, Literal

from PIL import Image
from pydantic import BeforeValidator, Field

from studio import engines
from studio.engines import _schedulers
from studio.engines._assembly import assembled
from studio.engines._flaws import check_latents, sound
from studio.engines._loading import reading
from studio.engines._loras import Loras, asked
from studio.engines._placing import place, tile
from studio.engines._previews import Previews
from studio.engines._start import Start, multiple_of, pipeline_for, started, takes
from studio.engines._steps import Steps
from studio.engines._stream import Emit, stream
from studio.errors import BadRequest, ModelUnavailable
from studio.types import MAX_SEED, Artifact, Event, Request

Sampler = Literal[_schedulers.NAMES]
APART = 0x5EED  # from the seed of the first noise to that of the later: one seed would draw the same numbers again
USUAL_STRENGTH = 0.75  # as AUTOMATIC1111's page begins
TRUE_GUIDANCE = 2.0  # for negative words where guidance is distilled into the model; each step then takes twice as long


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
    strength: float | None = Field(
        None, ge=0.01, le=1, title="Change", description="With a picture to start from: 0 keeps it, 1 makes it anew",
        json_schema_extra={"step": 0.01, "input": "image", "usual": USUAL_STRENGTH},
    )  # fmt: skip
    scheduler: Annotated[Sampler | None, BeforeValidator(_schedulers.canonical)] = Field(
        None, title="Sampler", description="How noise becomes a picture, step by step"
    )
    loras: str = Field("", max_length=2000, title="LoRAs", description="Of this model's, by name and weight: name:0.8, other:1")
    clip_skip: int | None = Field(
        None, ge=0, le=11, title="Clip skip", description="Last layers of the text encoder to leave out (1 here is 2 in AUTOMATIC1111)"
    )
    guidance_rescale: float | None = Field(
        None, ge=0, le=1, title="Guidance rescale", description="Against glare at high guidance", json_schema_extra={"step": 0.05},
    )  # fmt: skip
    scale: int = Field(1, ge=1, le=8, title="Enlarge", description="Finished pictures are enlarged by this factor (Lanczos)")


class Engine(engines.Engine):
    """A diffusers pipeline. Pictures of one request are made one after another, so each is the same alone or among others."""

    task = "text-to-image"
    inputs = {"image": "image", "mask": "image"}
    modes = ("whole", "8bit", "4bit", "offload", "stream")
    Options = Options

    def load(self, report: engines.Report) -> None:
        import torch  # noqa: F401  (before diffusers, whose import is then quicker)

        report(0.1)
        with reading(self.spec, self.source):
            pipeline = assembled(self.spec, self.source, self.placement)
            report(0.7)
            self._pipeline = place(pipeline, self.placement, self.device)
        if "prompt" not in takes(pipeline):
            raise ModelUnavailable(
                f"{self.spec.name} is a {type(pipeline).__name__}, which takes no words; it cannot make pictures from a prompt."
            )
        pipeline.set_progress_bar_config(disable=True)
        files = {name: self.placement.extras.get(place, place) for name, place in self.spec.loras.items()}
        self._loras, self._previews = Loras(pipeline, files, self.spec.name), self._new_previews()
        report(1.0)

    def _new_previews(self) -> Previews:
        """Return previews; none where each would push the network out of the device and back."""
        return Previews(decode=lambda *_: None) if self.placement.mode in ("offload", "stream") else Previews()

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        yield from stream(lambda emit: self._run(request, options, seed, emit))

    def _run(self, request: Request, options: Options, seed: int, emit: Emit) -> None:
        start = started(request.inputs, options.width, options.height, multiple_of(self._pipeline))
        prompt, loras = asked(request.prompt, options.loras, self.spec.loras)
        self._loras.wear(loras)
        self._previews.start()
        with self._sampled(options.scheduler):
            pipeline = pipeline_for(self._pipeline, start, self.spec.name)
            given = self._given(pipeline, prompt, options, start)
            tile(pipeline, given.get("width"), given.get("height"))
            for number in range(options.count):
                own = (seed + number) % (MAX_SEED + 1)
                steps = Steps(pipeline, emit, self._previews, given, number, options.count)
                picture = self._picture(pipeline, given, own, steps)
                facts = self._facts(picture, options, loras)
                emit(Artifact("image", _finished(picture, start, options.scale), own, facts))

    @contextmanager
    def _sampled(self, name: str | None) -> Iterator[None]:
        """Run the pipeline with the sampler asked for, and give it its own back."""
        own = getattr(self._pipeline, "scheduler", None)
        if name:
            self._pipeline.scheduler = _schedulers.sampler(name, self._pipeline, self.spec.name)
        try:
            yield
        finally:
            if name:
                self._pipeline.scheduler = own

    def _given(self, pipeline: Any, prompt: str, options: Options, start: Start | None) -> dict[str, Any]:
        """Return what the pipeline is called with. Raises BadRequest for an option that is set and that it does not know."""
        known = takes(pipeline)
        width, height = start.image.size if start else (options.width, options.height)
        soft = {"prompt": prompt, "width": width, "height": height, "num_inference_steps": options.steps, "clean_caption": False}
        hard = {
            "negative_prompt": options.negative_prompt or None, "guidance_scale": options.guidance_scale, "clip_skip": options.clip_skip,
            "guidance_rescale": options.guidance_rescale,
        }  # fmt: skip
        if start:
            soft |= {"image": start.image, "mask_image": start.mask}
            # The page begins with the usual one; a model that takes a picture as a hint has none, which is no fault of who asks.
            (soft if options.strength == USUAL_STRENGTH else hard)["strength"] = options.strength
        refused = [name for name, value in hard.items() if value is not None and name not in known]
        if refused:
            raise BadRequest(f"{self.spec.name} takes no {refused[0]!r}; leave it empty.", param=refused[0])
        given = {name: value for name, value in {**soft, **hard}.items() if value is not None and name in known}
        _check(pipeline, given)
        return _with_true_guidance(pipeline, given)

    def _picture(self, pipeline: Any, given: dict[str, Any], seed: int, steps: Steps) -> Any:
        import torch

        torch.manual_seed(seed ^ APART)  # some schedulers draw from torch's own numbers
        try:
            with steps.followed(self._check_latents) as callback, _wrapped_text_model(pipeline):
                result = pipeline(**given, **callback, generator=torch.Generator("cpu").manual_seed(seed))
        except ValueError as problem:
            raise BadRequest(f"{self.spec.name} does not take this: {problem}") from problem
        finally:
            self._pipeline.maybe_free_model_hooks()
        return sound(result, self.spec.name, self.placement.dtype)

    def _check_latents(self, latents: Any) -> None:
        check_latents(latents, self.spec.name, self.placement.dtype)

    def _facts(self, picture: Image.Image, options: Options, loras: dict[str, float]) -> dict[str, Any]:
        sampler = options.scheduler or type(self._pipeline.scheduler).__name__.removesuffix("Scheduler")
        facts = {"sampler": sampler, "size": f"{picture.width}x{picture.height}"}
        if loras:
            facts["loras"] = ", ".join(f"{name}:{weight:g}" for name, weight in loras.items())
        return facts | ({"scaled": f"{options.scale}x Lanczos"} if options.scale > 1 else {})

    def unload(self) -> None:
        self._pipeline = self._loras = None


def _check(pipeline: Any, given: dict[str, Any]) -> None:
    """Raise BadRequest for values that diffusers would fail over without a word about them."""
    steps, strength = given.get("num_inference_steps"), given.get("strength")
    if steps and strength and int(steps * strength) < 1:
        raise BadRequest(f"With a change of {strength:g} none of {steps} steps is left: ask for more of either.", param="strength")
    layers = getattr(getattr(getattr(pipeline, "text_encoder", None), "config", None), "num_hidden_layers", None)
    if layers and given.get("clip_skip", 0) >= layers:
        raise BadRequest(f"clip_skip is {given['clip_skip']}; this text encoder has {layers} layers, so less is needed.", param="clip_skip")


@contextmanager
def _wrapped_text_model(pipeline: Any) -> Iterator[None]:
    """For `clip_skip`, diffusers 0.42 looks for the last norm of CLIP under `text_model`, which it has no more since transformers 5.6."""
    encoder = getattr(pipeline, "text_encoder", None)
    if not hasattr(encoder, "final_layer_norm") or hasattr(encoder, "text_model"):
        yield
        return
    encoder.text_model = SimpleNamespace(final_layer_norm=encoder.final_layer_norm)
    try:
        yield
    finally:
        del encoder.text_model


def _with_true_guidance(pipeline: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Let guidance and negative words reach pipelines that keep them apart from the guidance distilled into the model."""
    parameters = inspect.signature(pipeline.__call__).parameters
    if "true_cfg_scale" not in parameters:
        return given
    if parameters["true_cfg_scale"].default > 1:  # Qwen-Image: guided by words alone, and only beside negative ones
        true = {"true_cfg_scale": given.get("guidance_scale", parameters["true_cfg_scale"].default), "negative_prompt": " "}
        return {**true, **{name: value for name, value in given.items() if name != "guidance_scale"}}
    return {**given, "true_cfg_scale": TRUE_GUIDANCE} if "negative_prompt" in given else given


def _finished(picture: Image.Image, start: Start | None, scale: int) -> Image.Image:
    picture = start.kept(picture) if start else picture
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.LANCZOS) if scale > 1 else picture
