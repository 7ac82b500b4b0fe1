"""VITS, MMS-TTS among them: letters in, the whole sound at once out."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from studio.engines._speech import LOCAL, Speaker, Voice, read
from studio.errors import ModelUnavailable
from studio.types import ModelSpec


class Vits(Speaker):
    takes = frozenset({"noise_scale"})
    paced = True

    def load(self) -> None:
        from transformers import VitsTokenizer

        self._tokenizer = VitsTokenizer.from_pretrained(self.source, **LOCAL)
        # Frames are counted in the model's own type: float32, whatever the device, or long texts lose count.
        self._model = self.weights("VitsModel", ignored=r"posterior_encoder\.", precise=True)
        self.rate = self._model.config.sampling_rate
        self._check()

    def _check(self) -> None:
        known, expected = len(self._tokenizer.encoder), self._model.config.vocab_size
        if known > expected:
            raise ModelUnavailable(f"{self.spec.name}: its vocab.json has {known} characters, the model {expected}.", "model")
        for needed, package in ((self._tokenizer.phonemize, "phonemizer"), (self._tokenizer.is_uroman, "uroman")):
            if needed and find_spec(package) is None:
                raise ModelUnavailable(f"{self.spec.name} reads text by the library {package}. Install it: pip install {package}", "model")

    @property
    def steps(self) -> Iterable[Any]:
        model = self._model
        return [*model.text_encoder.encoder.layers, *model.flow.flows, *model.decoder.upsampler, *model.decoder.resblocks]

    def readable(self, text: str) -> tuple[str, set[str]]:
        from studio.engines._spoken import spoken

        tokenizer = self._tokenizer
        known = set(tokenizer.encoder) - ({tokenizer.decoder[0]} if tokenizer.add_blank else set())
        text = spoken(text, _language(tokenizer.language), known)
        rewrites = tokenizer.is_uroman or tokenizer.phonemize
        lost = set() if rewrites else {letter for letter in text if letter.lower() not in known and not letter.isspace()}
        return (text if any(letter.isalnum() and letter not in lost for letter in text) else ""), lost

    def speak(self, text: str, voice: str, options: Any) -> Any:
        model = self._model
        model.noise_scale = model.config.noise_scale if options.noise_scale is None else options.noise_scale
        ids = [known["id"] for known in self.voices(self.spec, self.source)]
        inputs = self._tokenizer(text, return_tensors="pt").to(self.device.type)
        how = {"speaker_id": ids.index(voice) if ids else None, "speaking_rate": options.speed * model.config.speaking_rate}
        return model(inputs["input_ids"], inputs["attention_mask"], **how).waveform

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[Voice]:
        """Return the speakers by number; their names and languages come from an optional voices.json beside config.json."""
        folder = Path(source)
        count = read(folder / "config.json").get("num_speakers", 1)
        named = read(folder / "voices.json") or []
        language = read(folder / "tokenizer_config.json").get("language") or ""
        unnamed = [{"id": str(number), "name": f"Voice {number}", "language": language} for number in range(count)]
        voices = [{**plain, **known} for plain, known in zip(unnamed, named, strict=False)] + unnamed[len(named) :]
        return voices if count > 1 else []


def _language(name: str | None) -> str:
    return (name or "").lower().replace("_", "-").split("-")[0]
