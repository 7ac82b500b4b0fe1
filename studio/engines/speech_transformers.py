"""Text read aloud by the speech models of transformers: VITS, SpeechT5, Bark, CSM, Dia and others (see `_speech.py`)."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from studio import engines
from studio.engines._loading import following_weights, reading
from studio.engines._speech import Speaker, is_spoken, samples_of, speaker_class
from studio.engines._stream import Emit, stream
from studio.engines._tempo import stretched
from studio.errors import BadRequest, GenerationFailed
from studio.sentences import Part
from studio.types import MAX_SEED, Artifact, Audio, Event, ModelSpec, Progress, Request

FADE = 0.005  # s at both ends of a part, so that no cut is heard
SILENT = 1e-3  # a result that never moves by more than this is none
CLIPPED = 0.5  # share of the samples at the bounds from which a sound is noise
WITHIN = 0.3  # share of the pause that stands between the pieces of a long sentence
LOOK = 0.2  # s between two looks at whether the run was stopped, where there are no tokens


class Options(engines.Options):
    """None leaves a value to the model's own settings."""

    voice: str = Field(
        "", max_length=100, title="Voice", description="A voice of the model; empty for its first", json_schema_extra={"main": True}
    )
    speed: float = Field(
        1.0, ge=0.25, le=4, title="Speed", description="1 is the model's own pace, 2 is twice as fast",
        json_schema_extra={"main": True, "step": 0.05},
    )  # fmt: skip
    pause: float = Field(
        0.3, ge=0, le=5, title="Pause", description="Silence between two sentences", json_schema_extra={"unit": "s", "step": 0.1}
    )
    noise_scale: float | None = Field(
        None, ge=0, le=2, title="Variation", description="How much chance there is in the sound; VITS models",
        json_schema_extra={"step": 0.05},
    )  # fmt: skip
    temperature: float | None = Field(
        None, gt=0, le=2, title="Temperature", description="Higher: livelier, and less sure; models that speak token by token",
        json_schema_extra={"step": 0.05},
    )  # fmt: skip
    guidance_scale: float | None = Field(
        None, ge=1, le=10, title="Guidance", description="How closely to keep to the text; Dia and VibeVoice",
        json_schema_extra={"step": 0.1},
    )  # fmt: skip
    seeds: list[int] = Field(
        default_factory=list, max_length=10_000, title="Seeds of the parts",
        description="One for each part, as an earlier recording's facts name them; change one to have that part spoken anew",
    )  # fmt: skip


