"""Every class of model the engines name, each tiny, with random weights, in the layout it is published in.

One file is one family. A builder saves one model of the real class into a folder and is listed by `@animal`; it is built once a
session, when first asked for. tests/test_zoo.py takes each through the whole studio: from a Hub, over HTTP, to a file.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any


@dataclass(frozen=True)
class Animal:
    """One tiny model.

    Attributes:
        name: its key in the catalogue and, after `zoo/`, its repository.
        build: saves it into the (new, empty) folder given.
        entry: its entry in models.yaml without the source; empty for a part of other models.
        file: the one file of the repository that is its source, where it is no folder.
        ask: what to ask it for besides the model and a seed: the body of the route of its task.
        checks: what else must hold of what it makes: called with the bytes of the file.
    """

    name: str
    build: Callable[[Path], Any]
    entry: dict[str, Any]
    file: str = ""
    ask: dict[str, Any] = field(default_factory=dict)
    checks: Callable[[bytes], None] | None = None


ANIMALS: dict[str, Animal] = {}
BUILDING = RLock()  # the stand-in Hub answers in threads, and the libraries cannot be imported by two at once


def animal(name: str, engine: str, file: str = "", ask: dict[str, Any] | None = None, checks=None, **entry: Any) -> Callable:
    """List the function below as the builder of the model `name`."""

    def listed(build: Callable[[Path], Any]) -> Callable[[Path], Any]:
        assert name not in ANIMALS
        ANIMALS[name] = Animal(name, build, {"engine": engine, **entry}, file, ask or {}, checks)
        return build

    return listed


def part(name: str) -> Callable:
    """List the function below as the builder of what a model is made of besides its own source: a repository nobody asks for anything."""

    def listed(build: Callable[[Path], Any]) -> Callable[[Path], Any]:
        assert name not in ANIMALS
        ANIMALS[name] = Animal(name, build, {})
        return build

    return listed


def everyone() -> dict[str, Animal]:
    """Return all, by name; reading them imports no library."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"tests.zoo.{module.name}")
    return ANIMALS


def built(name: str, root: Path) -> Path:
    """Return the folder under `root` with the model, built if it is not there."""
    folder = root / name
    with BUILDING:
        if not folder.exists():
            import torch

            torch.manual_seed(0)
            part = root / f"{name}.part"
            part.mkdir(parents=True)
            everyone()[name].build(part)
            part.rename(folder)
    return folder
