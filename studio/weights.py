"""Which files of a model's repository are needed, and what its weights weigh in memory.

Knows file names and the headers of safetensors files. Does not know where the files come from.
"""

import json
import re
import struct
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from math import prod
from pathlib import Path, PurePosixPath

SMALL_FILES = {".json", ".txt", ".model", ".jinja", ".spm", ".vocab", ".tiktoken", ".yaml", ".npy", ".npz"}
PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl"}
FOREIGN_FOLDERS = {"onnx", "original", "openvino", "coreml", "metal", "gguf", "tflite", "flax", "checkpoints", "runs"}
# The names from_pretrained looks for: stem, optional variant (fp16), optional shard; the variant also stands after the shard.
LIBRARY_NAME = re.compile(
    r"(?P<stem>model|diffusion_pytorch_model|pytorch_model|adapter_model)(\.(?P<variant>\w+))?(?P<shard>-\d{5}-of-\d{5})?(\.(?P<late>\w+))?\.safetensors"
)
FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
WIDTHS = {"float32": 4, "float16": 2, "bfloat16": 2}


def components(model_index: Mapping) -> list[str]:
    """Return the folders a diffusers pipeline is made of, from its model_index.json."""
    return [name for name, value in model_index.items() if not name.startswith("_") and isinstance(value, list) and value[0]]


def needed(files: Iterable[str], folders: Collection[str] | None = None, pickles: bool = False) -> list[str]:
    """Return the files of a repository a library loads: small ones, and of the weights one format, variant and sharding.

    Args:
        files: paths inside the repository.
        folders: a pipeline's components; None where the model is no diffusers pipeline.
        pickles: take pickled weights where a folder has no others.
    """
    by_folder: dict[str, list[str]] = {}
    for file in files:
        by_folder.setdefault(str(PurePosixPath(file).parent), []).append(PurePosixPath(file).name)
    root_weights = any(name.endswith(".safetensors") for name in by_folder.get(".", []))
    chosen = []
    for folder, names in by_folder.items():
        if not _belongs(folder, folders):
            continue
        if folder == "." and folders is not None:
            kept = [name for name in names if name == "model_index.json"]
        else:
            kept = [name for name in names if PurePosixPath(name).suffix in SMALL_FILES]
            kept += _weights(names, pickles, only_other_names=folders is None and folder != "." and root_weights)
        chosen += [name if folder == "." else f"{folder}/{name}" for name in kept]
    return sorted(chosen)


def _belongs(folder: str, folders: Collection[str] | None) -> bool:
    parts = PurePosixPath(folder).parts
    if folders is not None:
        return not parts or folder in folders
    return not any(part.startswith(".") or part.lower() in FOREIGN_FOLDERS for part in parts)


def _weights(names: list[str], pickles: bool, only_other_names: bool) -> list[str]:
    """Choose among the weights of one folder. `only_other_names` leaves out what looks like a second copy of the model (a checkpoint)."""
    tensors = [name for name in names if name.endswith(".safetensors")]
    known = [match for name in tensors if (match := LIBRARY_NAME.fullmatch(name))]
    if only_other_names:
        return [name for name in tensors if not LIBRARY_NAME.fullmatch(name)]
    if known:
        return [name for stem in sorted({match["stem"] for match in known}) for name in _one_copy([m for m in known if m["stem"] == stem])]
    if tensors or not pickles:
        return tensors
    return [name for name in names if PurePosixPath(name).suffix in PICKLES]


def _one_copy(matches: list[re.Match]) -> list[str]:
    """Return the plain variant where there is one, else fp16, else any; whole rather than in shards."""
    variants = {match["variant"] or match["late"] or "" for match in matches}
    variant = min(variants, key=lambda name: (name != "", name != "fp16", name))
    same = [match for match in matches if (match["variant"] or match["late"] or "") == variant]
    whole = [match[0] for match in same if not match["shard"]]
    return whole or [match[0] for match in same]


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
    return all(_has_shards(path / file) for file in chosen if file.endswith(".safetensors.index.json"))


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
    if path.is_file():
        return _file_bytes(path, dtype)
    files, folders = folder_files(path)
    chosen = [path / name for name in needed(files, folders, pickles=True)]
    return sum(_file_bytes(file, dtype) for file in chosen if file.suffix in PICKLES | {".safetensors"})


def _file_bytes(path: Path, dtype: str | None) -> int:
    status = path.stat()
    if path.suffix == ".safetensors" and (tensors := _tensors(str(path), status.st_size, status.st_mtime_ns)):
        return sum(_tensor_bytes(kind, count, stored, dtype) for kind, count, stored in tensors)
    return status.st_size


def _tensor_bytes(kind: str, count: int, stored: int, dtype: str | None) -> int:
    return count * WIDTHS[dtype] if dtype in WIDTHS and kind in FLOATS else stored


@lru_cache(maxsize=256)
def _tensors(path: str, size: int, changed: int) -> tuple[tuple[str, int, int], ...] | None:
    """Return (type, numbers, stored bytes) of each tensor; None for a damaged file. `changed` makes a new file a new question."""
    try:
        header = read_header(Path(path))
    except ValueError:
        return None
    return tuple((entry["dtype"], prod(entry["shape"]), entry["data_offsets"][1] - entry["data_offsets"][0]) for entry in header.values())


def read_header(path: Path) -> dict[str, dict]:
    """Return a safetensors file's tensors by name, each with dtype, shape and data_offsets. Raises ValueError for a cut or damaged file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
        if not 2 <= length <= size - 8:
            raise ValueError(f"{path.name} is no safetensors file, or is cut off")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    if 8 + length + end != size:
        raise ValueError(f"{path.name} has {size} bytes instead of {8 + length + end}")
    return header
