"""Memory: which models are loaded, and which has to go when another needs the room.

The only caller of `Engine.load` and `Engine.unload`. Knows bytes and who uses what. Does not know requests or results.
"""

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

from studio.engines import Engine, default_dtype
from studio.errors import BadRequest, OutOfMemory
from studio.hub import Hub
from studio.registry import engine_class
from studio.types import Device, JobEvent, Loading, MemoryTable, ModelSpec, Resident, Transfer

RESERVE = 512 * 2**20  # bytes of main memory left to the machine and to the work itself
Emit = Callable[[JobEvent], None]


@dataclass
class _Entry:
    spec: ModelSpec
    engine: Engine
    bytes: int
    used: float
    leases: int = 0


class Memory:
    """The models in one device's memory, under a budget in bytes.

    Args:
        clock: seconds, to tell who was used last.
        free: bytes the device could still give.
    """

    def __init__(
        self, device: Device, budget: int, hub: Hub, clock: Callable[[], float] = time.monotonic, free: Callable[[], int] | None = None
    ):
        self.device, self.budget, self._hub, self._clock = device, budget, hub, clock
        self._free = free or (lambda: free_bytes(device))
        self._entries: dict[str, _Entry] = {}
        self._measured: dict[str, int] = {}
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
            models = tuple(Resident(entry.spec.id, entry.bytes, entry.leases > 0, now - entry.used) for entry in entries)
        return MemoryTable(self.device, self.budget, models)

    def _load(self, spec: ModelSpec, emit: Emit, stopped: Callable[[], bool]) -> _Entry:
        path = self._hub.path(spec) or self._download(spec, emit, stopped)
        emit(Loading(0.0))
        self._make_room(spec, self._predict(spec, path))
        engine = engine_class(spec.engine)(spec, self.device, str(path))
        before = held_bytes(self.device)
        try:
            engine.load(lambda fraction: emit(Loading(fraction)))
        except BaseException as problem:
            engine.unload()
            release(self.device)
            if is_out_of_memory(problem):
                raise OutOfMemory(f"{self.device.name} ran out of memory while loading {spec.name}. {self._advice()}") from None
            raise
        self._measured[spec.id] = max(0, held_bytes(self.device) - before) or self._predict(spec, path)
        entry = _Entry(spec, engine, self._measured[spec.id], self._clock())
        self._entries[spec.id] = entry
        return entry

    def _download(self, spec: ModelSpec, emit: Emit, stopped: Callable[[], bool]) -> Path:
        began = self._clock()

        def report(done: int, total: int) -> None:
            seconds = self._clock() - began
            emit(Transfer(done, total, done / seconds if seconds > 0.5 else 0.0))

        return self._hub.fetch(spec, report, stopped)

    def _predict(self, spec: ModelSpec, path: Path) -> int:
        return self._measured.get(spec.id) or self._hub.weights_bytes(path, spec.dtype or default_dtype(self.device))

    def _make_room(self, spec: ModelSpec, need: int) -> None:
        while need > self._room():
            idle = [entry for entry in self._entries.values() if not entry.leases]
            if not idle:
                message = f"{spec.name} needs {size(need)}; {size(max(0, self._room()))} of the budget of {size(self.budget)} are free."
                raise OutOfMemory(f"{message} {self._advice()}")
            self._drop(min(idle, key=lambda entry: entry.used))

    def _room(self) -> int:
        used = sum(entry.bytes for entry in self._entries.values())
        return min(self.budget - used, self._free())

    def _advice(self) -> str:
        return "Choose a smaller model, close other programs, or raise the budget with --memory."

    def _drop(self, entry: _Entry) -> None:
        del self._entries[entry.spec.id]
        entry.engine.unload()
        release(self.device)


def size(count: int) -> str:
    """Return bytes as a person reads them: `50 MB`, `1.64 GB`."""
    if count >= 10**9:
        return f"{count / 10**9:.3g} GB"
    return f"{max(1, round(count / 10**6))} MB" if count else "0 MB"


def _torch() -> Any:
    """Return torch if some engine has imported it. A thread that imports it just now is waited for, or its half would be seen."""
    return import_module("torch") if "torch" in sys.modules else None


def held_bytes(device: Device) -> int:
    """Return the bytes of all tensors on the device; 0 while torch is not loaded. On the processor they are counted one by one."""
    torch = _torch()
    if torch is None:
        return 0
    if device.type.startswith("cuda"):
        return torch.cuda.memory_allocated(device.type)
    gc.collect()
    tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
    storages = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors if tensor.device.type == device.type
    }
    return sum(storages.values())


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
