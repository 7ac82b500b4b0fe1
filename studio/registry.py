"""The registry: models.yaml -> ModelSpec -> Engine class.

Knows which models there are and which engine runs each. Does not know whether one is downloaded, loaded or running.
An entry that cannot be used is left out and named in `problems`; the others work.
"""

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from studio import engines
from studio.checking import checked, nearest
from studio.engines import Engine
from studio.errors import BadCatalogue, NotFound, StudioError
from studio.types import ModelSpec


class Registry:
    """The catalogue read from one file.

    Attributes:
        path: the file.
        problems: a sentence for each entry, or for the whole file, that could not be used.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.problems: list[str] = []
        self._specs: dict[str, ModelSpec] = {}
        try:
            entries = read_catalogue(self.path)
        except BadCatalogue as problem:
            self.problems.append(str(problem))
            entries = {}
        for key, entry in entries.items():
            self._add(key, entry)

    def _add(self, key: Any, entry: Any) -> None:
        try:
            spec = read_spec(key, entry, self.path)
            checked(engine_class(spec.engine).Options, spec.options, BadCatalogue, f"{self.path.name}, entry {spec.id!r}, options: ")
            self._specs[spec.id] = spec
        except StudioError as problem:
            self.problems.append(str(problem))

    def specs(self, task: str | None = None) -> list[ModelSpec]:
        """Return the models in the order of the file; with a task, those that do it."""
        return [spec for spec in self._specs.values() if task is None or self.task(spec.id) == task]

    def spec(self, model: str) -> ModelSpec:
        """Return one model. Raises NotFound naming the nearest right one."""
        if model not in self._specs:
            raise NotFound(f"No model is called {model[:100]!r}.{nearest(model, list(self._specs))}", param="model")
        return self._specs[model]

    def engine(self, model: str) -> type[Engine]:
        """Return the engine class that runs a model."""
        return engine_class(self.spec(model).engine)

    def task(self, model: str) -> str:
        """Return what a model does, by the Hub's name: `text-to-image` and so on."""
        return self.spec(model).task or self.engine(model).task


def engine_class(name: str) -> type[Engine]:
    """Return the class `Engine` of studio/engines/NAME.py. Raises BadCatalogue when there is no such file."""
    # Looked up before it is imported, so that a missing library inside an engine is not mistaken for a missing engine.
    if name.startswith("_") or not name.isidentifier() or find_spec(f"studio.engines.{name}") is None:
        raise BadCatalogue(f"No engine is called {name!r}.{nearest(name, engine_names())}", param="engine")
    return import_module(f"studio.engines.{name}").Engine


def engine_names() -> list[str]:
    """Return the names of all engines."""
    return [module.name for module in pkgutil.iter_modules(engines.__path__) if not module.name.startswith("_")]


def read_spec(key: Any, entry: Any, path: Path) -> ModelSpec:
    """Return the model of one entry, its engine known to exist and a relative folder made absolute. Raises BadCatalogue."""
    where = f"{path.name}, entry {key!r}: "
    if not isinstance(key, str) or not isinstance(entry, dict):
        raise BadCatalogue(f"{where}an entry is a name with at least the lines `engine:` and `source:` under it.")
    if "id" in entry:
        raise BadCatalogue(f"{where}'id' is not known here; the entry's name is its id.")
    spec = checked(ModelSpec, {**entry, "id": key}, BadCatalogue, where)
    try:
        engine_class(spec.engine)
    except BadCatalogue as problem:
        raise BadCatalogue(where + str(problem), param="engine") from None
    return _resolved(spec, path.parent)


def _resolved(spec: ModelSpec, folder: Path) -> ModelSpec:
    """Return a model all of whose local sources are absolute."""
    one = {name: resolve(source, folder) for name in ("source", "config", "vae", "adapter", "vocoder") if (source := getattr(spec, name))}
    many = {name: {key: resolve(source, folder) for key, source in getattr(spec, name).items()} for name in ("loras", "embeddings")}
    return spec.model_copy(update={**one, **many})


def resolve(source: str, folder: Path) -> str:
    """Return `source` with a local path made absolute: one that begins with `.`, `/` or `~`, or that exists beside models.yaml."""
    local = (folder / Path(source).expanduser()).resolve()
    return str(local) if source.startswith((".", "/", "~")) or local.exists() else source


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key given twice is an error: the second would silently win."""


def _mapping(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict:
    seen: set = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float | bool | None):
            raise yaml.constructor.ConstructorError(None, None, "a name has to be plain text", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"{key!r} is there twice", key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_catalogue(path: Path) -> dict:
    """Return the entries of a catalogue file as they stand. Raises BadCatalogue with the line at fault."""
    try:
        entries = yaml.load(path.read_text(encoding="utf-8"), _Loader) or {}
    except OSError as problem:
        raise BadCatalogue(f"The catalogue {path} cannot be read: {problem.strerror}. Give its path with --models.") from None
    except UnicodeDecodeError:
        raise BadCatalogue(f"The catalogue {path} is not UTF-8 text.") from None
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        reason = getattr(problem, "problem", None) or str(problem)
        hint = " Use spaces, not tabs, at the start of a line." if "'\\t'" in reason else ""
        raise BadCatalogue(f"{path.name}{line}: {reason}.{hint}") from None
    if not isinstance(entries, dict):
        raise BadCatalogue(f"{path.name} has to be a list of names, each with the lines of its model under it.")
    return entries
