"""Tiny text-to-image models of the zoo in their engine, for its tests."""

from pathlib import Path
from typing import Any

from studio.engines.image_diffusers import Engine, Options
from studio.types import Artifact, Device, ModelSpec, Placement, Request

CPU = Device("cpu", "CPU", 10**10)


def loaded(source: Path, dtype: str = "float32", **spec: Any) -> Engine:
    entry = ModelSpec(id="tiny", engine="image_diffusers", source=str(source), dtype=dtype, **spec)
    engine = Engine(entry, CPU, str(source), Placement(dtype))
    engine.load(lambda fraction: None)
    return engine


def run(engine: Engine, prompt: str = "a red circle", seed: int = 3, inputs: dict[str, str] | None = None, **options: Any) -> list:
    values = {"width": 32, "height": 32, "steps": 2, **options}
    request = Request(model="tiny", prompt=prompt, inputs={role: str(path) for role, path in (inputs or {}).items()})
    return list(engine.run(request, Options(**values), seed))


def pictures(events: list) -> list[Artifact]:
    return [event for event in events if isinstance(event, Artifact)]


def pixels(engine: Engine, **asked: Any) -> bytes:
    """Return the pixels of the first picture."""
    return pictures(run(engine, **asked))[0].data.tobytes()