class Engine(engines.Engine):
    """A speech model. A long text is spoken part by part; each sounds the same alone or among others."""

    task = "text-to-speech"
    Options = Options

    def load(self, report: engines.Report) -> None:
        import torch  # noqa: F401  (before transformers, whose import is then quicker)

        report(0.05)
        speaker = speaker_class(self.spec, self.source)(self.spec, self.device, self.source, self.placement)
        with reading(self.spec, self.source), following_weights(report):
            speaker.load()
        self._speaker: Speaker | None = speaker
        self._heard: dict[str, _Heard] = {}  # the parts of the last run: one changed seed speaks one part anew
        report(1.0)

    def unload(self) -> None:
        self._speaker, self._heard = None, {}

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[dict[str, str]]:
        known = is_spoken(source)
        return speaker_class(spec, source).voices(spec, source) if known else []

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        yield from stream(lambda emit: self._run(request.prompt, options, seed, emit))

    def _run(self, prompt: str, options: Options, seed: int, emit: Emit) -> None:
        self._check_taken(options)
        voice, (speakable, dropped) = self._voice(options.voice), self._speakable(prompt)
        seeds = self._seeds(options.seeds, seed, len(speakable))
        way, started = _Way(emit, [self._speaker.limit(text) for _, text in speakable]), time.monotonic()
        spoken, heard = [], {}
        for number, ((_, text), own) in enumerate(zip(speakable, seeds, strict=True)):
            way.enter(number)
            key = json.dumps([text, voice, own, options.model_dump(exclude={"pause", "seeds"})])
            heard[key] = self._heard.get(key) or _Heard(self._spoken(text, voice, options, own, way), way.done)
            spoken.append(heard[key])
        self._heard = heard
        way.end()
        cut = [part for part, _ in speakable]
        samples, places = self._joined([part.samples for part in spoken], cut, options.pause)
        told = [{"text": part.text, **place, "seed": own} for part, place, own in zip(cut, places, seeds, strict=True)]
        facts = {"voice": voice, "sentences": sum(part.ends for part in cut), "seconds": round(len(samples) / self._speaker.rate, 2)}
        facts |= {"dropped": dropped, "parts": told}
        if self._speaker.pace:
            facts |= {"tokens": sum(part.tokens for part in spoken), "tokens_per_second": way.pace(time.monotonic() - started)}
        emit(Artifact("audio", Audio(samples[:, None], self._speaker.rate), seed, facts))

    def _check_taken(self, options: Options) -> None:
        for name in ("noise_scale", "temperature", "guidance_scale"):
            if getattr(options, name) is not None and name not in self._speaker.takes:
                title = Options.model_fields[name].title
                raise BadRequest(f"{self.spec.name} has no {title.lower()} to set. Leave it empty.", param=name)

    def _voice(self, wanted: str) -> str:
        """Return the voice's id; "" for a model with one voice."""
        ids = [voice["id"] for voice in self.voices(self.spec, self.source)]
        if wanted and wanted not in ids:
            right = f"It has {', '.join(ids)}." if ids else "It has one voice; leave the field empty."
            raise BadRequest(f"{self.spec.name} has no voice {wanted!r}. {right}", param="voice")
        return wanted or (ids[0] if ids else "")

    def _speakable(self, prompt: str) -> tuple[list[tuple[Part, str]], list[str]]:
        """Return the parts that can be spoken, each with its text as the model reads it, and the characters left out."""
        read = [(part, *self._speaker.readable(part.text)) for part in self._speaker.cut(prompt)]
        found = [(part, text) for part, text, _ in read if text]
        dropped = sorted(set().union(*(lost for _, _, lost in read)))
        if not found:
            signs = " ".join(dropped[:20])
            raise BadRequest(
                f"Nothing here can be spoken{f': {self.spec.name} does not know {signs}' if signs else ''}. Write some words.",
                param="prompt",
            )
        return found, dropped

    def _seeds(self, wanted: list[int], seed: int, count: int) -> list[int]:
        """Return the seed of each part: those asked for, else one after another, or the same for a model that draws a voice by it."""
        if wanted and len(wanted) != count:
            raise BadRequest(f"{len(wanted)} seeds were given, and the text has {count} parts. Give one for each, or none.", param="seeds")
        if any(not 0 <= one <= MAX_SEED for one in wanted):
            raise BadRequest(f"A seed lies between 0 and {MAX_SEED}.", param="seeds")
        return wanted or [(seed + (0 if self._speaker.gathers else number)) % (MAX_SEED + 1) for number in range(count)]

    def _spoken(self, text: str, voice: str, options: Options, seed: int, way: "_Way") -> np.ndarray:
        """Return a part as float32 of shape (frames,), silent at both ends."""
        import torch

        devices = [self.device.type] if self.device.type.startswith("cuda") else []
        try:
            with _watched(self._speaker, way), torch.inference_mode(), torch.random.fork_rng(devices):
                torch.manual_seed(seed)
                samples = samples_of(self._speaker.speak(text, voice, options))
        except RuntimeError as problem:
            if "probability tensor" not in str(problem):
                raise
            raise self._failed(text, "computed no valid number for") from problem
        self._check_sound(samples, text)
        samples = np.clip(samples, -1, 1)
        if not self._speaker.paced and options.speed != 1:
            samples = stretched(samples, self._speaker.rate, options.speed)
        return _faded(samples, self._speaker.rate)

    def _check_sound(self, samples: np.ndarray, text: str) -> None:
        if not np.isfinite(samples).all():
            raise self._failed(text, "made no sound of", "its result is no number, ")
        if not len(samples) or np.ptp(samples) < SILENT:
            raise self._failed(text, "made no sound of")
        if np.mean(np.abs(samples) >= 1) > CLIPPED:
            raise self._failed(text, "made nothing but noise of")

    def _failed(self, text: str, what: str, why: str = "") -> GenerationFailed:
        advice = "try other words, another seed or, in the catalogue, another dtype."
        return GenerationFailed(f"{self.spec.name} {what} {text[:60]!r}: {why}{advice}")

    def _joined(self, spoken: list[np.ndarray], cut: list[Part], pause: float) -> tuple[np.ndarray, list[dict[str, float]]]:
        """Return the parts with pauses between them, and where each begins and ends in seconds."""
        rate = self._speaker.rate
        pieces, places, at = [], [], 0
        for samples, part in zip(spoken, cut, strict=True):
            places.append({"start": round(at / rate, 3), "end": round((at + len(samples)) / rate, 3)})
            silence = np.zeros(round(pause * (1 if part.ends else WITHIN) * rate), np.float32)
            pieces += [samples, silence]
            at += len(samples) + len(silence)
        return np.concatenate(pieces[:-1]), places


class _Heard(NamedTuple):
    """A part as it was spoken, and the tokens it took."""

    samples: np.ndarray
    tokens: int


class _Way:
    """Reports how far a text is spoken: in tokens where the model works so, else in parts. What `emit` raises ends the run.

    Attributes:
        done: tokens of the part that is spoken now.
    """

    def __init__(self, emit: Emit, limits: list[int]):
        """Take the tokens each part may need; zeros for a model without."""
        self._emit, self._limits = emit, limits
        self._number, self.done, self._last = 0, 0, 0.0
        self._tokens = 0

    def enter(self, number: int) -> None:
        self._number, self.done = number, 0
        self._tell()

    def look(self, *_: Any) -> None:
        """Called from inside the model, once a token or oftener."""
        self.done += 1
        self._tokens += 1
        if any(self._limits) or time.monotonic() - self._last > LOOK:
            self._tell()

    def end(self) -> None:
        self._number, self.done = len(self._limits), 0
        self._tell()

    def pace(self, seconds: float) -> float:
        """Return the tokens a second, of those that were not remembered."""
        return round(self._tokens / max(seconds, 1e-6), 1)

    def _tell(self) -> None:
        self._last = time.monotonic()
        total = sum(self._limits)
        if not total:
            self._emit(Progress(self._number, len(self._limits), "part"))
            return
        before, room = sum(self._limits[: self._number]), sum(self._limits[self._number : self._number + 1])
        self._emit(Progress(before + min(self.done, room), total, "token"))


@contextmanager
def _watched(speaker: Speaker, way: _Way) -> Iterator[None]:
    """Let the speaker's steps be looked at, where a stop takes effect."""
    handles = [module.register_forward_pre_hook(way.look) for module in speaker.steps]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _faded(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the samples with a short rise at the beginning and a short fall at the end."""
    ramp = np.linspace(0, 1, min(round(FADE * rate), len(samples) // 2), dtype=np.float32)
    samples[: len(ramp)] *= ramp
    samples[len(samples) - len(ramp) :] *= ramp[::-1]
    return samples
