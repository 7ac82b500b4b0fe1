"""The Speaker contract: what the engine asks of one class of speech model, and what such models have in common.

Knows folders of weights, processors and codecs. Does not know how a long text is divided, nor what becomes of the sound.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from studio.engines._loading import dtype
from studio.errors import ModelUnavailable
from studio.sentences import LONGEST, Part, parts
from studio.types import Device, ModelSpec, Placement

SLOWEST = 0.2  # seconds a letter takes at the slowest pace: twice that of a calm reader
OPENING = 2.0  # seconds more, for a breath before and after
LOCAL = {"local_files_only": True, "trust_remote_code": False}

Voice = dict[str, str]


class Speaker(ABC):
    """One loaded speech model.

    Attributes:
        takes: the options besides voice, speed and pause that it heeds.
        paced: it speaks at any speed by itself; the sound of others is stretched.
        longest: letters of a part of the text that it speaks in one go.
        gathers: short sentences are spoken together, because each part may be spoken by a somewhat different voice.
        pace: tokens to a second of sound; 0 for a model that does not work token by token.
        rate: hertz of its sound, once it is loaded.
    """

    takes: ClassVar[frozenset[str]] = frozenset()
    paced: ClassVar[bool] = False
    longest: ClassVar[int] = LONGEST
    gathers: ClassVar[bool] = False
    pace: ClassVar[float] = 0.0
    rate: int

    def __init__(self, spec: ModelSpec, device: Device, source: str, placement: Placement):
        self.spec, self.device, self.source, self.placement = spec, device, source, placement

    @abstractmethod
    def load(self) -> None:
        """Read the weights. Raises ModelUnavailable."""

    @abstractmethod
    def speak(self, text: str, voice: str, options: Any) -> Any:
        """Return the sound of a part as numbers in any shape, one channel. `options` are the engine's."""

    @property
    @abstractmethod
    def steps(self) -> Iterable[Any]:
        """The modules that run once a token, or at least now and then: there a stop takes effect."""

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[Voice]:
        """Return its voices, the one it speaks with unasked first; empty where there is no choice."""
        return []

    def cut(self, text: str) -> list[Part]:
        """Return the parts a text is spoken in."""
        found = parts(text, self.longest)
        return gathered(found, self.longest) if self.gathers else found

    def readable(self, text: str) -> tuple[str, set[str]]:
        """Return a part as the model reads it, "" where nothing can be spoken, and the characters that are left out."""
        return (text if any(letter.isalnum() for letter in text) else ""), set()

    def limit(self, text: str) -> int:
        """Return how many tokens a part may take: those of the slowest speech."""
        return round(self.pace * (OPENING + SLOWEST * len(text)))

    # ---- for those that load

    def weights(self, name: str, ignored: str = "", precise: bool = False, **more: Any) -> Any:
        """Return the model of the class `name` of transformers, on its device.

        Args:
            ignored: a regular expression of weights that may be missing.
            precise: its numbers are float32 whatever the placement.
        """
        import torch
        import transformers

        kind = torch.float32 if precise else dtype(self.placement)
        how = {"use_safetensors": True, "output_loading_info": True, "dtype": kind, **LOCAL, **more}
        model, found = getattr(transformers, name).from_pretrained(self.source, **how)
        lost = sorted(key for key in found["missing_keys"] if not (ignored and re.match(ignored, key)))
        if lost:
            raise ModelUnavailable(f"{self.spec.name} cannot be loaded: {len(lost)} weights are missing, {lost[0]} for one.", "model")
        return model.to(self.device.type).eval()

    def vocoder(self, name: str, example: str) -> Any:
        """Return what turns codes into sound, of the class `name`: the catalogue's `vocoder`, else a folder of the model's own."""
        import transformers

        folders = [self.placement.extras.get(self.spec.vocoder, ""), *(f"{self.source}/{name}" for name in ("vocoder", "audio_tokenizer"))]
        folder = next((folder for folder in folders if folder and (Path(folder) / "config.json").is_file()), None)
        if folder is None:
            raise ModelUnavailable(
                f"{self.spec.name} makes no sound by itself. Name what does in its entry of models.yaml: `vocoder: {example}`.", "model"
            )
        codec = getattr(transformers, name).from_pretrained(folder, use_safetensors=True, dtype=dtype(self.placement), **LOCAL)
        return codec.to(self.device.type).eval()

    def processor(self, name: str, codec: Any) -> Any:
        """Return the processor of the class `name` with `codec` in it, where the processor would look for one on the Hub."""
        import transformers
        from transformers import AutoFeatureExtractor, AutoTokenizer

        settings = read(Path(self.source) / "processor_config.json")
        settings = {key: value for key, value in settings.items() if not isinstance(value, dict) and not key.endswith("_class")}
        template = Path(self.source) / "chat_template.jinja"
        if template.is_file():
            settings["chat_template"] = template.read_text(encoding="utf-8")
        features, tokenizer = (auto.from_pretrained(self.source, **LOCAL) for auto in (AutoFeatureExtractor, AutoTokenizer))
        return getattr(transformers, name)(feature_extractor=features, tokenizer=tokenizer, audio_tokenizer=codec, **settings)

    def check_words(self, tokenizer: Any, expected: int) -> None:
        """Raise ModelUnavailable for a tokenizer without its vocabulary: it reads everything as noise."""
        if len(tokenizer) < expected // 2:
            numbers = f"knows {len(tokenizer)} tokens, the model {expected}"
            raise ModelUnavailable(f"The tokenizer of {self.spec.name} {numbers}: its vocabulary file is missing.", "model")

    def check_template(self, processor: Any) -> None:
        if not processor.chat_template:
            raise ModelUnavailable(f"{self.spec.name} cannot be loaded: its chat template (chat_template.jinja) is missing.", "model")


