"""What all engines do when they read weights: say in one sentence what is wrong with a folder, and name the type of its numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studio.errors import ModelUnavailable, Stopped
from studio.types import ModelSpec, Placement

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")


@contextmanager
def reading(spec: ModelSpec, source: str) -> Iterator[None]:
    """Turn what a library raises over missing, cut or unsafe files into ModelUnavailable. Memory that runs out stays what it is."""
    try:
        yield
    except (ModelUnavailable, Stopped, MemoryError):
        raise
    except Exception as problem:
        if "out of memory" in str(problem).lower() or "can't allocate memory" in str(problem):
            raise
        raise ModelUnavailable(f"{spec.name} cannot be loaded: {_reason(source, problem)}", param="model") from problem


def _reason(source: str, problem: Exception) -> str:
    files = [path for path in Path(source).rglob("*") if path.is_file()]
    if not any(path.suffix == ".safetensors" for path in files) and any(path.suffix in PICKLES for path in files):
        return "its weights are pickles, which can run code when they are opened. Look for a version with .safetensors files."
    first = str(problem).strip().splitlines()[0][:300] if str(problem).strip() else type(problem).__name__
    return f"{first} If the files are damaged, delete the folder and fetch it again."


def dtype(placement: Placement) -> Any:
    """Return the torch dtype of a placement."""
    import torch

    return getattr(torch, placement.dtype)
