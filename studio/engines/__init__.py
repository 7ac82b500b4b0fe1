"""The Engine contract: one file of this folder is one family of pretrained models.

The file's name is the key in models.yaml (`engine: image_diffusers`), its class is called `Engine`. A file whose name begins with
an underscore is no family but a network or a step several of them share. An engine knows no tab, no database and no queue. It
imports torch and its libraries inside `load` and `run`, so that reading the catalogue costs nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from studio.types import Device, Event, Medium, Mode, ModelSpec, Placement, Request

Report = Callable[[float], None]  # how much is loaded, 0 to 1


def default_dtype(device: Device) -> str:
    """Return the type weights are loaded as where the catalogue does not say: half of them on a GPU, whole ones elsewhere."""
    return "bfloat16" if device.type.startswith("cuda") else "float32"


class Options(BaseModel):
    """What a family can be asked for, declared once: the page draws its controls, the HTTP interface and the queue their checks from it.

    A field has a default, bounds (ge, le), a title and a description. Its `json_schema_extra` may hold `unit` ("s", "px"),
    `main: True` (stands in the open, not under Advanced), `step` (of the slider), `lines` (of a text box), `input` (the role of the
    input it only matters with, beside which it stands), `usual` (what the page begins with where None would leave it to the model).
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Engine(ABC):
    """A family of pretrained models. One object is one model; it is used by one thread at a time."""

    task: ClassVar[str]  # the Hub's own name: text-to-image, text-generation, text-to-speech, text-to-audio, unconditional-image-generation
    needs_prompt: ClassVar[bool] = True
    inputs: ClassVar[dict[str, Medium]] = {}  # files it can start from, by role: {"image": "image", "mask": "image"}, {"audio": "audio"}
    # The ways its models may lie in memory, the best first. More than `whole` says that numbers of half the width do them no harm.
    modes: ClassVar[tuple[Mode, ...]] = ("whole",)
    dtype: ClassVar[str | None] = None  # the one type its models run in, whatever the catalogue says, where there is but one
    Options: ClassVar[type[BaseModel]] = Options

    def __init__(self, spec: ModelSpec, device: Device, source: str, placement: Placement | None = None):
        """Remember, nothing more. `source` is the local folder or file the model's files lie in; without a placement it is whole."""
        self.spec, self.device, self.source = spec, device, source
        self.placement = placement or Placement(spec.dtype or default_dtype(device))

    @abstractmethod
    def load(self, report: Report) -> None:
        """Read the weights onto the device. Raises ModelUnavailable when the files are not what they should be."""

    @abstractmethod
    def run(self, request: Request, options: BaseModel, seed: int) -> Iterator[Event]:
        """Do what is asked and yield what happens. Closing the iterator stops the run within a step or a token.

        `request.inputs` holds paths of the files it starts from, by the roles in `inputs`.
        """

    @abstractmethod
    def unload(self) -> None:
        """Let go of everything `load` took."""

    @classmethod
    def voices(cls, spec: ModelSpec, source: str) -> list[dict[str, str]]:
        """Return a speech model's voices as {"id", "name", "language"}, read from its small files; empty where there is no choice."""
        return []
