"""What the studio does with models of full size on a GPU: `python -m benchmarks.gpu [--models SDXL ...] [--pairs N] [--write]`.

The models have random weights (see gpu_models.py), so nothing is downloaded; each is saved to a temporary folder and taken from there
through the studio's own memory and engine. For each, in one process and on the same weights: the memory predicted from the headers
against what the device then holds (they may differ by 10 %); steps, tokens or faces a second of the engine against the bare library, in
turns; and how long it takes to evict the model and to load it again, against the time a copy from pinned memory takes for as many bytes.

`--small` runs the same code with tiny sizes on the processor, to know that it works. `--write` adds the table to benchmarks/RESULTS.md.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.gpu_models import MODELS, Model
from studio import fit, weights
from studio.devices import budget_bytes, find_device
from studio.errors import StudioError
from studio.hub import Hub
from studio.memory import Memory, is_out_of_memory, release, size
from studio.registry import engine_class
from studio.types import Artifact, Device, ModelSpec, Request
from studio.worker_process import THREADS

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
BOUND = 0.10  # of the measured memory, by which the prediction may be off
COPIED = 2**30  # bytes of the pinned copy
SEED = 5
COLUMNS = (
    "model", "numbers", "as", "predicted", "measured", "off by", "bare library", "studio", "ratio", "evict", "load again",
    "copy of as many bytes",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What was measured of one model: bytes, work a second (bare and by the studio), seconds."""

    name: str
    numbers: int
    dtype: str
    mode: str
    predicted: int
    measured: int
    unit: str
    bare: float
    studio: float
    evict: float
    reload: float
    limit: float

    @property
    def off(self) -> float:
        return self.predicted / self.measured - 1


def synchronize(device: Device) -> None:
    """Wait until the device has done what it was given."""
    import torch

    if device.type.startswith("cuda"):
        torch.cuda.synchronize()


def timed(device: Device, work: Callable[[], Any]) -> float:
    """Return the seconds a piece of work takes, to the device's last operation."""
    synchronize(device)
    began = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - began


def copy_rate(device: Device, count: int) -> float:
    """Return the bytes a second of a copy from main memory (pinned, for a GPU) to the device, the best of three."""
    import torch

    cuda = device.type.startswith("cuda")
    there, here = torch.empty(count, dtype=torch.uint8, device=device.type), torch.ones(count, dtype=torch.uint8, pin_memory=cuda)
    return count / min(timed(device, lambda: there.copy_(here, non_blocking=True)) for _ in range(3))


def bare(model: Model, engine: Any, options: Any) -> Any:
    """Do what the engine does with the library alone, on the same weights: the call its documentation shows."""
    import torch

    if model.engine == "image_diffusers":
        sizes = {"width": options.width, "height": options.height, "num_inference_steps": options.steps}
        return engine._pipeline(model.prompt, **sizes, generator=torch.Generator("cpu").manual_seed(SEED)).images[0]
    if model.engine == "text_transformers":
        tokens = engine._tokenizer(model.prompt, return_tensors="pt").to(engine._model.device)
        settings = {"max_new_tokens": options.max_tokens, "do_sample": False, "pad_token_id": 0}
        with torch.inference_mode():
            made = engine._model.generate(tokens["input_ids"], attention_mask=tokens["attention_mask"], **settings)
        return engine._tokenizer.decode(made[0])
    with torch.inference_mode():
        return [engine._picture(engine._latent(SEED + number), options) for number in range(options.count)]


def ours(model: Model, engine: Any, options: Any) -> list[Artifact]:
    """Do it with the studio's engine."""
    request = Request(model="m", prompt=model.prompt)
    return [event for event in engine.run(request, options, SEED) if isinstance(event, Artifact)]


def rates(model: Model, engine: Any, options: Any, device: Device, pairs: int) -> tuple[float, float]:
    """Return the work a second of the bare library and of the engine: medians of pairs in turns, after one warm-up each."""
    sides = (lambda: bare(model, engine, options), lambda: ours(model, engine, options))
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(pairs + 1):
        for side in (0, 1) if number % 2 else (1, 0):
            taken = timed(device, sides[side])
            seconds[side].extend([taken] if number else [])
    work = getattr(options, model.counts)
    return work / statistics.median(seconds[0]), work / statistics.median(seconds[1])


