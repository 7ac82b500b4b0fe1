"""Which files of a model's repository are needed, and what its weights weigh in memory.

Knows file names and the headers of safetensors files. Does not know where the files come from.
"""

import json
import re
import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path, PurePosixPath
from typing import NamedTuple

SMALL_FILES = {".json", ".txt", ".model", ".jinja", ".spm", ".vocab", ".tiktoken", ".yaml", ".npy", ".npz"}
PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl"}
FOREIGN_FOLDERS = {"onnx", "original", "openvino", "coreml", "metal", "gguf", "tflite", "flax", "checkpoints", "runs"}
# The names from_pretrained looks for: stem, optional variant (fp16), optional shard; the variant also stands after the shard.
STEM = "(?P<stem>model|transformers|diffusion_pytorch_model|pytorch_model|adapter_model)"
LIBRARY_NAME = re.compile(rf"{STEM}(\.(?P<variant>\w+))?(?P<shard>-\d{{5}}-of-\d{{5}})?(\.(?P<late>\w+))?\.safetensors")
INDEX_NAME = re.compile(rf"{STEM}(\.(?P<variant>\w+))?\.safetensors\.index(\.(?P<late>\w+))?\.json")
POINTER = b"version https://git-lfs"  # how a file begins that only says where the large one lies
FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
# Two-dimensional weights that are looked up in or added, not multiplied with, or that decide the next word: they are never shrunk.
TABLES = r"embed|\bwte\b|\bwpe\b|shared|lm_head|norm|relative_attention_bias"
WIDTHS = {"float32": 4, "float16": 2, "bfloat16": 2}


def components(model_index: Mapping) -> list[str]:
    """Return the folders a diffusers pipeline is made of, from its model_index.json."""
    return [name for name, value in model_index.items() if not name.startswith("_") and isinstance(value, list) and value and value[0]]


def foreign_modules(model_index: Mapping) -> list[str]:
    """Return the libraries a model_index.json takes classes from that are no plain names, such as paths."""
    named = [value[0] for value in model_index.values() if isinstance(value, list) and value and value[0] is not None]
    return [str(name) for name in named if not (isinstance(name, str) and all(part.isidentifier() for part in name.split(".")))]


def needed(files: Iterable[str], folders: Collection[str] | None = None, pickles: bool = False, half: bool = False) -> list[str]:
    """Return the files of a repository a library loads: small ones, and of the weights one format, variant and sharding.

    Args:
        files: paths inside the repository.
        folders: a pipeline's components; None where the model is no diffusers pipeline.
        pickles: take pickled weights where a folder has no others.
        half: of a pipeline take the fp16 variant where there is one, half the size of the plain weights.
    """
    by_folder: dict[str, list[str]] = {}
    for file in files:
        by_folder.setdefault(str(PurePosixPath(file).parent), []).append(PurePosixPath(file).name)
    root_weights = any(name.endswith(".safetensors") for name in by_folder.get(".", []))
    # Early pipelines keep the parts' files beside model_index.json, where diffusers looks for a part that has no folder.
    flat = folders is not None and not set(folders) <= set(by_folder) and "config.json" in by_folder.get(".", [])
    chosen = []
    for folder, names in by_folder.items():
        if not _belongs(folder, folders):
            continue
        if folder == "." and folders is not None and not flat:
            kept = [name for name in names if name == "model_index.json"]
        else:
            other_names = folders is None and folder != "." and root_weights
            chosen_weights = _weights(names, pickles, other_names, half and folders is not None)
            kept = [name for name in names if PurePosixPath(name).suffix in SMALL_FILES and _fits(name, chosen_weights)] + chosen_weights
        chosen += [name if folder == "." else f"{folder}/{name}" for name in kept]
    return sorted(chosen)


def _belongs(folder: str, folders: Collection[str] | None) -> bool:
    parts = PurePosixPath(folder).parts
    if folders is not None:
        return not parts or folder in folders
    return not any(part.startswith(".") or part.lower() in FOREIGN_FOLDERS for part in parts)


def _fits(name: str, chosen: list[str]) -> bool:
    """Tell whether a small file is of use: an index of shards is only where the shards it lists are chosen."""
    index = INDEX_NAME.fullmatch(name)
    if not index:
        return not name.endswith(".bin.index.json") or not any(one.endswith(".safetensors") for one in chosen)
    known = [match for one in chosen if (match := LIBRARY_NAME.fullmatch(one))]
    same = [match for match in known if match["shard"] and match["stem"] == index["stem"] and _variant(match) == _variant(index)]
    return bool(same) or not known


def _variant(match: re.Match) -> str:
    return match["variant"] or match["late"] or ""


