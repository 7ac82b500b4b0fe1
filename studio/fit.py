"""Fit: in which of the ways there are a model goes into memory.

Knows what a model's numbers weigh in each way, what the device can do, and which family takes which. Does not know who else is in
memory, or how weights are read.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from studio.engines import Engine, default_dtype
from studio.engines._placing import SHRINKING
from studio.errors import BadRequest
from studio.types import Device, Mode, ModelSpec, Placement
from studio.weights import WIDTHS, Part

# Bytes of a number in a matrix: int8 with one scale to a row; NF4 (half a byte) with a float32 scale to 64 numbers.
SHRUNK: dict[Mode, float] = {"8bit": 1.01, "4bit": 0.5625}
PACKAGES: dict[Mode, str] = {"8bit": "torchao", "4bit": "bitsandbytes"}  # what does it; each is optional
STREAMED = 0.1  # of its largest part, at most, is on the device at a time when a model is streamed: a layer, and the next on its way
LARGE = 500_000_000  # bytes as float32; a smaller model gains nothing from half the width on a processor
MARGIN = 0.8  # bfloat16 has to take less than this share of float32's time to be called faster
SAID: dict[Mode, str] = {"whole": "whole", "8bit": "in 8 bits", "4bit": "in 4 bits", "offload": "part by part", "stream": "layer by layer"}


def can(mode: Mode, device: Device) -> bool:
    """Tell whether a device, with the packages installed, can hold a model in this way."""
    return _works(mode, device) and not (mode in PACKAGES and find_spec(PACKAGES[mode]) is None)


def _works(mode: Mode, device: Device) -> bool:
    return mode == "whole" or device.type.startswith("cuda") or (mode == "8bit" and device.type == "cpu")


def modes(engine: type[Engine], device: Device) -> tuple[Mode, ...]:
    """Return the modes a family's models can have on a device, the best first."""
    return tuple(mode for mode in engine.modes if can(mode, device))


def dtypes(engine: type[Engine], device: Device, swift: bool = False) -> tuple[str, ...]:
    """Return the types to try, the best first.

    Families that take other modes than `whole` also take half the width. On a processor that is the second choice, for want of room,
    unless it is `swift`: measured to be faster so.
    """
    if engine.dtype:
        return (engine.dtype,)
    if device.type.startswith("cuda"):
        return (_half(device),)
    if len(engine.modes) == 1:
        return (default_dtype(device),)
    return ("bfloat16",) if swift else ("float32", "bfloat16")


def _half(device: Device) -> str:
    """Return bfloat16, or float16 for a GPU from before Ampere, which only emulates the former."""
    torch = import_module("torch") if "torch" in sys.modules else None
    if torch is None or not torch.cuda.is_available() or torch.cuda.is_bf16_supported(including_emulation=False):
        return default_dtype(device)
    return "float16"


def placements(
    spec: ModelSpec, parts: tuple[Part, ...], engine: type[Engine], device: Device, main: int, swift: Callable[[], bool] = lambda: False
) -> list[Placement]:
    """Return the ways a model can go into memory, in the order to try them, each with what it takes of the device.

    The order: whole, whole in half the width (processors), 8-bit, 4-bit, part by part, layer by layer. A way that takes no less than
    the one before is left out. What `spec` says of dtype and mode is all there is.

    Args:
        main: bytes of main memory a model can have that lies there while the device works on a piece of it.
        swift: asks whether this processor is faster with bfloat16; asked for large models only.

    Raises BadRequest for a mode that is not to be had here.
    """
    halved = _gains(spec, parts, engine, device) and swift()
    found: list[Placement] = []
    for dtype, mode in _ways(spec, engine, device, halved):
        placement = Placement(dtype, mode, weigh(parts, dtype, mode))
        smaller = not found or placement.bytes < found[-1].bytes
        if smaller and (mode not in ("offload", "stream") or weigh(parts, dtype) <= main):
            found.append(placement)
    return found


def _gains(spec: ModelSpec, parts: tuple[Part, ...], engine: type[Engine], device: Device) -> bool:
    """Tell whether half the width is a question at all."""
    return spec.dtype is None and device.type == "cpu" and len(engine.modes) > 1 and weigh(parts, "float32") >= LARGE


def _ways(spec: ModelSpec, engine: type[Engine], device: Device, swift: bool) -> Iterator[tuple[str, Mode]]:
    wanted = (spec.dtype,) if spec.dtype and not engine.dtype else dtypes(engine, device, swift)
    there = modes(engine, device)
    if spec.mode and spec.mode not in there:
        raise BadRequest(refusal(spec.name, spec.mode, there, device), param="mode")
    for mode in (spec.mode,) if spec.mode else there:
        for dtype in wanted if mode == "whole" else wanted[-1:]:
            yield dtype, mode


def refusal(name: str, mode: Mode, there: tuple[str, ...], device: Device) -> str:
    """Say that a model cannot be had in a mode, how it can, and what would help."""
    package = PACKAGES.get(mode, "") if _works(mode, device) else ""
    help = f" It needs a package: pip install {package}." if package and find_spec(package) is None else ""
    return f"mode is '{mode}': on {device.name}, {name} can be had as {', '.join(there)}.{help}"


