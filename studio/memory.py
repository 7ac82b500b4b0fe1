"""Memory: which models are loaded, and which has to go when another needs the room.

The only caller of `Engine.load` and `Engine.unload`. Knows bytes and who uses what. Does not know requests or results.
"""

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import psutil

from studio import fit
from studio.engines import Engine
from studio.errors import BadRequest, OutOfMemory
from studio.hub import Hub
from studio.registry import engine_class
from studio.types import Device, JobEvent, Loading, MemoryTable, ModelSpec, Placement, Resident, Transfer
from studio.weights import Part

RESERVE = 512 * 2**20  # bytes of main memory left to the machine and to the work itself
Emit = Callable[[JobEvent], None]
# What leads from a model to what all models share, or nowhere.
SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType, FrameType, str, bytes, int, float)


@dataclass
class _Entry:
    spec: ModelSpec
    engine: Engine
    bytes: int
    used: float
    smaller: list[Placement]
    leases: int = 0


class Memory:
    """The models in one device's memory, under a budget in bytes.

    Args:
        clock: seconds, to tell who was used last.
        free: bytes the device could still give.
        folder: where what is measured of this machine is remembered.
    """

    def __init__(
        self, device: Device, budget: int, hub: Hub, clock: Callable[[], float] = time.monotonic,
        free: Callable[[], int] | None = None, folder: Path | None = None,
    ):  # fmt: skip
        self.device, self.budget, self._hub, self._clock, self._folder = device, budget, hub, clock, folder
        self._free = free or (lambda: free_bytes(device))
        self._entries: dict[str, _Entry] = {}
        self._measured: dict[tuple[str, str, str], int] = {}
        self._next: dict[str, list[Placement]] = {}  # for models that have run out of memory: the smaller ways left to them
        self._lock = threading.RLock()  # held while a model is loaded or unloaded, never while one runs

    @contextmanager
    def lease(self, spec: ModelSpec, emit: Emit, stopped: Callable[[], bool] = lambda: False) -> Iterator[Engine]:
        """Hold a model, loaded if it was not. While it is held nothing evicts it.

        Raises ModelUnavailable when its files cannot be had or read, OutOfMemory when it does not fit.
        """
        with self._lock:
            entry = self._entries.get(spec.id)
            if entry and entry.spec != spec:
                self._drop(entry)
                entry = None
            entry = entry or self._load(spec, emit, stopped)
            entry.leases += 1
        try:
            yield entry.engine
        finally:
            with self._lock:
                entry.leases -= 1
                entry.used = self._clock()

    def unload(self, model: str) -> None:
        """Free a model's memory; one that is not loaded is left alone. Raises BadRequest while it is in use."""
        with self._lock:
            entry = self._entries.get(model)
            if entry and entry.leases:
                raise BadRequest(f"{entry.spec.name} is in use. Stop its job first, or unload it afterwards.", param="model")
            if entry:
                self._drop(entry)

    def table(self) -> MemoryTable:
        """Return what is loaded, last used first."""
        now = self._clock()
        with self._lock:
            entries = sorted(self._entries.values(), key=lambda entry: -entry.used)
            models = tuple(_resident(entry, now) for entry in entries)
        return MemoryTable(self.device, self.budget, models)

    def shrink(self, model: str) -> bool:
        """After memory has run out: free all that is idle, and have this model loaded in a smaller way next time, where there is one.

        Returns whether it is worth another try.
        """
        with self._lock:
            entry = self._entries.get(model)
            idle = [other for other in self._entries.values() if not other.leases]
            if entry and entry.smaller:
                self._next[model] = entry.smaller
            for other in idle:
                self._drop(other)
            return bool(entry and entry.smaller) or any(other is not entry for other in idle)

    def _load(self, spec: ModelSpec, emit: Emit, stopped: Callable[[], bool]) -> _Entry:
        path = self._hub.path(spec)
        if path is None:
            self._check_before_download(spec, emit, stopped)
            path = self._download(spec, emit, stopped)
        emit(Loading(0.0))
        placements = self._next.pop(spec.id, None) or self._placements(spec, self._hub.parts(path))
        fitting = self._fitting(spec, placements)
        for number, placement in enumerate(fitting, 1):
            if not self._make_room(placement.bytes):
                continue
            entry = self._build(spec, path, replace(placement, extras=self._extras(spec)), emit, fitting[number:])
            if entry:
                self._entries[spec.id] = entry
                return entry
            release(self.device)
        raise OutOfMemory(f"{self.device.name} ran out of memory while loading {spec.name}. {self._numbers(spec, placements)}")

    def _build(self, spec: ModelSpec, path: Path, placement: Placement, emit: Emit, smaller: list[Placement]) -> _Entry | None:
        """Load a model in one way; return None when memory runs out over it."""
        engine = engine_class(spec.engine)(spec, self.device, str(path), placement)
        try:
            engine.load(lambda fraction: emit(Loading(fraction)))
        except BaseException as problem:
            engine.unload()
            release(self.device)
            if is_out_of_memory(problem):
                return None
            raise
        # What is moved to the device only while it runs is not there yet: then the prediction stands.
        held = held_bytes(engine, self.device) if placement.mode not in ("offload", "stream") else 0
        taken = self._measured[spec.id, placement.dtype, placement.mode] = held or placement.bytes
        return _Entry(spec, engine, taken, self._clock(), smaller)

    def _placements(self, spec: ModelSpec, parts: tuple[Part, ...]) -> list[Placement]:
        found = fit.placements(
            spec, parts, engine_class(spec.engine), self.device, psutil.virtual_memory().available - RESERVE,
            lambda: fit.bfloat16_is_faster(self._folder),
        )  # fmt: skip
        return [replace(one, bytes=self._measured.get((spec.id, one.dtype, one.mode), one.bytes)) for one in found]

    def said(self, model: str) -> str:
        """Say what a model that ran out of memory has, and what there is."""
        table = self.table()
        mine = next((one for one in table.models if one.model == model), None)
        held = f"it lies there {fit.SAID[mine.mode]} as {mine.dtype}, {size(mine.bytes)}; " if mine else ""
        return f"{held}{size(table.used)} of the budget of {size(table.budget)} are taken, {size(max(0, self._free()))} are free."

    def _fitting(self, spec: ModelSpec, placements: list[Placement]) -> list[Placement]:
        """Return those that fit once all that is idle has left. Raises OutOfMemory when none does."""
        most = self._room() + sum(entry.bytes for entry in self._entries.values() if not entry.leases)
        fitting = [placement for placement in placements if placement.bytes <= most]
        if not fitting:
            raise OutOfMemory(self._numbers(spec, placements))
        return fitting

    def _numbers(self, spec: ModelSpec, placements: list[Placement]) -> str:
        """Say what a model needs, what there is, and what to do."""
        first, last = placements[0], placements[-1]
        smallest = f", {size(last.bytes)} {fit.SAID[last.mode]} as {last.dtype}" if last is not first else ""
        room = self._room() + sum(entry.bytes for entry in self._entries.values() if not entry.leases)
        return (
            f"{spec.name} needs {size(first.bytes)} as {first.dtype}{smallest}; {size(max(0, room))} of the budget of {size(self.budget)} "
            f"are free. Choose a smaller model, close other programs, or raise the budget with --memory."
            f"{fit.advice(engine_class(spec.engine), self.device)}"
        )

    def _extras(self, spec: ModelSpec) -> dict[str, str]:
        return self._hub.extras(spec) if spec.extras else {}

    def _check_before_download(self, spec: ModelSpec, emit: Emit, stopped: Callable[[], bool]) -> None:
        """Raise OutOfMemory for what would not fit once it is here, by the headers of its files."""
        plan = self._hub.plan(spec, lambda *transfer: emit(Transfer(*transfer)), stopped)
        self._fitting(spec, self._placements(spec, plan.parts))

    def _download(self, spec: ModelSpec, emit: Emit, stopped: Callable[[], bool]) -> Path:
        return self._hub.fetch(spec, lambda *transfer: emit(Transfer(*transfer)), stopped)

    def _make_room(self, need: int) -> bool:
        """Let models go that are idle, the one used longest ago first, until there is room; tell whether there is."""
        while need > self._room() and (idle := [entry for entry in self._entries.values() if not entry.leases]):
            self._drop(min(idle, key=lambda entry: entry.used))
        return need <= self._room()

    def _room(self) -> int:
        used = sum(entry.bytes for entry in self._entries.values())
        return min(self.budget - used, self._free())

    def _drop(self, entry: _Entry) -> None:
        del self._entries[entry.spec.id]
        entry.engine.unload()
        release(self.device)


