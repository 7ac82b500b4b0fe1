"""The nouns everything else speaks: the model's description, the request, what a run yields.

Imports nothing of the studio, no torch and no gradio: these cross from the page's process to the workers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Medium = Literal["image", "audio", "text", "video"]
Mode = Literal["whole", "8bit", "4bit", "offload", "stream"]  # how a model lies in memory; see Placement
State = Literal["queued", "downloading", "loading", "running", "done", "failed", "cancelled", "interrupted"]
FINISHED: tuple[State, ...] = ("done", "failed", "cancelled", "interrupted")
MAX_SEED = 2**32 - 1
MAX_PROMPT = 100_000


class ModelSpec(BaseModel):
    """One entry of models.yaml. `id` is its key; `engine` and `source` are required, the rest is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    id: str
    engine: str = Field(description="file name of an engine in studio/engines")
    source: str = Field(description="Hub repository (owner/name) or local folder; a relative folder starts at models.yaml")
    revision: str | None = Field(None, description="branch, tag or commit of the Hub repository")
    title: str = ""
    description: str = Field("", description="what the model is good for, in one sentence")
    license: str = ""
    task: str = Field("", description="the Hub's name of what it does, where its engine can do several things; else the engine's own")
    gated: bool = Field(False, description="its Hub page asks for an agreement before the download")
    commercial: bool = Field(True, description="its licence allows commercial use of what it makes")
    parameters: int | None = Field(None, gt=0, description="numbers it was trained to, where they are known")
    size_bytes: int | None = Field(None, gt=0, description="download size in bytes, where it is known")
    dtype: Literal["float32", "float16", "bfloat16"] | None = None
    mode: Mode | None = Field(None, description="how it lies in memory; None: chosen for the device")
    safety: bool | None = Field(None, description="run its safety checker, if it has one; None: where others can reach the studio")
    config: str = Field("", description="where the small files of a single-file checkpoint come from: a repository or folder of its family")
    vae: str = Field("", description="another autoencoder in place of its own: a repository, one file of it, or a local path")
    adapter: str = Field("", description="a motion adapter that makes a picture model move: a repository or local folder")
    vocoder: str = Field(
        "", description="what turns a speech model's codes into sound, where its own source has none: a repository or folder"
    )
    loras: dict[str, str] = Field(default_factory=dict, description="LoRA files it can be asked for, by a name: where each lies")
    embeddings: dict[str, str] = Field(default_factory=dict, description="textual inversions, by the word that calls each: where it lies")
    starter: bool = Field(False, description="trained by this project and shipped with it")
    world: str = Field("", description="what a starter knows, in a few words")
    prompts: tuple[str, ...] = Field((), description="examples to offer")
    words: tuple[str, ...] = Field((), description="every word a starter knows; empty where any word will do")
    options: dict[str, Any] = Field(default_factory=dict, description="this model's defaults for its engine's options")

    @property
    def name(self) -> str:
        """The title, or the id where there is none."""
        return self.title or self.id

    @property
    def extras(self) -> tuple[str, ...]:
        """The sources it is made of besides its own."""
        one = (self.config, self.vae, self.adapter, self.vocoder)
        return tuple(dict.fromkeys(filter(None, (*one, *self.loras.values(), *self.embeddings.values()))))


class Message(BaseModel):
    """One turn of a chat."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str = Field(max_length=MAX_PROMPT)


class Request(BaseModel):
    """What one person wants of one model. Checked and written down before anything is made of it.

    `seed` is None until the job is submitted; the studio then draws one, so that every job can be repeated.
    `options` are raw here; the engine's `Options` check them.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    prompt: str = Field("", max_length=MAX_PROMPT, description="words for a picture, text to speak, text to go on from")
    messages: list[Message] = Field(default_factory=list, description="a chat; for text models, instead of a prompt")
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    options: dict[str, Any] = Field(default_factory=dict)
    parents: list[str] = Field(default_factory=list, description="gallery ids of what this is made from")
    inputs: dict[str, str] = Field(
        default_factory=dict,
        description="files this is made from, by role (image, mask, audio): the name of one kept by the studio; to an engine, its path",
    )


@dataclass(frozen=True)
class Device:
    """A place models are loaded to.

    Attributes:
        type: torch's device string: `cpu`, `cuda:0`, `mps`.
        name: what a person calls it, `CPU` or the GPU's name.
        total_bytes: its memory.
    """

    type: str
    name: str
    total_bytes: int


@dataclass(frozen=True)
class Placement:
    """How a model is put into memory.

    Attributes:
        dtype: the type of its numbers.
        mode: `whole` on the device; `8bit` or `4bit` weights; `offload`: only the part that works is on the device; `stream`: its
            layers come one by one.
        bytes: what it will take of the device, predicted.
        extras: where each of the model's other sources lies on this machine.
    """

    dtype: str = "float32"
    mode: Mode = "whole"
    bytes: int = 0
    extras: Mapping[str, str] = field(default_factory=dict)