def given(**options: Any) -> dict[str, Any]:
    """Return the options that have a value; the model's own hold for the others."""
    return {name: value for name, value in options.items() if value is not None}


def gathered(cut: list[Part], longest: int) -> list[Part]:
    """Put neighbouring sentences together as far as they fit."""
    joined: list[Part] = []
    for part in cut:
        if joined and len(joined[-1].text) + 1 + len(part.text) <= longest:
            joined[-1] = Part(f"{joined[-1].text} {part.text}", part.ends)
        else:
            joined.append(part)
    return joined


def read(path: Path) -> Any:
    """Return what a small JSON file holds; an empty dict where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def samples_of(sound: Any) -> np.ndarray:
    """Return a torch tensor, or None for no sound, as float32 of shape (frames,)."""
    return np.zeros(0, np.float32) if sound is None else sound.detach().float().cpu().numpy().reshape(-1)


# model_type of config.json -> module and class that speak it
SPEAKERS = {
    "vits": ("_speech_vits", "Vits"),
    "speecht5": ("_speech_t5", "SpeechT5"),
    "bark": ("_speech_bark", "Bark"),
    "csm": ("_speech_codes", "Csm"),
    "dia": ("_speech_codes", "Dia"),
    "vibevoice": ("_speech_latents", "VibeVoice"),
    "pocket_tts": ("_speech_latents", "PocketTts"),
    "gradium_phonon_tts": ("_speech_latents", "Phonon"),
    "seamless_m4t": ("_speech_seamless", "Seamless"),
    "seamless_m4t_v2": ("_speech_seamless", "SeamlessV2"),
}


def is_spoken(source: str) -> bool:
    """Tell whether there is somebody who speaks the model in a folder."""
    return read(Path(source) / "config.json").get("model_type") in SPEAKERS


def speaker_class(spec: ModelSpec, source: str) -> type[Speaker]:
    """Return who speaks the model in a folder. Raises ModelUnavailable for a class that nobody speaks."""
    kind = read(Path(source) / "config.json").get("model_type")
    if kind not in SPEAKERS:
        known = ", ".join(SPEAKERS)
        raise ModelUnavailable(f"{spec.name} is a {kind or 'model without a config.json'}; this engine speaks {known}.", "model")
    module, name = SPEAKERS[kind]
    return getattr(import_module(f"studio.engines.{module}"), name)