def _resident(entry: _Entry, now: float) -> Resident:
    placement = entry.engine.placement
    return Resident(entry.spec.id, entry.bytes, entry.leases > 0, now - entry.used, placement.dtype, placement.mode)


def size(count: int) -> str:
    """Return bytes as a person reads them: `50 MB`, `1.64 GB`."""
    if count >= 10**9:
        return f"{count / 10**9:.3g} GB"
    return f"{max(1, round(count / 10**6))} MB" if count else "0 MB"


def _torch() -> Any:
    """Return torch if some engine has imported it. A thread that imports it just now is waited for, or its half would be seen."""
    return import_module("torch") if "torch" in sys.modules else None


def held_bytes(thing: Any, device: Device) -> int:
    """Return the bytes of all tensors on the device that `thing` holds, however deep; 0 while torch is not loaded.

    Goes from object to object instead of asking the collector for all there are: that hands out tuples other threads are still filling.
    """
    torch = _torch()
    if torch is None:
        return 0
    seen, next_ones, storages = {id(thing)}, [thing], {}
    while next_ones:
        one = next_ones.pop()
        if isinstance(one, torch.Tensor) and one.device.type == device.type and not _is_wrapper(one):
            storages[one.untyped_storage().data_ptr()] = one.untyped_storage().nbytes()
        found = [inner for inner in gc.get_referents(one) if id(inner) not in seen and not isinstance(inner, SHARED)]
        seen.update(map(id, found))
        next_ones += found
    return sum(storages.values())


def _is_wrapper(tensor: Any) -> bool:
    """Whether a tensor is of quantized weights, whose parts are found themselves."""
    return _torch().utils._python_dispatch.is_traceable_wrapper_subclass(tensor)


def free_bytes(device: Device) -> int:
    """Return the bytes the device could still give, by the driver's word, less a working reserve."""
    torch = _torch()
    if device.type.startswith("cuda") and torch is not None:
        return torch.cuda.mem_get_info(device.type)[0] - RESERVE
    if device.type.startswith("cuda"):
        return device.total_bytes - RESERVE
    return psutil.virtual_memory().available - RESERVE


def release(device: Device) -> None:
    """Give freed memory back to the device or the system."""
    gc.collect()
    torch = _torch()
    if torch is not None and device.type.startswith("cuda"):
        torch.cuda.empty_cache()


def is_out_of_memory(problem: BaseException) -> bool:
    """Tell whether an exception means that the device's memory was not enough."""
    torch = _torch()
    cuda = torch is not None and isinstance(problem, torch.OutOfMemoryError)
    return cuda or isinstance(problem, MemoryError) or "can't allocate memory" in str(problem)