def choosable(engine: type[Engine], device: Device) -> tuple[str, ...]:
    """Return the types a family's models can be asked for, where there is a choice."""
    return ("float32", "bfloat16", "float16") if len(engine.modes) > 1 and device.type != "cpu" else dtypes(engine, device)


def first(spec: ModelSpec, parts: tuple[Part, ...], engine: type[Engine], device: Device, swift: bool) -> Placement:
    """Return how a model is put into memory when there is room for the best way. A mode that is not to be had counts as `whole`."""
    halved = swift and _gains(spec, parts, engine, device)
    dtype = engine.dtype or spec.dtype or dtypes(engine, device, halved)[0]
    mode = spec.mode if spec.mode in modes(engine, device) else "whole"
    return Placement(dtype, mode, weigh(parts, dtype, mode))


def advice(engine: type[Engine], device: Device) -> str:
    """Return what a person could install so that larger models of a family fit, as a sentence after a blank; "" where there is nothing."""
    for mode, package in PACKAGES.items():
        if mode in engine.modes and _works(mode, device) and find_spec(package) is None:
            return f" {SAID[mode].capitalize()} it would be smaller: pip install {package}."
    return ""


def weigh(parts: tuple[Part, ...], dtype: str, mode: Mode = "whole") -> int:
    """Return the bytes of the device that parts take in this way."""
    sizes = [_weigh(part, dtype, mode) for part in parts]
    if mode == "offload":
        return max(sizes, default=0)
    if mode == "stream":
        kept = sum(size for part, size in zip(parts, sizes, strict=True) if part.name == "vae")
        return round(STREAMED * max(sizes, default=0)) + kept
    return sum(sizes)


def _weigh(part: Part, dtype: str, mode: Mode) -> int:
    shrunk = part.matrices if mode in SHRUNK and SHRINKING.fullmatch(part.name) else 0
    return (part.floats - shrunk) * WIDTHS[dtype] + round(shrunk * SHRUNK.get(mode, 0)) + part.other


# ---- what is measured


def bfloat16_is_faster(folder: Path | None) -> bool:
    """Tell whether this processor computes faster with bfloat16: measured once, then remembered in `folder`. Imports torch."""
    known = remembered(folder)
    if known is None:
        known = _has_bfloat16() and _measure("bfloat16") < MARGIN * _measure("float32")
        if folder is not None:
            _note(folder).write_text(json.dumps({_machine(): known}))
    return known


def remembered(folder: Path | None) -> bool | None:
    """Return what bfloat16_is_faster found on this machine; None before it was asked."""
    try:
        return json.loads(_note(folder).read_text()).get(_machine()) if folder else None
    except (OSError, ValueError):
        return None


def _note(folder: Path) -> Path:
    return folder / "processor.json"


def _machine() -> str:
    """Return a name for the processor and the torch that drives it."""
    from importlib.metadata import version
    from platform import machine, processor

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = processor() or machine()
    return f"{model}, torch {version('torch')}"


def _has_bfloat16() -> bool:
    """Tell whether the processor has instructions for bfloat16; without them it is emulated, and slower."""
    import torch

    return any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def _measure(dtype: str) -> float:
    """Return the least seconds of five for a matrix product and a convolution of the sizes that pictures and words take."""
    import torch

    kind = getattr(torch, dtype)
    left, right = torch.randn(256, 1024).to(kind), torch.randn(1024, 2048).to(kind)
    layer, picture = torch.nn.Conv2d(128, 128, 3, padding=1).to(kind), torch.randn(1, 128, 48, 48).to(kind)
    seconds = []
    with torch.inference_mode():
        for _ in range(6):
            began = time.perf_counter()
            left @ right
            layer(picture)
            seconds.append(time.perf_counter() - began)
    return min(seconds[1:])  # the first prepares its kernels


# ---- what is known before the download


def parameters(config: Path | Mapping[str, Any]) -> int:
    """Return the numbers a model is made of, from its configuration alone: a network of that shape is built without memory.

    Args:
        config: a config.json as read, or a folder with one, or with the model_index.json of a pipeline and its parts' folders.

    Imports torch and the library that has the class. Raises ValueError where neither diffusers nor transformers has it.
    """
    if isinstance(config, Mapping):
        return _count(config)
    index = config / "model_index.json"
    names = json.loads(index.read_text()) if index.is_file() else {"": ["", ""]}
    files = [config / name / "config.json" for name, value in names.items() if isinstance(value, list)]
    return sum(_count(json.loads(file.read_text())) for file in files if file.is_file())


def _count(config: Mapping[str, Any]) -> int:
    import torch

    with torch.device("meta"):
        model = _built(config)
    return sum(parameter.numel() for parameter in model.parameters())


def _built(config: Mapping[str, Any]) -> Any:
    import diffusers
    import transformers

    name = config.get("_class_name") or (config.get("architectures") or [""])[0]
    if "_class_name" in config and (found := getattr(diffusers, name, None)):
        return found.from_config(dict(config))
    found = getattr(transformers, name, None)
    if found is None:
        raise ValueError(f"neither diffusers nor transformers has a class {name!r}")
    return found(found.config_class.from_dict(dict(config)))
