"""The benchmark of GPUs, up to the GPU: the same code with tiny sizes on the processor."""

import shutil

import pytest

from benchmarks import gpu
from benchmarks.gpu_models import MODELS
from studio.devices import find_device


@pytest.fixture(scope="module")
def rows():
    found, failures = gpu.run(list(MODELS), find_device("cpu"), small=True, pairs=1)
    assert failures == []
    return {row.name: row for row in found}


def test_every_model_is_measured(rows):
    assert list(rows) == ["SDXL", "FLUX.1", "Llama 8B", "StyleGAN2"]
    for row in rows.values():
        assert row.bare > 0 and row.studio > 0 and row.evict > 0 and row.reload > 0 and row.limit > 0


def test_the_memory_is_predicted_within_the_bound(rows):
    assert {name: abs(row.off) <= gpu.BOUND for name, row in rows.items()} == dict.fromkeys(rows, True)


def test_the_table_has_a_line_for_each(rows):
    lines = gpu.table(list(rows.values())).splitlines()
    assert len(lines) == 2 + len(rows) and {line.count("|") for line in lines} == {len(gpu.COLUMNS) + 1}
    assert "| SDXL |" in lines[2] and "float32, whole" in lines[2] and "steps/s" in lines[2] and "faces/s" in lines[5]


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert gpu.main([]) == 2
    assert "no NVIDIA GPU here: nothing was measured" in capsys.readouterr().err


def test_what_was_measured_is_written_down(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setattr(gpu, "THREADS", {})
    monkeypatch.setattr(gpu, "run", lambda *given: ([rows["SDXL"]], ["FLUX.1 was not measured: it needs more"]))
    assert gpu.main(["--small", "--write"]) == 1
    written = (tmp_path / "RESULTS.md").read_text()
    assert "### CPU" in written and "small sizes" in written and "| SDXL |" in written and "FLUX.1 was not measured" in written


def test_what_is_not_a_matter_of_room_is_not_hidden(monkeypatch):
    def broken(*given):
        raise KeyError("a defect")

    model = MODELS[0]
    with pytest.raises(KeyError):
        gpu.run([type(model)(**{**vars(model), "build": broken})], find_device("cpu"), True, 1)
