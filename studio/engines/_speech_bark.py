"""Bark: words into meaning, meaning into coarse and fine codes of a codec, codes into sound. It laughs, sighs and hums where asked."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from studio.engines._speech import LOCAL, OPENING, SLOWEST, Speaker, Voice, given, read
from studio.types import ModelSpec

LISTING = "speaker_embeddings_path.json"
MEANING = 49.9  # semantic tokens to a second of sound
LANGUAGES = {
    "de": "German", "en": "English", "es": "Spanish", "fr": "French", "hi": "Hindi", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip


class Bark(Speaker):
    takes = frozenset({"temperature"})
    longest = 150  # it speaks 13 to 15 s at most
    gathers = True
    pace = 4 * MEANING  # one token of meaning, then three coarse codes

    def load(self) -> None:
        from transformers import BarkProcessor

        self._processor = BarkProcessor.from_pretrained(self.source, **LOCAL)
        self._model = self.weights("BarkModel")
        self.check_words(self._processor.tokenizer, self._model.generation_config.semantic_config["text_encoding_offset"])
        self.rate = self._model.generation_config.sample_rate

    @property
    def steps(self) -> Iterable[Any]:
        return [self._model.semantic, self._model.coarse_acoustics, self._model.fine_acoustics]

    def speak(self, text: str, voice: str, options: Any) -> Any:
        inputs = self._processor(text, voice_preset=voice or None).to(self.device.type)
        if voice:
            inputs["history_prompt"] = inputs["history_prompt"].to(self.device.type)
        most = self._model.generation_config.semantic_config["max_new_tokens"]
        meaning = min(most, round(MEANING * (OPENING + SLOWEST * len(text))))
        warmth = given(semantic_temperature=options.temperature, coarse_temperature=options.temperature)
        return self._model.generate(**inputs, semantic_max_new_tokens=meaning, **warmth, semantic_do_sample=True, coarse_do_sample=True)

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[Voice]:
        """Return the voices whose files are here, English ones and those of the second set first."""
        folder = Path(source)
        listing = {key: files for key, files in read(folder / LISTING).items() if isinstance(files, dict)}
        here = [key for key, files in listing.items() if all((folder / file).is_file() for file in files.values())]
        return [_voice(key) for key in sorted(here, key=lambda key: (_code(key) != "en", not key.startswith("v2/"), key))]


def _code(key: str) -> str:
    return key.rpartition("/")[2].partition("_")[0]


def _voice(key: str) -> Voice:
    """Return `v2/en_speaker_6` as English 6 (v2)."""
    kind, language = key.rpartition("/")[0], LANGUAGES.get(_code(key), "")
    number = key.rpartition("_")[2]
    name = f"{language} {number}" if language and number.isdigit() else key.rpartition("/")[2].replace("_", " ")
    return {"id": key, "name": f"{name} ({kind})" if kind else name, "language": _code(key) if language else ""}