def _weights(names: list[str], pickles: bool, only_other_names: bool, half: bool) -> list[str]:
    """Choose among the weights of one folder. `only_other_names` leaves out what looks like a second copy of the model (a checkpoint)."""
    tensors = [name for name in names if name.endswith(".safetensors")]
    known = [match for name in tensors if (match := LIBRARY_NAME.fullmatch(name))]
    if only_other_names:
        return [name for name in tensors if not LIBRARY_NAME.fullmatch(name)]
    named = [match for match in known if match["stem"] == "transformers"]  # beside them, `model` is the same in its makers' own layout
    known = named or known
    if known:
        by_stem = [[match for match in known if match["stem"] == stem] for stem in sorted({match["stem"] for match in known})]
        return [name for matches in by_stem for name in _one_copy(matches, half)]
    if tensors or not pickles:
        return tensors
    return [name for name in names if PurePosixPath(name).suffix in PICKLES]


def _one_copy(matches: list[re.Match], half: bool) -> list[str]:
    """Return the plain variant where there is one, else fp16, else any (fp16 first for `half`); whole rather than in shards."""
    order = ("fp16", "") if half else ("", "fp16")
    variants = {_variant(match) for match in matches}
    variant = min(variants, key=lambda name: (name != order[0], name != order[1], name))
    same = [match for match in matches if _variant(match) == variant]
    whole = [match[0] for match in same if not match["shard"]]
    return whole or [match[0] for match in same]


def variant(path: Path) -> str | None:
    """Return what `from_pretrained(variant=...)` needs to find the weights of a folder: "fp16" where there are no plain ones, else None.

    The Hub's fp16 files are fetched instead of the plain ones when a model is loaded in half precision anyway.
    """
    if path.is_file():
        return None
    files, folders = folder_files(path)
    names = [LIBRARY_NAME.fullmatch(PurePosixPath(file).name) for file in needed(files, folders)]
    return next((found for match in names if match and (found := _variant(match))), None)


def missing_weights(files: Iterable[str], folders: Collection[str] | None = None) -> str | None:
    """Return a folder (`.` for the root) whose weights exist as pickles only, or `.` when there are none at all; None when all is well."""
    files = list(files)
    chosen = {str(PurePosixPath(file).parent) for file in needed(files, folders) if file.endswith(".safetensors")}
    for folder in folders or []:
        if folder not in chosen and any(str(PurePosixPath(f).parent) == folder and PurePosixPath(f).suffix in PICKLES for f in files):
            return folder
    return None if chosen else "."


def folder_files(path: Path) -> tuple[list[str], list[str] | None]:
    """Return the files of a local folder, relative to it, and its components when it holds a diffusers pipeline."""
    files = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
    return files, read_components(path / "model_index.json")


def looks_whole(path: Path, pickles: bool = False) -> bool:
    """Tell whether a folder of which no listing is known holds a whole model: weights wherever a config is, and all shards of an index."""
    files, folders = folder_files(path)
    chosen = needed(files, folders, pickles)
    weighty = {str(PurePosixPath(file).parent) for file in chosen if PurePosixPath(file).suffix in PICKLES | {".safetensors"}}
    present = {str(PurePosixPath(file).parent) for file in files}
    modelled = {folder for folder in folders or ["."] if folder == "." or f"{folder}/config.json" in files}
    if not modelled <= weighty or not set(folders or []) <= present:
        return False
    indexes = [file for file in files if file.endswith(".safetensors.index.json") and str(PurePosixPath(file).parent) in weighty]
    return all(_has_shards(path / file) for file in indexes)


def _has_shards(index: Path) -> bool:
    """Tell whether the files an index names lie beside it, or the whole model in one."""
    if (index.parent / index.name.removesuffix(".index.json")).is_file():
        return True
    try:
        names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    except (ValueError, KeyError, TypeError, AttributeError):  # not an index
        return False
    return all((index.parent / name).is_file() for name in names)


