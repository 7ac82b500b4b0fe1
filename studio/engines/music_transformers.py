"""Music from words, as sound: MusicGen and MusicGen Melody as transformers reads them from a folder."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from studio import engines
from studio.engines._loading import dtype, reading
from studio.engines._stream import Emit, stream
from studio.errors import GenerationFailed, ModelUnavailable
from studio.types import Artifact, Audio, Event, Progress, Request

FAMILIES = ("MusicgenForConditionalGeneration", "MusicgenMelodyForConditionalGeneration")
SILENCE = 1e-4  # amplitude, -80 dBFS
DAMAGED = "Its weights may be damaged, or its dtype too small: try float32."


class Options(engines.Options):
    duration: float = Field(
        8.0, ge=1, le=30, title="Duration", description="Length of the music", json_schema_extra={"unit": "s", "main": True, "step": 1}
    )
    guidance_scale: float = Field(
        3.0,
        ge=1,
        le=15,
        title="Guidance",
        description="How closely to follow the words; 1 is twice as fast",
        json_schema_extra={"step": 0.5},
    )
    temperature: float = Field(
        1.0, ge=0.1, le=2, title="Temperature", description="Higher: more surprising", json_schema_extra={"step": 0.05}
    )
    top_k: int = Field(250, ge=0, le=2048, title="Top k", description="Choose among this many likeliest sounds; 0: among all")


class Engine(engines.Engine):
    """A text encoder, a language model over the codes of a sound codec, and the codec."""

    task = "text-to-audio"
    Options = Options

    def load(self, report: engines.Report) -> None:
        from transformers import AutoModelForTextToWaveform, AutoProcessor

        report(0.1)
        local = {"local_files_only": True, "trust_remote_code": False}
        with reading(self.spec, self.source):
            self._processor = AutoProcessor.from_pretrained(self.source, **local)
            model = AutoModelForTextToWaveform.from_pretrained(
                self.source, dtype=dtype(self.placement), use_safetensors=True, **local
            )
        report(0.7)
        self._check(model)
        self._model = model.to(self.device.type).eval()
        report(1.0)

    def _check(self, model: Any) -> None:
        name = type(model).__name__
        if name not in FAMILIES:
            raise ModelUnavailable(f"{self.spec.name} is a {name}; music_transformers runs {' and '.join(FAMILIES)}.")
        known, expected = len(self._processor.tokenizer), model.config.text_encoder.vocab_size
        if known < expected // 2:
            raise ModelUnavailable(
                f"The tokenizer of {self.spec.name} knows {known} words, its text encoder {expected}: its vocabulary file is missing."
            )

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        yield from stream(lambda emit: self._run(request, options, seed, emit))

    def _run(self, request: Request, options: Options, seed: int, emit: Emit) -> None:
        codec = self._model.config.audio_encoder
        rate, channels = codec.sampling_rate, self._model.config.decoder.audio_channels
        sound = self._generate(request.prompt, options, seed, emit)
        samples = sound.reshape(channels, -1).T[: round(options.duration * rate)]
        _check_sound(samples, self.spec.name)
        facts = {"duration": round(len(samples) / rate, 3), "sample_rate": rate}
        emit(Artifact("audio", Audio(samples.clip(-1, 1), rate), seed, facts))

    def _generate(self, prompt: str, options: Options, seed: int, emit: Emit) -> Any:
        """Return float32 samples (1, channels, at least the frames asked for)."""
        import torch

        torch.manual_seed(seed)
        codec, decoder = self._model.config.audio_encoder, self._model.config.decoder
        tokens = (
            -(-int(options.duration * codec.sampling_rate) // codec.hop_length) + decoder.num_codebooks
        )  # codebooks start one after another
        inputs = self._processor(text=[prompt], padding=True, return_tensors="pt").to(self.device.type)
        try:
            with torch.inference_mode():
                sound = self._model.generate(
                    **inputs, do_sample=True, guidance_scale=options.guidance_scale, temperature=options.temperature, top_k=options.top_k,
                    max_new_tokens=tokens, stopping_criteria=[_Watch(emit, tokens)],
                )  # fmt: skip
        except RuntimeError as problem:
            if "inf" in str(problem) and "nan" in str(problem):
                raise GenerationFailed(f"{self.spec.name} computed numbers that are none. {DAMAGED}") from problem
            raise
        return sound.float().cpu().numpy()

    def unload(self) -> None:
        self._model = self._processor = None


class _Watch:
    """A stopping criterion that stops nothing itself: it reports each token, and what `emit` raises ends the run."""

    def __init__(self, emit: Emit, total: int):
        self._emit, self._total, self._done = emit, total, 0

    def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        self._done += 1
        self._emit(Progress(self._done, self._total, "token"))
        return torch.zeros(ids.shape[0], dtype=torch.bool, device=ids.device)


def _check_sound(samples: Any, name: str) -> None:
    import numpy

    if not numpy.isfinite(samples).all():
        raise GenerationFailed(f"{name} made a sound of numbers that are none. {DAMAGED}")
    if not len(samples) or abs(samples).max() < SILENCE:
        raise GenerationFailed(f"{name} made silence. Try other words, another seed or a higher temperature.")
