"""What a model is made of: its own source, and those of its configuration, autoencoder, adapter, vocoder, LoRAs and textual inversions.

Knows how a source is written and which of a repository's files it needs. Does not know where they come from or whether they are here.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from studio import weights
from studio.types import ModelSpec

Role = Literal["model", "config", "vae", "adapter", "vocoder", "lora", "embedding"]
ADAPTED = {"lora": "pytorch_lora_weights.safetensors", "embedding": "learned_embeds.safetensors"}  # the names diffusers saves them under
HALF = ("float16", "bfloat16")


@dataclass(frozen=True)
class Source:
    """One of the things a model is made of.

    Attributes:
        text: as the catalogue writes it: `owner/name`, `owner/name/folder/file`, or an absolute path.
        role: what it is to the model, which decides what of a repository is needed.
        revision: branch, tag or commit.
        pickles: its weights may be pickles, of which nothing but tensors is read.
        half: the fp16 variant of a pipeline will do.
    """

    text: str
    role: Role = "model"
    revision: str = "main"
    pickles: bool = False
    half: bool = False

    @property
    def local(self) -> bool:
        """Whether it is a folder or file of this machine."""
        return is_local(self.text)

    @property
    def key(self) -> str:
        """The line of the catalogue it stands in."""
        return {"model": "source", "lora": "loras", "embedding": "embeddings"}.get(self.role, self.role)

    @property
    def repository(self) -> str:
        return split_source(self.text)[0]

    @property
    def file(self) -> str:
        """The one file meant, or "" for all that is needed of the repository."""
        return split_source(self.text)[1]

    def wanted(self, files: Collection[str], folders: Collection[str] | None, half: bool | None = None) -> list[str]:
        """Return which of a repository's files are needed.

        Args:
            folders: the components of a diffusers pipeline, None for any other model.
            half: in place of the source's own.
        """
        half = self.half if half is None else half
        if self.file:
            return [self.file]
        if self.role == "config":
            return [file for file in weights.needed(files, folders) if _small(file)]
        if self.role == "vae":
            inside = [file for file in files if file.startswith("vae/")]  # of a whole pipeline
            if inside:
                return weights.needed(inside, ["vae"], half=half)
            return weights.needed([file for file in files if "/" not in file], half=half)
        if self.role in ADAPTED:
            tensors = [file for file in files if file.endswith(".safetensors") and "/" not in file]
            return [name for name in tensors if name == ADAPTED[self.role]] or tensors
        return weights.needed(files, folders, self.pickles, half)

    def lacks(self, files: Collection[str], folders: Collection[str] | None) -> str | None:
        """Return the folder (`.` for the root) whose weights are missing as safetensors, None when all is well."""
        if self.pickles or self.role == "config":
            return None
        if self.role == "model" and not self.file:
            return weights.missing_weights(files, folders)
        wanted = self.wanted(files, folders)
        return None if any(PurePosixPath(file).suffix not in weights.PICKLES and not _small(file) for file in wanted) else "."

    def looks_whole(self, snapshot: Path) -> bool:
        """Tell whether a folder of which no listing is known holds all that is needed."""
        if self.role in ("model", "adapter", "vocoder"):
            return weights.looks_whole(snapshot, self.pickles)
        files, folders = weights.folder_files(snapshot)
        if self.role == "config":
            return any(PurePosixPath(file).name in ("model_index.json", "config.json") for file in files)
        return self.lacks(files, folders) is None


def sources(spec: ModelSpec, dtype: str | None = None) -> list[Source]:
    """Return all a model is made of, its own source first. `dtype` is what weights are loaded as where the catalogue does not say."""
    half = (spec.dtype or dtype) in HALF
    found = [Source(spec.source, "model", spec.revision or "main", takes_pickles(spec), half)]
    one: list[tuple[Role, str]] = [("config", spec.config), ("vae", spec.vae), ("adapter", spec.adapter), ("vocoder", spec.vocoder)]
    many: list[tuple[Role, str]] = [("lora", text) for text in spec.loras.values()]
    many += [("embedding", text) for text in spec.embeddings.values()]
    for role, text in dict.fromkeys((role, text) for role, text in one + many if text):
        revision = found[0].revision if split_source(text)[0] == found[0].repository else "main"
        found.append(Source(text, role, revision, half=half))
    return found


def is_local(source: str) -> bool:
    """Tell whether a source is a folder or file of this machine: an absolute path."""
    return Path(source).is_absolute()


def split_source(source: str) -> tuple[str, str]:
    """Return a Hub source as repository and the one file meant in it, or "": `owner/name/folder/file.pt`."""
    parts = source.split("/")
    return "/".join(parts[:2]), "/".join(parts[2:])


def takes_pickles(spec: ModelSpec) -> bool:
    """The face engines read tensors, and nothing but tensors, from pickles; their weights exist in no other form."""
    return spec.engine.startswith("face_")


def _small(file: str) -> bool:
    return PurePosixPath(file).suffix in weights.SMALL_FILES
