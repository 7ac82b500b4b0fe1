"""Text read aloud by VITS (MMS-TTS among them), as transformers reads it from a folder."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from studio import engines
from studio.engines._loading import reading
from studio.engines._stream import Emit, stream
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.sentences import Part, parts
from studio.types import MAX_SEED, Artifact, Audio, Event, ModelSpec, Progress, Request

FADE = 0.005  # s at both ends of a part, so that no cut is heard
SILENT = 1e-3  # a result that never exceeds this is none
WITHIN = 0.3  # share of the pause that stands between the pieces of a long sentence
LOOK = 0.2  # s between two looks at whether the run was stopped


class Options(engines.Options):
    voice: str = Field(
        "", max_length=100, title="Voice", description="A voice of the model; empty for its first", json_schema_extra={"main": True}
    )
    speed: float = Field(
        1.0,
        ge=0.25,
        le=4,
        title="Speed",
        description="1 is the model's own pace, 2 is twice as fast",
        json_schema_extra={"main": True, "step": 0.05},
    )
    pause: float = Field(
        0.3, ge=0, le=5, title="Pause", description="Silence between two sentences", json_schema_extra={"unit": "s", "step": 0.1}
    )
    noise_scale: float | None = Field(
        None,
        ge=0,
        le=2,
        title="Variation",
        description="How much chance there is in the sound; empty for the model's own",
        json_schema_extra={"step": 0.05},
    )


class Engine(engines.Engine):
    """A VITS model. A long text is spoken sentence by sentence; each sounds the same alone or among others."""

    task = "text-to-speech"
    Options = Options

    def load(self, report: engines.Report) -> None:
        import torch
        from transformers import VitsModel, VitsTokenizer

        report(0.1)
        self._check_kind()
        with reading(self.spec, self.source):
            tokenizer = VitsTokenizer.from_pretrained(self.source, local_files_only=True, trust_remote_code=False)
            # Frames are counted in the model's own type: float32, whatever the device, or long texts lose count.
            model, found = VitsModel.from_pretrained(
                self.source,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        self._check_complete(found["missing_keys"], tokenizer, model.config.vocab_size)
        report(0.8)
        self._tokenizer, self._model = tokenizer, model.to(self.device.type).eval()
        report(1.0)

    def _check_kind(self) -> None:
        kind = _read(Path(self.source) / "config.json").get("model_type")
        if kind != "vits":
            raise ModelUnavailable(
                f"{self.spec.name} is a {kind or 'model without a config.json'}; this engine speaks VITS and MMS-TTS only.", "model"
            )

    def _check_complete(self, missing: Any, tokenizer: Any, vocabulary: int) -> None:
        lost = sorted(key for key in missing if not key.startswith("posterior_encoder."))
        if lost:
            raise ModelUnavailable(f"{self.spec.name} cannot be loaded: {len(lost)} weights are missing, {lost[0]} for one.", "model")
        if len(tokenizer.encoder) > vocabulary:
            raise ModelUnavailable(
                f"{self.spec.name}: its vocab.json has {len(tokenizer.encoder)} characters, the model {vocabulary}.", "model"
            )
        for needed, package in ((tokenizer.phonemize, "phonemizer"), (tokenizer.is_uroman, "uroman")):
            if needed and find_spec(package) is None:
                raise ModelUnavailable(f"{self.spec.name} reads text by the library {package}. Install it: pip install {package}", "model")

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        yield from stream(lambda emit: self._run(request.prompt, options, seed, emit))

    def _run(self, prompt: str, options: Options, seed: int, emit: Emit) -> None:
        voice, speaker = self._voice(options.voice)
        speakable, dropped = self._speakable(prompt)
        pieces = []
        for number, (part, text) in enumerate(speakable):
            emit(Progress(number, len(speakable), unit="part"))
            with self._watched(emit, Progress(number, len(speakable), unit="part")):
                pieces.append(_faded(self._speak(text, speaker, options, (seed + number) % (MAX_SEED + 1)), self._rate))
            pieces.append(np.zeros(round(options.pause * (1 if part.ends else WITHIN) * self._rate), np.float32))
        samples = np.concatenate(pieces[:-1])
        facts = {
            "voice": voice,
            "sentences": sum(part.ends for part, _ in speakable),
            "seconds": round(len(samples) / self._rate, 2),
            "dropped": dropped,
        }
        emit(Progress(len(speakable), len(speakable), unit="part"))
        emit(Artifact("audio", Audio(samples[:, None], self._rate), seed, facts))

    @property
    def _rate(self) -> int:
        return self._model.config.sampling_rate

    def _voice(self, wanted: str) -> tuple[str, int | None]:
        """Return the voice's id and its number; the number is None for a model with one voice."""
        voices = self.voices(self.spec, self.source)
        ids = [voice["id"] for voice in voices]
        if not voices and not wanted:
            return "", None
        if wanted and wanted not in ids:
            right = f"It has {', '.join(ids)}." if ids else "It has one voice; leave the field empty."
            raise BadRequest(f"{self.spec.name} has no voice {wanted!r}. {right}", param="voice")
        return wanted or ids[0], ids.index(wanted) if wanted else 0

    def _speakable(self, prompt: str) -> tuple[list[tuple[Part, str]], list[str]]:
        """Return the parts that can be spoken, each with its text in the model's letters, and the characters left out."""
        from studio.engines._spoken import spoken

        known = set(self._tokenizer.encoder) - {self._tokenizer.decoder[0]} if self._tokenizer.add_blank else set(self._tokenizer.encoder)
        rewrites = self._tokenizer.is_uroman or self._tokenizer.phonemize
        language = _language(self._tokenizer.language)
        found, dropped = [], set()
        for part in parts(prompt):
            text = spoken(part.text, language, known)
            lost = set() if rewrites else {letter for letter in text if letter.lower() not in known and not letter.isspace()}
            dropped |= lost
            if any(letter.isalnum() and letter not in lost for letter in text):
                found.append((part, text))
        if not found:
            signs = " ".join(sorted(dropped)[:20])
            raise BadRequest(
                f"Nothing here can be spoken{f': {self.spec.name} does not know {signs}' if signs else ''}. Write some words.",
                param="prompt",
            )
        return found, sorted(dropped)

    def _speak(self, text: str, speaker: int | None, options: Options, seed: int) -> np.ndarray:
        import torch

        model = self._model
        model.noise_scale = model.config.noise_scale if options.noise_scale is None else options.noise_scale
        inputs = self._tokenizer(text, return_tensors="pt").to(self.device.type)
        devices = [self.device.type] if self.device.type.startswith("cuda") else []
        with torch.inference_mode(), torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            speed = options.speed * model.config.speaking_rate
            waveform = model(inputs["input_ids"], inputs["attention_mask"], speaker_id=speaker, speaking_rate=speed).waveform
        samples = waveform[0].float().cpu().numpy()
        if not np.isfinite(samples).all() or np.abs(samples).max(initial=0) < SILENT:
            raise GenerationFailed(f"{self.spec.name} made no sound of {text[:60]!r}. Try other words or another seed.")
        return np.clip(samples, -1, 1)

    @contextmanager
    def _watched(self, emit: Emit, progress: Progress) -> Iterator[None]:
        """Repeat `progress` now and then from inside the model, where a stop takes effect."""
        last = time.monotonic()

        def look(*_: Any) -> None:
            nonlocal last
            if time.monotonic() - last > LOOK:
                last = time.monotonic()
                emit(progress)

        layers = [
            *self._model.text_encoder.encoder.layers,
            *self._model.flow.flows,
            *self._model.decoder.upsampler,
            *self._model.decoder.resblocks,
        ]
        handles = [layer.register_forward_pre_hook(look) for layer in layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def unload(self) -> None:
        self._model = self._tokenizer = None

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[dict[str, str]]:
        """Return the speakers by number; their names and languages come from an optional voices.json beside config.json."""
        folder = Path(source)
        count = _read(folder / "config.json").get("num_speakers", 1)
        named = _read(folder / "voices.json") or []
        language = _read(folder / "tokenizer_config.json").get("language") or ""
        unnamed = [{"id": str(number), "name": f"Voice {number}", "language": language} for number in range(count)]
        voices = [{**plain, **given} for plain, given in zip(unnamed, named, strict=False)] + unnamed[len(named) :]
        return voices if count > 1 else []


def _read(path: Path) -> Any:
    """Return what a small JSON file holds; an empty dict where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _language(name: str | None) -> str:
    return (name or "").lower().replace("_", "-").split("-")[0]


def _faded(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the samples with a short rise at the beginning and a short fall at the end."""
    ramp = np.linspace(0, 1, min(round(FADE * rate), len(samples) // 2), dtype=np.float32)
    samples[: len(ramp)] *= ramp
    samples[len(samples) - len(ramp) :] *= ramp[::-1]
    return samples
