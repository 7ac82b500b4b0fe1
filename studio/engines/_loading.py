"""What all engines do when they read weights: say in one sentence what is wrong with a folder, and name the type of its numbers."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studio import weights
from studio.engines import Report
from studio.errors import ModelUnavailable, Stopped
from studio.types import ModelSpec, Placement

# What the libraries say over a repository that is not what it should be, and what that means.
KNOWN = (
    (r"(\S+) is not one of the libraries Diffusers", r"it names the module \1, which is no part of a library it may use; it is refused."),
    ("contains custom code|trust_remote_code", "it wants code of its own to be run, which is refused. Look for a version without."),
    ("Couldn't instantiate the backend tokenizer", "its tokenizer has no vocabulary: tokenizer.json or vocab.json is missing."),
    (r"module (\w+)[\w.]* has no attribute '?(\w+)", r"it needs \2, which the installed \1 does not have. A newer one may."),
)
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
    pointers = [path.name for path in files if path.suffix == ".safetensors" and weights.is_pointer(path)]
    if pointers:
        return f"{pointers[0]} is a pointer of Git LFS, not the weights. Fetch them: run `git lfs pull` in {source}."
    for pattern, sentence in KNOWN:
        if found := re.search(pattern, str(problem)):
            return found.expand(sentence)
    first = str(problem).strip().splitlines()[0][:300] if str(problem).strip() else type(problem).__name__
    return f"{first} If the files are damaged, delete the folder and fetch it again."


def variant(source: str | Path) -> str | None:
    """Return the `variant` that `from_pretrained` of diffusers needs to find a folder's weights: "fp16" where only those are there."""
    return weights.variant(Path(source))


def dtype(placement: Placement) -> Any:
    """Return the torch dtype of a placement."""
    import torch

    return getattr(torch, placement.dtype)


@contextmanager
def following_weights(report: Report) -> Iterator[None]:
    """Report the progress bars that transformers would show while it reads weights."""
    from transformers.utils import logging

    def bar(factory: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _Bar(report, *args, **kwargs)

    before = logging.set_tqdm_hook(bar)
    try:
        yield
    finally:
        logging.set_tqdm_hook(before)


class _Bar:
    """Stands in for a progress bar and reports how far it is, from 0.1 to 0.95."""

    def __init__(self, report: Report, iterable: Any = (), total: int | None = None, **_: Any):
        self._report, self._iterable, self._done = report, iterable, 0
        self._total = total or (len(iterable) if hasattr(iterable, "__len__") else 0)

    def __iter__(self) -> Iterator[Any]:
        for item in self._iterable:
            yield item
            self.update()

    def update(self, count: int = 1) -> None:
        self._done += count
        if self._total:
            self._report(0.1 + 0.85 * min(1.0, self._done / self._total))

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: Any) -> None:
        """Nothing to close."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


SMALL = 30_000_000  # parameters below which waking a second thread for each operation costs more than it helps, token by token


@contextmanager
def fitting_threads(network: Any) -> Iterator[None]:
    """Run a small network, one token at a time, on one thread of the processor; a larger one on all."""
    import torch

    threads = torch.get_num_threads()
    if sum(parameter.numel() for parameter in network.parameters()) < SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
