"""An engine without a model, for tests: it does at once, on demand, what real ones do seldom (wait, fail, hang, die)."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Literal

import numpy
import soundfile
from PIL import Image
from pydantic import Field

from studio import engines
from studio.errors import GenerationFailed
from studio.types import Artifact, Audio, Event, Progress, Request, TextDelta, Video


class Options(engines.Options):
    medium: Literal["image", "text", "audio", "video"] = Field("image", title="Medium")
    count: int = Field(1, ge=1, le=64, title="How many", json_schema_extra={"main": True})
    width: int = Field(64, ge=8, le=512, multiple_of=8, title="Width", json_schema_extra={"unit": "px"})
    height: int = Field(64, ge=8, le=512, multiple_of=8, title="Height", json_schema_extra={"unit": "px"})
    steps: int = Field(3, ge=1, le=10_000, title="Steps", json_schema_extra={"main": True})
    delay: float = Field(0.0, ge=0, le=600, title="Seconds a step", json_schema_extra={"unit": "s"})
    trouble: Literal["", "raise", "bug", "die", "hang", "memory"] = Field("", title="What goes wrong after the first step")
    max_tokens: int = Field(256, ge=1, le=8192, title="Longest answer", json_schema_extra={"unit": "tokens"})
    speed: float = Field(1.0, ge=0.25, le=4, title="Speed")
    frames: int = Field(8, ge=2, le=1000, title="Frames")
    fps: int = Field(8, ge=1, le=60, title="Frames a second")
    duration: float | None = Field(None, gt=0, le=60, title="Length", json_schema_extra={"unit": "s"})


class Engine(engines.Engine):
    """Makes a coloured picture, the prompt's words one by one, a tone, or a picture that drifts; each follows from prompt and seed.

    Of a picture it starts from, the upper left quarter of the result shows the mean colour, and the rest is noise where its mask is
    white, black elsewhere. A clip stands before the tone.
    """

    task = "text-to-image"
    modes = ("whole", "8bit")
    inputs = {"image": "image", "mask": "image", "audio": "audio"}
    Options = Options

    def load(self, report: engines.Report) -> None:
        report(1.0)

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        for step in range(options.steps):
            time.sleep(options.delay)
            yield Progress(step + 1, options.steps, preview=_picture(options, seed, request))
            self._trouble(options.trouble)
        if options.medium == "text" or request.messages:
            yield from _words(request, seed)
            return
        for number in range(options.count):
            yield _made(options, seed + number, request)

    def unload(self) -> None:
        """Nothing was taken."""

    def _trouble(self, kind: str) -> None:
        if kind == "raise":
            raise GenerationFailed("The fake engine was asked to fail.")
        if kind == "bug":
            raise KeyError("a defect")
        if kind == "memory" and self.placement.dtype == "float32":
            raise MemoryError("too wide")
        if kind == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        while kind == "hang":
            time.sleep(1)


def _words(request: Request, seed: int) -> Iterator[Event]:
    text = request.prompt or request.messages[-1].content
    for word in text.split():
        yield TextDelta(word + " ")
    count = len(text.split())
    yield Artifact("text", text, seed, {"prompt_tokens": count, "completion_tokens": count, "finish_reason": "stop"})


def _made(options: Options, seed: int, request: Request) -> Artifact:
    if options.medium == "audio":
        return Artifact("audio", _sound(request, seed), seed)
    if options.medium == "image":
        return Artifact("image", _picture(options, seed, request), seed)
    count = max(2, round(options.duration * options.fps)) if options.duration else options.frames
    pixels = numpy.asarray(_picture(options, seed, request))
    frames = [Image.fromarray(numpy.roll(pixels, number, axis=1)) for number in range(count)]
    facts = {"size": f"{options.width}x{options.height}", "frames": count, "fps": options.fps, "duration": round(count / options.fps, 2)}
    return Artifact("video", Video(frames, options.fps), seed, facts)


def _picture(options: Options, seed: int, request: Request) -> Image.Image:
    pixels = numpy.random.default_rng(seed).integers(0, 256, (options.height, options.width, 3), numpy.uint8)
    if "mask" in request.inputs:
        white = _opened(request.inputs["mask"]).convert("L").resize((options.width, options.height))
        pixels[numpy.asarray(white) < 128] = 0
    if "image" in request.inputs:
        pixels[: options.height // 2, : options.width // 2] = numpy.asarray(_opened(request.inputs["image"])).mean((0, 1)).round()
    return Image.fromarray(pixels)


def _opened(path: str) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _sound(request: Request, seed: int) -> Audio:
    if "audio" not in request.inputs:
        return Audio(_tone(seed), 16_000)
    clip, rate = soundfile.read(request.inputs["audio"], dtype="float32", always_2d=True)
    return Audio(numpy.concatenate([clip, numpy.repeat(_tone(seed), clip.shape[1], axis=1)]), rate)


def _tone(seed: int) -> numpy.ndarray:
    times = numpy.arange(8_000, dtype=numpy.float32) / 16_000
    return (0.3 * numpy.sin(2 * numpy.pi * (220 + seed % 220) * times)).astype(numpy.float32)[:, None]
