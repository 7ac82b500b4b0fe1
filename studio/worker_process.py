"""A worker in a child process: a crash, a hang or the kernel's out-of-memory killer costs one job, and ending the child frees all it held.

Knows processes and the messages between them. Does not know what a task does.
"""

import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import psutil

from studio.errors import GenerationFailed, Stopped, StudioError, WorkerDied
from studio.hub import Hub
from studio.memory import Memory
from studio.types import Device, MemoryTable, StateChanged
from studio.worker import Runner, Task, Worker, WorkerEvent

GRACE = 5.0  # seconds a worker has to answer a stop before it is ended
START = 120.0  # seconds a child process has to come up
ROOT = Path(__file__).resolve().parent.parent
# The threads a model computes with, unless the user's environment says otherwise. As many as there are cores: two on one only wait for
# each other. They wait asleep: spinning, as they would, they take turns with all else that runs, and all is several times slower.
THREADS = {"OMP_NUM_THREADS": str(psutil.cpu_count(logical=False) or os.cpu_count() or 1), "OMP_WAIT_POLICY": "PASSIVE"}


class ProcessWorker(Worker):
    """Models in a child process, started when it is first needed and anew after it has died.

    Args:
        log_file: where the child's output goes.
        warm: let the child import torch ahead of its first task.
        folder: where what is measured of this machine is remembered.
    """

    def __init__(self, device: Device, budget: int, hub: Hub, log_file: Path, warm: bool = True, folder: Path | None = None):
        self._device, self._budget, self._hub, self._log_file, self._warm = device, budget, hub, log_file, warm
        self._folder = folder
        self._table = MemoryTable(device, budget)
        self._lock = threading.RLock()
        self._child: _Child | None = None
        self._stopping: dict[str, float] = {}

    def start(self) -> None:
        with self._lock:
            if self._child is None or not self._child.alive():
                self._child = _Child((self._device, self._budget, self._hub, self._warm, self._folder), self._log_file, self._note_table)

    def run(self, task: Task) -> Iterator[WorkerEvent]:
        waited, heard = self._child is not None and self._child.alive(), False
        try:
            for event in self._once(task):
                heard = True
                yield event
        except WorkerDied:
            if heard or not waited:
                raise
            yield from self._once(task)  # it had died while it was idle, before it knew of this task

    def _once(self, task: Task) -> Iterator[WorkerEvent]:
        self.start()
        child = self._child
        ended = False
        try:
            child.send("run", task)
            for kind, value in child.messages(lambda: self._check(child, task)):
                if kind == "event":
                    yield value
                else:
                    ended = True
                    break
            if value is not None:
                raise value
        finally:
            self._stopping.pop(task.job, None)
            if not ended:
                self._abandon(child, task.job)

    def _check(self, child: "_Child", task: Task) -> None:
        """Raise when the child has died, or does not answer a stop."""
        deadline = self._stopping.get(task.job)
        if not child.alive():
            self._note_table(MemoryTable(self._device, self._budget))
            if deadline:
                raise Stopped("Stopped.")
            raise WorkerDied(
                f"The process that ran {task.spec.name} ended ({child.ending()}). The next job gets a fresh one. Details: {self._log_file}"
            )
        if deadline and time.monotonic() > deadline:
            child.kill()
            self._note_table(MemoryTable(self._device, self._budget))
            raise Stopped("Stopped.")

    def _abandon(self, child: "_Child", job: str) -> None:
        """The follower of a task left before its end: stop it and wait, so that the next task does not run beside it."""
        if not child.alive():
            return
        child.send("stop", job)
        deadline = time.monotonic() + GRACE

        def check() -> None:
            if not child.alive() or time.monotonic() > deadline:
                raise Stopped("Stopped.")

        try:
            for kind, _ in child.messages(check):
                if kind == "end":
                    return
        except Stopped:
            child.kill()
            self._note_table(MemoryTable(self._device, self._budget))

    def stop(self, job: str) -> None:
        self._stopping[job] = time.monotonic() + GRACE
        if self._child and self._child.alive():
            self._child.send("stop", job)

    def unload(self, model: str) -> None:
        if self._child and self._child.alive():
            problem = self._child.ask("unload", model)
            if problem is not None:
                raise problem

    def table(self) -> MemoryTable:
        return self._table

    def _note_table(self, table: MemoryTable) -> None:
        self._table = table

    def close(self) -> None:
        with self._lock:
            if self._child:
                self._child.kill()


