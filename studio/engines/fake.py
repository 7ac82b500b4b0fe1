"""An engine without a model, for tests: it does at once, on demand, what real ones do seldom (wait, fail, hang, die)."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Literal

import numpy
from PIL import Image
from pydantic import Field

from studio import engines
from studio.errors import GenerationFailed
from studio.types import Artifact, Audio, Event, Progress, Request, TextDelta


class Options(engines.Options):
    medium: Literal["image", "text", "audio"] = Field("image", title="Medium")
    count: int = Field(1, ge=1, le=64, title="How many", json_schema_extra={"main": True})
    width: int = Field(64, ge=8, le=512, multiple_of=8, title="Width", json_schema_extra={"unit": "px"})
    height: int = Field(64, ge=8, le=512, multiple_of=8, title="Height", json_schema_extra={"unit": "px"})
    steps: int = Field(3, ge=1, le=10_000, title="Steps", json_schema_extra={"main": True})
    delay: float = Field(0.0, ge=0, le=600, title="Seconds a step", json_schema_extra={"unit": "s"})
    trouble: Literal["", "raise", "bug", "die", "hang"] = Field("", title="What goes wrong after the first step")
    max_tokens: int = Field(256, ge=1, le=8192, title="Longest answer", json_schema_extra={"unit": "tokens"})
    speed: float = Field(1.0, ge=0.25, le=4, title="Speed")


class Engine(engines.Engine):
    """Makes a coloured picture, the prompt's words one by one, or a tone; each follows from prompt and seed."""

    task = "text-to-image"
    Options = Options

    def load(self, report: engines.Report) -> None:
        report(1.0)

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        for step in range(options.steps):
            time.sleep(options.delay)
            yield Progress(step + 1, options.steps, preview=_picture(options, seed))
            self._trouble(options.trouble)
        if options.medium == "text" or request.messages:
            yield from _words(request, seed)
            return
        for number in range(options.count):
            data = Audio(_tone(seed + number), 16_000) if options.medium == "audio" else _picture(options, seed + number)
            yield Artifact(options.medium, data, seed + number)

    def unload(self) -> None:
        """Nothing was taken."""

    @staticmethod
    def _trouble(kind: str) -> None:
        if kind == "raise":
            raise GenerationFailed("The fake engine was asked to fail.")
        if kind == "bug":
            raise KeyError("a defect")
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


def _picture(options: Options, seed: int) -> Image.Image:
    pixels = numpy.random.default_rng(seed).integers(0, 256, (options.height, options.width, 3), numpy.uint8)
    return Image.fromarray(pixels)


def _tone(seed: int) -> numpy.ndarray:
    times = numpy.arange(8_000, dtype=numpy.float32) / 16_000
    return (0.3 * numpy.sin(2 * numpy.pi * (220 + seed % 220) * times)).astype(numpy.float32)[:, None]
