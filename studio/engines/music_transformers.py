"""Music from words, as sound: MusicGen and MusicGen Melody as transformers reads them from a folder, mono or stereo.

The models look at 30 seconds at most. A longer piece is written window by window: each begins with the codes the one before ended
with, so that the codes of the whole are one sequence, and the sound is made of them at the end.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from studio import engines
from studio.engines._loading import dtype, reading
from studio.engines._sound import DAMAGED, check_sound, joined, read_clip
from studio.engines._stream import Emit, stream
from studio.errors import GenerationFailed, ModelUnavailable
from studio.types import Artifact, Audio, Event, Progress, Request

PLAIN, MELODY = "MusicgenForConditionalGeneration", "MusicgenMelodyForConditionalGeneration"
WINDOW = 30.0  # s the models were trained on
KEPT = 10.0  # s of a window that the next one begins with
SHARED = 1.0  # s that two windows decoded one after the other both hold
FADE = 0.05  # s in which a given clip fades into what was made of its codes
CHROMA = {"n_fft": 16_384, "hop_length": 4_096, "sampling_rate": 32_000}  # of the published melody models


class Options(engines.Options):
    duration: float = Field(
        8.0, ge=1, le=300, title="Duration", description="Length of the music; a clip that is continued comes before it",
        json_schema_extra={"unit": "s", "main": True, "step": 1},
    )  # fmt: skip
    guidance_scale: float = Field(
        3.0, ge=1, le=15, title="Guidance", description="How closely to follow the words; 1 is twice as fast",
        json_schema_extra={"step": 0.5},
    )  # fmt: skip
    temperature: float = Field(
        1.0, ge=0.1, le=2, title="Temperature", description="Higher: more surprising", json_schema_extra={"step": 0.05}
    )
    top_k: int = Field(250, ge=0, le=2048, title="Top k", description="Choose among this many likeliest sounds; 0: among all")


class Engine(engines.Engine):
    """A text encoder, a language model over the codes of a sound codec, and the codec.

    A clip given as `audio` is gone on from by MusicGen; MusicGen Melody plays its melody in the style of the words.
    """

    task = "text-to-audio"
    inputs = {"audio": "audio"}
    Options = Options

    def load(self, report: engines.Report) -> None:
        from transformers import AutoModelForTextToWaveform, AutoTokenizer

        report(0.1)
        local = {"local_files_only": True, "trust_remote_code": False}
        with reading(self.spec, self.source):
            self._tokenizer = AutoTokenizer.from_pretrained(self.source, **local)
            model = AutoModelForTextToWaveform.from_pretrained(self.source, dtype=dtype(self.placement), use_safetensors=True, **local)
        report(0.7)
        self._check(model)
        self._model = model.to(self.device.type).eval()
        codec, decoder = model.config.audio_encoder, model.config.decoder
        self._rate, self._hop, self._channels = codec.sampling_rate, codec.hop_length, decoder.audio_channels
        self._codebooks = decoder.num_codebooks // decoder.audio_channels  # of each channel
        report(1.0)

    def _check(self, model: Any) -> None:
        name = type(model).__name__
        if name not in (PLAIN, MELODY):
            raise ModelUnavailable(f"{self.spec.name} is a {name}; music_transformers runs {PLAIN} and {MELODY}.")
        known, expected = len(self._tokenizer), model.config.text_encoder.vocab_size
        if known < expected // 2:
            raise ModelUnavailable(
                f"The tokenizer of {self.spec.name} knows {known} words, its text encoder {expected}: its vocabulary file is missing."
            )

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        yield from stream(lambda emit: self._run(request, options, seed, emit))

    def _run(self, request: Request, options: Options, seed: int, emit: Emit) -> None:
        import torch

        torch.manual_seed(seed)
        with torch.inference_mode():
            samples = self._music(request, options, emit)
        check_sound(samples, self.spec.name)
        facts = {"duration": round(len(samples) / self._rate, 3), "sample_rate": self._rate, "channels": self._channels}
        emit(Artifact("audio", Audio(samples.clip(-1, 1), self._rate), seed, facts))

    def _music(self, request: Request, options: Options, emit: Emit) -> Any:
        """Return float32 (frames, channels): what was asked for, behind the clip it goes on from."""
        path, frames = request.inputs.get("audio"), round(options.duration * self._rate)
        words = self._tokenizer([request.prompt], return_tensors="pt").to(self.device.type)
        if path is None:
            return self._sound(self._write(words, None, options, emit))[:frames]
        if type(self._model).__name__ == MELODY:
            features = self._chroma(read_clip(path, self._chroma_facts["sampling_rate"], 1))
            return self._sound(self._write({**words, "input_features": features}, None, options, emit))[:frames]
        clip = read_clip(path, self._rate, self._channels)
        begin = self._codes(clip[-round(KEPT * self._rate) :])
        made = self._sound(self._write(words, begin, options, emit))
        return self._behind(clip, made, frames)

    def _behind(self, clip: Any, made: Any, frames: int) -> Any:
        """Return the clip, then `frames` of what was made after its end, of which it begins with as much as the model heard."""
        heard = min(len(clip), round(KEPT * self._rate))
        fade = min(round(FADE * self._rate), heard)
        return joined(clip, made[heard - fade :], fade)[: len(clip) + frames]

    # ---- codes: (codebooks of all channels, frames), left and right in turn

    def _write(self, words: dict[str, Any], begin: Any, options: Options, emit: Emit) -> Any:
        """Return `begin` (codes, or None) with the codes of `options.duration` behind it."""
        import torch

        per_second = self._rate / self._hop
        window, kept = int(WINDOW * per_second), int(KEPT * per_second)
        codes = begin if begin is not None else torch.zeros(self._codebooks * self._channels, 0, dtype=torch.long, device=self.device.type)
        first = codes.shape[1]
        end = first + -(-int(options.duration * self._rate) // self._hop)
        watch = _Watch(emit, sum(count + self._codebooks - 1 for count in _windows(first, end, window, kept)))
        while codes.shape[1] < end:
            prompt = codes[:, -kept:] if codes.shape[1] else None
            here = 0 if prompt is None else prompt.shape[1]
            count = min(end - codes.shape[1], window - here)
            new = self._window(self._shifted(words, codes.shape[1] - here - first), prompt, count, options, watch)
            codes = torch.cat([codes, new], 1)
        return codes

    def _shifted(self, words: dict[str, Any], frames: int) -> dict[str, Any]:
        """Return the conditions with the melody from `frames` codes on, round and round."""
        if frames <= 0 or "input_features" not in words:
            return words
        rate, hop = self._chroma_facts["sampling_rate"], self._chroma_facts["hop_length"]
        return {**words, "input_features": words["input_features"].roll(-round(frames * self._hop / self._rate * rate / hop), 1)}

    def _window(self, words: dict[str, Any], prompt: Any, count: int, options: Options, watch: "_Watch") -> Any:
        """Return `count` new codes after those of `prompt`."""
        tokens = count + self._codebooks - 1
        watch.begin(tokens)
        try:
            self._model.generate(
                **words, **({} if prompt is None else {"decoder_input_ids": prompt}), do_sample=True, top_k=options.top_k,
                guidance_scale=options.guidance_scale, temperature=options.temperature,
                max_new_tokens=tokens, stopping_criteria=[watch],
            )  # fmt: skip
        except _Enough:
            pass
        except RuntimeError as problem:
            if "inf" in str(problem) and "nan" in str(problem):
                raise GenerationFailed(f"{self.spec.name} computed numbers that are none. {DAMAGED}") from problem
            raise
        return self._undelayed(watch.ids, 0 if prompt is None else prompt.shape[1], count)

    def _undelayed(self, ids: Any, before: int, count: int) -> Any:
        """Return the codes out of the tokens (codebooks, columns): the first is a start, each codebook comes a column later."""
        import torch

        starts = [before + 1 + row // self._channels for row in range(len(ids))]
        return torch.stack([row[start : start + count] for row, start in zip(ids, starts, strict=True)])

    def _codes(self, clip: Any) -> Any:
        """Return the codes of samples (frames, channels)."""
        import torch

        sound = torch.from_numpy(clip.T.copy()).to(self.device.type, self._model.dtype)
        channels = [self._model.audio_encoder.encode(channel[None, None]).audio_codes[0, 0] for channel in sound]
        return torch.stack(channels, 1).flatten(0, 1)

    def _sound(self, codes: Any) -> Any:
        """Return the samples of codes, decoded a window at a time; where two meet, both are there, and the one fades into the other."""
        per_second = self._rate / self._hop
        window, shared = int(WINDOW * per_second), int(SHARED * per_second)
        samples = self._decoded(codes[:, :window])
        for begin in range(window - shared, codes.shape[1] - shared, window - shared):
            samples = joined(samples, self._decoded(codes[:, begin : begin + window]), shared * self._hop)
        return samples

    def _decoded(self, codes: Any) -> Any:
        import torch

        channels = [self._model.audio_encoder.decode(codes[None, None, one :: self._channels], [None])[0] for one in range(self._channels)]
        return torch.cat(channels, 1)[0, :, : codes.shape[1] * self._hop].T.float().cpu().numpy()

    # ---- melody

    @property
    def _chroma_facts(self) -> dict[str, int]:
        """How the model wants a melody written down, as its folder says."""
        file = Path(self.source) / "preprocessor_config.json"
        said = json.loads(file.read_text()) if file.is_file() else {}
        return {name: said.get(name, default) for name, default in CHROMA.items()}

    def _chroma(self, clip: Any) -> Any:
        """Return which of the twelve notes is loudest, (1, frames, 12) of zeros and ones, of mono samples (frames, 1)."""
        import torch
        from transformers.audio_utils import chroma_filter_bank

        facts, notes = self._chroma_facts, self._model.config.num_chroma
        size = facts["n_fft"]
        sound = torch.from_numpy(clip[:, 0])
        sound = torch.nn.functional.pad(sound, (0, max(0, size - len(sound))))
        power = torch.stft(sound, size, facts["hop_length"], window=torch.hann_window(size), return_complex=True).abs().square()
        filters = chroma_filter_bank(num_frequency_bins=size, num_chroma=notes, sampling_rate=facts["sampling_rate"], tuning=0)
        loudest = (torch.from_numpy(filters).float() @ power).argmax(0)
        return torch.nn.functional.one_hot(loudest, notes)[None].to(self.device.type, self._model.dtype)

    def unload(self) -> None:
        self._model = self._tokenizer = None


class _Enough(Exception):
    """The window has all its tokens."""


class _Watch:
    """A stopping criterion that reports each token and keeps all of them; what `emit` raises ends the run.

    It ends a window itself once it is full: `generate` would go on to make sound of it alone.
    """

    ids: Any = None

    def __init__(self, emit: Emit, total: int):
        self._emit, self._total, self._done, self._full = emit, total, 0, 0

    def begin(self, tokens: int) -> None:
        """Expect a window of so many tokens."""
        self._full = self._done + tokens

    def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        self._done, self.ids = self._done + 1, ids
        self._emit(Progress(self._done, self._total, "token"))
        if self._done == self._full:
            raise _Enough
        return torch.zeros(ids.shape[0], dtype=torch.bool, device=ids.device)


def _windows(first: int, end: int, window: int, kept: int) -> Iterator[int]:
    """Yield how many codes each window adds."""
    while first < end:
        count = min(end - first, window - min(first, kept))
        yield count
        first += count