class _Child:
    """The parent's side of a child process: its messages sorted by what they answer."""

    def __init__(self, beginning: tuple[Device, int, Hub, bool, Path | None], log_file: Path, note_table: Callable[[MemoryTable], None]):
        key = secrets.token_bytes(32)
        listener = Listener(authkey=key)
        environment = {
            **THREADS, **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        }  # fmt: skip
        self._process = self._spawn(log_file, str(listener.address), environment)
        self._process.stdin.write(key.hex().encode() + b"\n")
        self._process.stdin.flush()
        self._connection = self._accept(listener)
        self._note_table = note_table
        self._messages: Queue = Queue()
        self._answers: Queue = Queue()
        self._asking, self._sending = threading.Lock(), threading.Lock()
        self.send("begin", beginning)
        threading.Thread(target=self._read, name="worker-messages", daemon=True).start()

    @staticmethod
    def _spawn(log_file: Path, address: str, environment: dict[str, str]) -> subprocess.Popen:
        command = [sys.executable, "-m", "studio.worker_process", address]
        try:
            log_file.parent.mkdir(parents=True, exist_ok=True)
            output = log_file.open("ab")
        except OSError:
            output = Path(os.devnull).open("ab")
        with output:
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment)

    def _accept(self, listener: Listener) -> Connection:
        accepted: Queue = Queue()
        threading.Thread(target=lambda: accepted.put(listener.accept()), name="worker-accept", daemon=True).start()
        deadline = time.monotonic() + START
        while self.alive() and time.monotonic() < deadline:
            try:
                connection = accepted.get(timeout=0.1)
                listener.close()
                return connection
            except Empty:
                continue
        ending = self.ending()
        self.kill()
        raise WorkerDied(f"The process that runs the models could not be started ({ending}).")

    def alive(self) -> bool:
        return self._process.poll() is None

    def ending(self) -> str:
        """Say how the process ended."""
        code = self._process.poll()
        if code is None:
            return "it did not answer"
        if code == -9:
            return "it was killed, perhaps because memory ran out"
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def send(self, kind: str, value: Any) -> None:
        with self._sending, suppress(OSError):  # it has died: whoever waits for its answer sees that
            self._connection.send((kind, value))

    def ask(self, kind: str, value: Any) -> Any:
        """Send a question and return the answer; None when the child dies instead."""
        with self._asking:
            self.send(kind, value)
            while self.alive():
                try:
                    return self._answers.get(timeout=0.2)
                except Empty:
                    continue
            return None

    def messages(self, check: Callable[[], None]) -> Iterator[tuple[str, Any]]:
        """Yield ("event", event) and at last ("end", problem or None). `check` is called while nothing comes."""
        while True:
            try:
                yield self._messages.get(timeout=0.1)
            except Empty:
                check()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()

    def _read(self) -> None:
        queues = {"event": self._messages, "end": self._messages, "answer": self._answers}
        while True:
            try:
                kind, value = self._connection.recv()
            except (EOFError, OSError):
                return
            if kind == "table":
                self._note_table(value)
            elif kind == "answer":
                self._answers.put(value)
            else:
                queues[kind].put((kind, value))


class _ChildMain:
    """The child's side: one thread reads commands, another runs tasks."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._sending = threading.Lock()
        self._stopped: set[str] = set()
        self._tasks: Queue = Queue()

    def serve(self) -> None:
        _, (device, budget, hub, warm, folder) = self._connection.recv()
        if warm:
            threading.Thread(target=_import_torch, name="warm", daemon=True).start()
        self._memory = Memory(device, budget, hub, folder=folder)
        self._runner = Runner(self._memory)
        threading.Thread(target=self._work, name="models", daemon=True).start()
        while True:
            kind, value = self._connection.recv()
            if kind == "run":
                self._tasks.put(value)
            elif kind == "stop":
                self._stopped.add(value)
            elif kind == "unload":
                threading.Thread(target=self._unload, args=(value,), daemon=True).start()

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            problem = None
            try:
                self._runner.run(task, self._emit, lambda job=task.job: job in self._stopped)
            except StudioError as raised:
                problem = raised
            except BaseException as raised:  # SystemExit of a library, KeyboardInterrupt of a terminal
                problem = GenerationFailed(f"{task.spec.name} failed: {type(raised).__name__}: {raised}")
            self._stopped.discard(task.job)
            self._send("table", self._memory.table())
            self._send("end", problem)

    def _emit(self, event: WorkerEvent) -> None:
        self._send("event", event)
        if isinstance(event, StateChanged):
            self._send("table", self._memory.table())

    def _unload(self, model: str) -> None:
        problem = None
        try:
            self._memory.unload(model)
        except StudioError as raised:
            problem = raised
        self._send("table", self._memory.table())
        self._send("answer", problem)

    def _send(self, kind: str, value: Any) -> None:
        with self._sending:
            self._connection.send((kind, value))


def main() -> None:
    """Be the child process: connect to the address given and serve until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl+C reaches both; the parent says when to end
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    key = bytes.fromhex(sys.stdin.readline().strip())
    connection = Client(sys.argv[1], authkey=key)
    try:
        _ChildMain(connection).serve()
    except (EOFError, OSError, KeyboardInterrupt):
        os._exit(0)  # the parent is gone: a model in the middle of a step would hold up an ordinary exit


def _import_torch() -> None:
    """Import torch while nobody waits for it yet."""
    import torch  # noqa: F401


if __name__ == "__main__":
    from studio.worker_process import main as run  # as that module, or what it pickles could not be read

    run()