def measure(model: Model, folder: Path, device: Device, small: bool, pairs: int, rate: float) -> Row:
    """Take one model through the studio. Raises OutOfMemory where it does not fit."""
    spec = ModelSpec(id=model.name, engine=model.engine, source=str(folder))
    options = engine_class(model.engine).Options(**(model.small_options if small else model.options))
    parts = weights.parts(folder)
    memory = Memory(device, budget_bytes(None, device), Hub(None, True))
    with memory.lease(spec, _silent) as engine:
        placement = engine.placement
        (held,) = memory.table().models
        bare_rate, own_rate = rates(model, engine, options, device, pairs)
    evict = timed(device, lambda: memory.unload(spec.id))
    reload = timed(device, lambda: _lease(memory, spec))
    memory.unload(spec.id)
    return Row(
        model.name, sum(part.floats for part in parts), placement.dtype, placement.mode,
        fit.weigh(parts, placement.dtype, placement.mode), held.bytes, model.counts.removeprefix("max_").replace("count", "faces"),
        bare_rate, own_rate, evict, reload, held.bytes / rate,
    )  # fmt: skip


def _silent(event: Any) -> None:
    """Nobody listens."""


def _lease(memory: Memory, spec: ModelSpec) -> None:
    with memory.lease(spec, _silent):
        pass


def table(rows: list[Row]) -> str:
    """Return what was measured as a table of Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "| --- " * len(COLUMNS) + "|"]
    for row in rows:
        lines.append(
            f"| {row.name} | {row.numbers / 1e6:,.2f} M | {row.dtype}, {row.mode} | {size(row.predicted)} | {size(row.measured)} "
            f"| {row.off:+.1%} | {row.bare:.2f} {row.unit}/s | {row.studio:.2f} {row.unit}/s | {row.studio / row.bare:.3f} "
            f"| {row.evict:.2f} s | {row.reload:.2f} s | {row.limit:.2f} s |"
        )
    return "\n".join(lines)


def run(chosen: list[Model], device: Device, small: bool, pairs: int) -> tuple[list[Row], list[str]]:
    """Measure the models one after another; return the rows, and a sentence for each that could not be measured."""
    dtype, rows, failures = ("float32" if device.type == "cpu" else "bfloat16"), [], []
    rate = copy_rate(device, COPIED // 64 if small else COPIED)
    for model in chosen:
        with tempfile.TemporaryDirectory() as folder:
            try:
                print(f"{model.name} ...", flush=True)
                model.build(Path(folder) / "model", device.type, dtype, small)
                release(device)
                rows.append(measure(model, Path(folder) / "model", device, small, pairs, rate))
                print(table(rows[-1:]).splitlines()[-1], flush=True)
            except Exception as problem:
                if not isinstance(problem, StudioError) and not is_out_of_memory(problem):
                    raise
                failures.append(f"{model.name} was not measured: {problem}")
        release(device)
    return rows, failures


def title(device: Device, small: bool) -> str:
    """Return what was measured on what, in a line."""
    import diffusers
    import torch
    import transformers

    day = datetime.now(UTC).date().isoformat()
    libraries = f"torch {torch.__version__}, diffusers {diffusers.__version__}, transformers {transformers.__version__}"
    return f"{device.name}, {size(device.total_bytes)}, {libraries}, {day}{', small sizes' if small else ''}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    names = [model.name for model in MODELS]
    parser.add_argument("--models", nargs="+", choices=names, default=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--pairs", type=int, default=5, help="runs of each side")
    parser.add_argument("--small", action="store_true", help="tiny sizes on the processor, to try the script")
    parser.add_argument("--write", action="store_true", help="add the table to benchmarks/RESULTS.md")
    wanted = parser.parse_args(arguments)
    try:
        device = find_device("cpu" if wanted.small else "cuda")
    except StudioError:
        print("There is no NVIDIA GPU here: nothing was measured. Try the script itself with --small.", file=sys.stderr)
        return 2
    for name, value in THREADS.items():  # as in the studio's worker
        os.environ.setdefault(name, value)
    rows, failures = run([model for model in MODELS if model.name in wanted.models], device, wanted.small, wanted.pairs)
    report = "\n".join([f"### {title(device, wanted.small)}", "", table(rows), *failures])
    print(f"\n{report}")
    if wanted.write:
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(f"\n{report}\n")
    return int(any(abs(row.off) > BOUND for row in rows) or bool(failures))


if __name__ == "__main__":
    sys.exit(main())