def read_components(model_index: Path) -> list[str] | None:
    """Return the components a model_index.json names; None where there is no such file or it cannot be read."""
    try:
        return components(json.loads(model_index.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError):
        return None


def bytes_in_memory(path: Path, dtype: str | None = None) -> int:
    """Return the bytes of the weights in a folder (or one file) once loaded, floating numbers as `dtype`, or as they are for None.

    Pickles count as large as their files.
    """
    return sum(_file_bytes(file, dtype) for file in weight_files(path))


@dataclass(frozen=True)
class Part:
    """What one component of a model is made of.

    Attributes:
        name: its folder, `.` for a model that is no pipeline; of a single file its name.
        floats: floating numbers in it.
        matrices: those of them in weights of linear layers, which can be kept in 8 or 4 bits.
        other: bytes of all the rest, whatever type the floating numbers are loaded as.
    """

    name: str
    floats: int
    matrices: int = 0
    other: int = 0


def parts(path: Path) -> tuple[Part, ...]:
    """Return the components of a folder, from the headers of their safetensors files. One file is one part under its own name."""
    counts: dict[str, list[int]] = {}
    for file in weight_files(path):
        folder = path.name if path.is_file() else file.parent.relative_to(path).as_posix()
        sums = counts.setdefault(folder, [0, 0, 0])
        for number, count in enumerate(_file_numbers(file)):
            sums[number] += count
    return tuple(Part(name, *sums) for name, sums in counts.items())


def is_weights(file: str) -> bool:
    """Tell by its name whether a file holds weights."""
    return PurePosixPath(file).suffix in PICKLES | {".safetensors", ".gguf"}


def part(name: str, header: Mapping[str, dict]) -> Part:
    """Return what the tensors of a safetensors header amount to."""
    return Part(name, *_numbers([_tensor(tensor, entry) for tensor, entry in header.items()]))


def autoencoder(path: Path) -> Path:
    """Return the folder of the autoencoder: `vae` in a whole pipeline, else the path itself."""
    return path / "vae" if (path / "vae" / "config.json").is_file() else path


def weight_files(path: Path) -> list[Path]:
    """Return the files with the weights that are loaded from a folder; of a file itself."""
    if path.is_file():
        return [path]
    files, folders = folder_files(path)
    chosen = [path / name for name in needed(files, folders, pickles=True)]
    return [file for file in chosen if file.suffix in PICKLES | {".safetensors"}]


def _file_bytes(path: Path, dtype: str | None) -> int:
    return sum(_tensor_bytes(tensor, dtype) for tensor in tensors) if (tensors := _read(path)) else path.stat().st_size


def _file_numbers(path: Path) -> tuple[int, int, int]:
    """Return a file's floating numbers, those in matrices, and the bytes of all others."""
    tensors = _read(path)
    return _numbers(tensors) if tensors else (0, 0, path.stat().st_size)


def _numbers(tensors: Iterable["_Tensor"]) -> tuple[int, int, int]:
    tensors = list(tensors)
    floats = [tensor for tensor in tensors if tensor.kind in FLOATS]
    return (
        sum(tensor.count for tensor in floats), sum(tensor.count for tensor in floats if tensor.matrix),
        sum(tensor.stored for tensor in tensors if tensor.kind not in FLOATS),
    )  # fmt: skip


class _Tensor(NamedTuple):
    kind: str
    count: int
    stored: int
    matrix: bool


def _tensor_bytes(tensor: _Tensor, dtype: str | None) -> int:
    return tensor.count * WIDTHS[dtype] if dtype in WIDTHS and tensor.kind in FLOATS else tensor.stored


def _read(path: Path) -> tuple[_Tensor, ...] | None:
    status = path.stat()
    return _tensors(str(path), status.st_size, status.st_mtime_ns) if path.suffix == ".safetensors" else None


@lru_cache(maxsize=256)
def _tensors(path: str, size: int, changed: int) -> tuple[_Tensor, ...] | None:
    """Return a file's tensors; None for a damaged file. `changed` makes a new file a new question."""
    try:
        header = read_header(Path(path))
    except ValueError:
        return None
    return tuple(_tensor(name, entry) for name, entry in header.items())


def _tensor(name: str, entry: dict) -> _Tensor:
    start, end = entry["data_offsets"]
    matrix = len(entry["shape"]) == 2 and name.endswith(".weight") and not re.search(TABLES, name)
    return _Tensor(entry["dtype"], prod(entry["shape"]), end - start, matrix)


def is_safetensors(path: Path) -> bool:
    """Tell whether a file is a whole safetensors file, by its header and its size."""
    try:
        read_header(path)
    except ValueError:
        return False
    return True


def is_pointer(path: Path) -> bool:
    """Tell whether a file is what Git leaves in place of a large one that was not fetched."""
    with path.open("rb") as file:
        return file.read(len(POINTER)) == POINTER


def read_header(path: Path) -> dict[str, dict]:
    """Return a safetensors file's tensors by name, each with dtype, shape and data_offsets. Raises ValueError for a cut or damaged file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
        if not 2 <= length <= size - 8:
            raise ValueError(f"{path.name} is no safetensors file, or is cut off")
        header = json.loads(file.read(length))
    try:
        header.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    except (AttributeError, IndexError, KeyError, TypeError):
        raise ValueError(f"{path.name} is no safetensors file: its header lists no tensors") from None
    if 8 + length + end != size:
        raise ValueError(f"{path.name} has {size} bytes instead of {8 + length + end}")
    return header
