"""Loading and unloading leaves nothing behind: the worker is as large after fifty times as after the first few."""

from pathlib import Path

import psutil
import pytest

from studio.hub import Hub
from studio.types import Device, ModelSpec, Request
from studio.worker import Task
from studio.worker_process import ProcessWorker
from tests.zoo import built, everyone

TIMES = 50
SETTLED = 5  # loads after which libraries have set themselves up


@pytest.fixture
def worker(tmp_path):
    made = ProcessWorker(Device("cpu", "CPU", 10**10), 10**9, Hub(None, True), tmp_path / "worker.log")
    yield made
    made.close()


def load(worker, engine: str, source: Path) -> int:
    """Load a model and unload it again; return the bytes the worker is then resident in."""
    spec = ModelSpec(id="m", engine=engine, source=str(source))
    list(worker.run(Task("j", spec, Request(model="m"), {}, 1, {}, source, "x", "load")))
    assert [one.model for one in worker.table().models] == ["m"]
    worker.unload("m")
    return psutil.Process(worker._child._process.pid).memory_info().rss


def test_resident_memory_returns(worker, tmp_path):
    everyone()
    source = built("stable-diffusion-1", tmp_path)  # 5 MB, so that fifty kept ones would be seen
    sizes = [load(worker, "image_diffusers", source) for _ in range(TIMES)]
    assert sizes[-1] < 1.05 * sizes[SETTLED], [round(size / 1e6) for size in sizes]
