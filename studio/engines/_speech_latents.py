"""Language models that write the latents of a codec, one frame after another: VibeVoice, Pocket TTS, Phonon."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from studio.engines._speech import LOCAL, Speaker, Voice, given
from studio.types import ModelSpec


class VibeVoice(Speaker):
    """Microsoft's model of long talks between up to four. It was made for long texts, and keeps its voices in them."""

    takes = frozenset({"guidance_scale"})
    longest, gathers = 2000, True
    pace = 7.5

    def load(self) -> None:
        from transformers import VibeVoiceProcessor

        self._processor = VibeVoiceProcessor.from_pretrained(self.source, **LOCAL)
        self._model = self.weights("VibeVoiceForConditionalGeneration")
        self.check_words(self._processor.tokenizer, self._model.config.text_config.vocab_size)
        self.check_template(self._processor)
        self.rate = self._processor.feature_extractor.sampling_rate

    @property
    def steps(self) -> Iterable[Any]:
        return [self._model.model.audio_tower.decoder]

    def speak(self, text: str, voice: str, options: Any) -> Any:
        talk = [{"role": voice, "content": [{"type": "text", "text": text}]}]
        how = {"tokenize": True, "return_dict": True, "return_tensors": "pt"}
        inputs = self._processor.apply_chat_template(talk, **how).to(self.device.type)
        sampling = given(guidance_scale=options.guidance_scale) | {"max_new_tokens": self.limit(text) + 2, "max_length": None}
        return self._model.generate(**inputs, **sampling, do_sample=False, return_dict_in_generate=False)[0]

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[Voice]:
        return [{"id": str(number), "name": f"Speaker {number}", "language": ""} for number in range(4)]


class PocketTts(Speaker):
    """Kyutai's model. Its voices lie in `voices/` beside config.json, each the latents of someone who was recorded."""

    takes = frozenset({"temperature"})
    name, pace = "PocketTTSForConditionalGeneration", 12.5

    def load(self) -> None:
        codec = self.vocoder("PocketTTSAudioTokenizerModel", "eustlb/pocket-tts-audio-tokenizer")
        self._processor = self.processor("PocketTTSProcessor", codec)
        self._model = self.weights(self.name)
        self.check_words(self._processor.tokenizer, self._model.config.vocab_size)
        self.check_template(self._processor)
        self.rate = codec.config.sampling_rate

    @property
    def steps(self) -> Iterable[Any]:
        return [self._model]

    def speak(self, text: str, voice: str, options: Any) -> Any:
        said = [{"type": "audio"}] * bool(voice) + [{"type": "text", "text": text}]
        prompt = self._processor.apply_chat_template([{"role": "user", "content": said}], tokenize=False)
        latents = {"audio_prompt_latents": [_latents(_files(self.source)[voice])]} if voice else {}
        inputs = self._processor(text=prompt, return_tensors="pt", **latents).to(self.device.type)
        how = {"do_sample": True, "max_new_tokens": self.limit(text), "return_dict_in_generate": True}
        found = self._model.generate(**inputs, **how, **given(temperature=options.temperature))
        return self._processor.decode(found.audio_latents, found.audio_latents_mask)[0]

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[Voice]:
        return [{"id": name, "name": name.replace("_", " ").capitalize(), "language": ""} for name in _files(source)]


class Phonon(PocketTts):
    """Gradium's smaller model of the same build."""

    name = "GradiumPhononTTSForConditionalGeneration"


def _files(source: str) -> dict[str, Path]:
    """Return the voices that are latents of shape (frames, size); other files there hold the state of another program."""
    from safetensors import safe_open

    found = {}
    for file in sorted((Path(source) / "voices").glob("*.safetensors")):
        with safe_open(file, "np") as tensors:
            shapes = [tensors.get_slice(key).get_shape() for key in tensors.keys()]  # noqa: SIM118  (safe_open is no mapping)
        if len(shapes) == 1 and len(shapes[0]) == 2:
            found[file.stem] = file
    return found


def _latents(file: Path) -> Any:
    from safetensors.torch import load_file

    return next(iter(load_file(file).values())).float()
