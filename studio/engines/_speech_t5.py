"""SpeechT5: letters and a speaker's vector in, a spectrogram step by step, and a vocoder that makes sound of it.

The vectors lie in `speakers/` beside config.json, each in a file of its own (`.npy` or `.safetensors`, 512 numbers). The published
models have none: then there are a few made up here, the same ones always.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from studio.engines._speech import LOCAL, Speaker, Voice
from studio.errors import ModelUnavailable
from studio.types import ModelSpec

MADE_UP = 4
FOLDER = "speakers"


class SpeechT5(Speaker):
    pace = 31.25  # steps of two frames of 16 ms

    def load(self) -> None:
        from transformers import SpeechT5Tokenizer

        self._tokenizer = SpeechT5Tokenizer.from_pretrained(self.source, **LOCAL)
        self._model = self.weights("SpeechT5ForTextToSpeech")
        self.check_words(self._tokenizer, self._model.config.vocab_size)
        self._vocoder = self.vocoder("SpeechT5HifiGan", "microsoft/speecht5_hifigan")
        self.rate = self._vocoder.config.sampling_rate

    @property
    def steps(self) -> Iterable[Any]:
        return [self._model.speecht5.decoder.prenet]

    def readable(self, text: str) -> tuple[str, set[str]]:
        from studio.engines._spoken import spoken

        known = {piece.lower() for piece in self._tokenizer.get_vocab() if len(piece) == 1}
        text = spoken(text, "en", known)
        lost = {letter for letter in text if letter.lower() not in known and not letter.isspace()}
        return (text if any(letter.isalnum() and letter not in lost for letter in text) else ""), lost

    def speak(self, text: str, voice: str, options: Any) -> Any:
        import torch

        inputs = self._tokenizer(text, return_tensors="pt").to(self.device.type)
        vector = torch.from_numpy(self._vector(voice))[None].to(self._model.device, self._model.dtype)
        longest = 2 * self.limit(text) / inputs["input_ids"].shape[1]  # frames to a letter
        how = {"vocoder": self._vocoder, "maxlenratio": min(20.0, longest)}
        return self._model.generate(inputs["input_ids"], attention_mask=inputs["attention_mask"], speaker_embeddings=vector, **how)

    def _vector(self, voice: str) -> np.ndarray:
        """Return a speaker's vector, float32 of length 1."""
        size = self._model.config.speaker_embedding_dim
        file = next((file for file in _files(self.source) if file.stem == voice), None)
        made_up = np.random.default_rng(list(voice.encode())).standard_normal(size)
        vector = made_up if file is None else _read(file)
        if vector.size != size or not np.isfinite(vector).all():
            raise ModelUnavailable(f"{self.spec.name}: the voice {file} has {vector.size} numbers, it needs {size} finite ones.", "voice")
        return (vector / max(np.linalg.norm(vector), 1e-6)).astype(np.float32).reshape(-1)

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[Voice]:
        files = [{"id": file.stem, "name": file.stem.replace("_", " "), "language": ""} for file in _files(source)]
        made_up = [{"id": f"made-up-{number}", "name": f"Made up {number}", "language": ""} for number in range(1, MADE_UP + 1)]
        return files or made_up


def _files(source: str) -> list[Path]:
    return sorted(file for file in (Path(source) / FOLDER).glob("*") if file.suffix in (".npy", ".safetensors"))


def _read(file: Path) -> np.ndarray:
    if file.suffix == ".npy":
        return np.load(file, allow_pickle=False)
    from safetensors.numpy import load_file

    return next(iter(load_file(file).values()))
