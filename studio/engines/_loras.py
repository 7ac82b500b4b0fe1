"""LoRAs: which a request asks for, by its option or AUTOMATIC1111's `<lora:name:0.8>`, and putting them onto a pipeline and off again.

Knows names, weights and adapters. Does not know how a picture is made.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from studio.checking import nearest, shown
from studio.errors import BadRequest

TAG = re.compile(r"\s*<lora:([^:<>]+)(?::([^:<>]*))?(?::[^<>]*)?>", re.IGNORECASE)
STRONGEST = 4.0  # beyond it every published LoRA only breaks the picture


def asked(prompt: str, option: str, known: Iterable[str]) -> tuple[str, dict[str, float]]:
    """Return the prompt without its tags, and the weight of each LoRA asked for by `name:0.8, other` or by a tag, which counts more.

    Raises BadRequest for a name that is not `known` and a weight that is no number in [-4, 4].
    """
    pairs = [part.strip().rpartition(":") if ":" in part else (part.strip(), "", "") for part in option.split(",") if part.strip()]
    wanted = [(name.strip(), weight) for name, _, weight in pairs] + TAG.findall(prompt)
    chosen = {_known(name.strip(), list(known)): _weight(name, weight) for name, weight in wanted}
    return TAG.sub("", prompt).strip() if chosen else prompt, chosen


def _known(name: str, known: list[str]) -> str:
    if name not in known:
        advice = nearest(name, known) or " This model has none; they are listed under `loras:` in its entry of models.yaml."
        raise BadRequest(f"No LoRA is called {shown(name)} here.{advice}", param="loras")
    return name


def _weight(name: str, text: str) -> float:
    try:
        weight = float(text or 1)
    except ValueError:
        weight = float("nan")
    if not abs(weight) <= STRONGEST:
        raise BadRequest(
            f"The weight of the LoRA {shown(name)} is {shown(text)}; it has to be a number from -4 to 4, such as 0.8.", param="loras"
        )
    return weight


class Loras:
    """The LoRAs on one pipeline. Those of a request stay until another asks for different ones."""

    def __init__(self, pipeline: Any, files: Mapping[str, str], model: str):
        """Take where each LoRA lies, by name: a file, or a folder with one."""
        self._pipeline, self._files, self._model = pipeline, files, model
        self._on: dict[str, float] = {}

    def wear(self, wanted: dict[str, float]) -> None:
        """Put on exactly these, by weight. Raises BadRequest, with none on, when one does not fit the model."""
        if wanted == self._on:
            return
        try:
            if list(wanted) != list(self._on):
                self._take_off()
                for number, name in enumerate(wanted):
                    self._put_on(name, f"lora{number}")
            if wanted:
                self._pipeline.set_adapters([f"lora{number}" for number in range(len(wanted))], list(wanted.values()))
            self._on = dict(wanted)
        except BaseException:
            self._take_off()
            raise

    def _take_off(self) -> None:
        self._on = {}
        if hasattr(self._pipeline, "unload_lora_weights") and _has_peft():
            self._pipeline.unload_lora_weights()

    def _put_on(self, name: str, adapter: str) -> None:
        if not hasattr(self._pipeline, "load_lora_weights"):
            raise BadRequest(f"{self._model} is a {type(self._pipeline).__name__}, which takes no LoRA.", param="loras")
        if not _has_peft():
            raise BadRequest("LoRAs need the package peft: pip install peft.", param="loras")
        file = weights_file(self._files[name], name)
        try:
            self._pipeline.load_lora_weights(
                str(file.parent), weight_name=file.name, adapter_name=adapter, local_files_only=True, use_safetensors=True
            )
        except Exception as problem:  # ValueError, KeyError, RuntimeError, SafetensorError..., by what is wrong with it
            reason = next(iter(str(problem).strip().splitlines()), type(problem).__name__)[:200]
            raise BadRequest(f"The LoRA {name!r} does not fit {self._model}: {reason}", param="loras") from problem
        if not adapted_layers(self._pipeline, adapter):
            raise BadRequest(
                f"The LoRA {name!r} changes nothing in {self._model}: none of its layers is one of this model's. "
                "It was made for another family of models.", param="loras",
            )  # fmt: skip


def weights_file(place: str, name: str) -> Path:
    """Return the one `.safetensors` file at `place`. Raises BadRequest when there is none, or not one."""
    path = Path(place)
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    usual = [file for file in files if file.name == "pytorch_lora_weights.safetensors"] or files
    if len(usual) != 1 or usual[0].suffix != ".safetensors" or not usual[0].is_file():
        raise BadRequest(
            f"The LoRA {name!r} should be one .safetensors file; {len(files) if path.is_dir() else 'no such file'} at {place}. "
            "Name the file in models.yaml.", param="loras",
        )  # fmt: skip
    return usual[0]


def adapted_layers(pipeline: Any, adapter: str) -> int:
    """Count the layers an adapter changes."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    networks = [component for component in pipeline.components.values() if hasattr(component, "modules")]
    layers = [layer for network in networks for layer in network.modules() if isinstance(layer, BaseTunerLayer)]
    return sum(any(adapter in getattr(layer, names) for names in layer.adapter_layer_names) for layer in layers)


def _has_peft() -> bool:
    from diffusers.utils import is_peft_available

    return is_peft_available()
