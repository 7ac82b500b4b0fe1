"""Language models whose words are the codes of a sound codec: CSM and Dia.

Each makes up a voice for each part unless it has heard one, so that they speak several sentences in one go.
"""

import re
from collections.abc import Iterable
from typing import Any

from studio.engines._speech import LOCAL, Speaker, Voice, given
from studio.sentences import Part
from studio.types import ModelSpec


class Csm(Speaker):
    """Sesame's conversational model. Its speakers are numbers."""

    takes = frozenset({"temperature"})
    longest, gathers = 600, True
    pace = 12.5

    def load(self) -> None:
        from transformers import CsmProcessor

        self._processor = CsmProcessor.from_pretrained(self.source, **LOCAL)
        self._model = self.weights("CsmForConditionalGeneration")
        self.check_words(self._processor.tokenizer, self._model.config.text_vocab_size)
        self.check_template(self._processor)
        self.rate = self._model.config.codec_config.sampling_rate

    @property
    def steps(self) -> Iterable[Any]:
        return [self._model]

    def speak(self, text: str, voice: str, options: Any) -> Any:
        talk = [{"role": voice, "content": [{"type": "text", "text": text}]}]
        inputs = self._processor.apply_chat_template(talk, tokenize=True, return_dict=True).to(self.device.type)
        warmth = given(temperature=options.temperature, depth_decoder_temperature=options.temperature)
        how = {"do_sample": True, "depth_decoder_do_sample": True, "max_new_tokens": self.limit(text), "max_length": None}
        codes = self._model.generate(**inputs, **how, **warmth, return_dict_in_generate=False)[0]
        ends = (codes == self._model.config.codebook_eos_token_id).all(dim=-1).nonzero()
        codes = codes[: int(ends.min())] if ends.numel() else codes
        codes = codes.clamp(max=self._model.config.codec_config.codebook_size - 1)  # the marks beyond them are no sound
        return self._model.codec_model.decode(codes.transpose(0, 1)[None]).audio_values if len(codes) else None

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[Voice]:
        return [{"id": str(number), "name": f"Speaker {number}", "language": "en"} for number in range(4)]


class Dia(Speaker):
    """Nari's model of talks between two: [S1] and [S2] in the text say who speaks, (laughs) and the like what else is heard."""

    takes = frozenset({"temperature", "guidance_scale"})
    longest, gathers = 300, True
    pace = 86.1

    def load(self) -> None:
        self._processor = self.processor("DiaProcessor", self.vocoder("DacModel", "descript/dac_44khz"))
        self._model = self.weights("DiaForConditionalGeneration")
        self.rate = self._processor.audio_tokenizer.config.sampling_rate

    @property
    def steps(self) -> Iterable[Any]:
        return [self._model]

    def cut(self, text: str) -> list[Part]:
        """Return the parts; one that begins without a mark of its own gets that of who spoke last."""
        marked, last = [], ""
        for part in super().cut(text):
            marked.append(Part(part.text if _who(part.text) else f"{last} {part.text}".strip(), part.ends))
            last = (re.findall(r"\[S[12]\]", part.text) or [last])[-1]
        return marked

    def readable(self, text: str) -> tuple[str, set[str]]:
        return (text if any(letter.isalnum() for letter in re.sub(r"\[S[12]\]", "", text)) else ""), set()

    def speak(self, text: str, voice: str, options: Any) -> Any:
        text = text if _who(text) else f"[{voice}] {text}"
        inputs = self._processor(text=[text]).to(self.device.type)
        warmth = given(temperature=options.temperature, guidance_scale=options.guidance_scale)
        how = {"do_sample": True, "max_new_tokens": self.limit(text), "max_length": None, "return_dict_in_generate": False}
        codes = self._model.generate(**inputs, **how, **warmth)
        first = codes[0, :, 0]
        settings = self._model.config.decoder_config
        begin, end = int((first == settings.bos_token_id).sum()), len(first) - int((first == settings.pad_token_id).sum()) - 1
        return self._processor.batch_decode(codes)[0] if end > begin else None

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[Voice]:
        return [{"id": f"S{number}", "name": f"Speaker {number}", "language": "en"} for number in (1, 2)]


def _who(text: str) -> bool:
    return re.match(r"\s*\[S[12]\]", text) is not None
