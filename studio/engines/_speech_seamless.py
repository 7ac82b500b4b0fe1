"""SeamlessM4T: a translator that speaks. Here it reads a text aloud in the language it is written in, which is its voice."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from studio.engines._speech import LOCAL, Speaker, Voice, given, read
from studio.types import ModelSpec

TABLES = ("text_decoder_lang_to_code_id", "t2u_lang_code_to_id", "vocoder_lang_code_to_id")
UNITS = 50.0  # tokens to a second of sound


class Seamless(Speaker):
    takes = frozenset({"temperature"})
    name, pace = "SeamlessM4TForTextToSpeech", UNITS

    def load(self) -> None:
        from transformers import AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(self.source, **LOCAL)
        self._model = self.weights(self.name)
        self.check_words(self._tokenizer, self._model.config.vocab_size)
        self.rate = self._model.config.sampling_rate

    @property
    def steps(self) -> Iterable[Any]:
        return [self._model, self._model.t2u_model]

    def speak(self, text: str, voice: str, options: Any) -> Any:
        self._tokenizer.src_lang = voice
        inputs = self._tokenizer(text, return_tensors="pt").to(self.device.type)
        sound, lengths = self._model.generate(**inputs, tgt_lang=voice, **self._bounds(text, options))
        return sound.reshape(-1)[: int(lengths.reshape(-1)[0])]

    def _bounds(self, text: str, options: Any) -> dict[str, Any]:
        how = {"text_max_new_tokens": len(text) + 8, "speech_max_new_tokens": self.limit(text), "speech_do_sample": True}
        return how | {"speech_suppress_tokens": self._silent} | given(speech_temperature=options.temperature)

    @property
    def _silent(self) -> list[int]:
        """Return the tokens of the second model that stand for no sound, and would be looked up where there is none."""
        config = self._model.config
        symbols = set(range(config.vocoder_offset)) - {config.t2u_eos_token_id}
        return sorted(symbols | set(range(config.unit_hifi_gan_vocab_size + config.vocoder_offset, config.t2u_vocab_size)))

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[Voice]:
        """Return the languages it speaks, English first."""
        tables = [read(Path(source) / "generation_config.json").get(name, {}) for name in TABLES]
        codes = sorted(set(tables[0]).intersection(*tables[1:]), key=lambda code: (code != "eng", code))
        return [{"id": code, "name": _language(code), "language": code} for code in codes]


class SeamlessV2(Seamless):
    """The second version writes its units all at once, and so quicker."""

    takes = frozenset()
    name, pace = "SeamlessM4Tv2ForTextToSpeech", 10.0

    def _bounds(self, text: str, options: Any) -> dict[str, Any]:
        return {"max_new_tokens": len(text) + 8}


def _language(code: str) -> str:
    return LANGUAGES.get(code, code)


_NAMES = """\
arb:Arabic ben:Bengali cat:Catalan ces:Czech cmn:Mandarin cym:Welsh dan:Danish deu:German eng:English est:Estonian fin:Finnish fra:French
hin:Hindi ind:Indonesian ita:Italian jpn:Japanese kan:Kannada kor:Korean mlt:Maltese nld:Dutch pes:Persian pol:Polish por:Portuguese
ron:Romanian rus:Russian slk:Slovak spa:Spanish swe:Swedish swh:Swahili tam:Tamil tel:Telugu tgl:Tagalog tha:Thai tur:Turkish
ukr:Ukrainian urd:Urdu uzn:Uzbek vie:Vietnamese"""
LANGUAGES = dict(pair.split(":") for pair in _NAMES.split())