# What an engine yields while it runs.


@dataclass(frozen=True)
class Progress:
    """Step `step` of `total` is done (0 where the total is not known). `preview` is a small RGB picture of the result so far, or None."""

    step: int
    total: int
    unit: str = "step"
    preview: Any = None


@dataclass(frozen=True)
class TextDelta:
    """The next piece of the text being written."""

    text: str


@dataclass(frozen=True)
class Note:
    """One note: `start` and `duration` in seconds, `pitch` and `velocity` 0-127, `program` of General MIDI 0-127, or 128 for drums."""

    start: float
    duration: float
    pitch: int
    velocity: int = 90
    program: int = 0


@dataclass(frozen=True)
class Piece:
    """Notes in order of their start, at `tempo` beats (quarter notes) a minute, `beats_per_bar` to the bar."""

    notes: tuple[Note, ...]
    tempo: float = 120.0
    beats_per_bar: int = 4


@dataclass(frozen=True)
class Audio:
    """Sound: `samples` is float32 of shape (frames, channels) in [-1, 1], `rate` in hertz."""

    samples: Any
    rate: int


@dataclass(frozen=True)
class Video:
    """Moving pictures: `frames` is a list of RGB pictures of one size, `fps` frames a second."""

    frames: list[Any]
    fps: int


@dataclass(frozen=True)
class Artifact:
    """Something finished: a PIL picture, `Audio`, `Video` or a str, with the seed that makes exactly this one again.

    `facts` are what came of the run and belongs in the record (tokens, finish_reason, voice, sampler);
    `piece` are the notes behind a piece of music, saved as a MIDI file beside the sound.
    """

    medium: Medium
    data: Any
    seed: int
    facts: dict[str, Any] = field(default_factory=dict)
    piece: Piece | None = None


Event = Progress | TextDelta | Artifact


# What a job goes through, as its followers see it.


@dataclass(frozen=True)
class StateChanged:
    """The job is now in `state`.

    `position` counts the jobs before a queued one, `wait` the seconds until its turn, None while no such job was seen yet. `error` says why
    it failed, `code` for programs.
    """

    state: State
    position: int = 0
    error: str = ""
    code: str = ""
    wait: float | None = None


@dataclass(frozen=True)
class Transfer:
    """Bytes of a download: `done` of `total`, at `rate` bytes a second (0 while not known)."""

    done: int
    total: int
    rate: float = 0.0


@dataclass(frozen=True)
class Loading:
    """`fraction` of the model is in memory, 0 to 1."""

    fraction: float


@dataclass(frozen=True)
class Saved:
    """A finished file as the worker wrote it: the main file first, then what lies beside it (a MIDI file)."""

    paths: tuple[str, ...]
    medium: Medium
    mime: str
    bytes: int
    sha256: str
    seed: int
    facts: dict[str, Any]


class Record(BaseModel):
    """One finished thing in the gallery. `path` is relative to the data folder; `files` maps a format (`png`, `wav`, `mid`) to its path."""

    id: str
    job: str
    user: str = ""
    task: str
    model: str
    revision: str = ""
    prompt: str
    seed: int
    options: dict[str, Any]
    parents: list[str] = []
    inputs: dict[str, str] = {}
    facts: dict[str, Any] = {}
    created: str
    seconds: float
    medium: Medium
    mime: str
    bytes: int
    sha256: str
    path: str
    files: dict[str, str] = {}
    rating: int = 0
    tags: list[str] = []


class Job(BaseModel):
    """One request on its way. `action` is `run`, or `load` for a model that is only brought into memory (then `results` stays empty)."""

    id: str
    user: str = ""
    action: Literal["run", "load"] = "run"
    state: State
    task: str
    model: str
    prompt: str
    seed: int
    options: dict[str, Any]
    request: Request
    created: str
    started: str | None = None
    finished: str | None = None
    position: int = 0
    wait: float | None = None
    progress: float = 0.0
    error: str | None = None
    code: str | None = None
    results: list[str] = []


@dataclass(frozen=True)
class Made:
    """A result is in the gallery."""

    record: Record


JobEvent = StateChanged | Transfer | Loading | Progress | TextDelta | Made


@dataclass(frozen=True)
class Resident:
    """A model in memory: its id, the bytes it takes, whether a job uses it now, seconds since it was last used, and how it lies there."""

    model: str
    bytes: int
    leased: bool
    idle: float
    dtype: str = ""
    mode: Mode = "whole"


@dataclass(frozen=True)
class MemoryTable:
    """What is in the memory of a device: the models, their sum and the budget, in bytes."""

    device: Device
    budget: int
    models: tuple[Resident, ...] = ()

    @property
    def used(self) -> int:
        return sum(model.bytes for model in self.models)
