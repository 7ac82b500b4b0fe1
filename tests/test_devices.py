import pytest

from studio.devices import budget_bytes, find_device
from studio.errors import BadRequest
from studio.types import Device

CPU = Device("cpu", "CPU", 100 * 10**9)


def test_the_processor_is_always_there():
    device = find_device("cpu")
    assert device.type == "cpu" and device.total_bytes > 10**8


def test_a_gpu_is_read_from_its_driver(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_device("auto") == Device("cuda:0", "NVIDIA H200", 143771 * 2**20)


def test_a_broken_driver_means_the_processor(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_device("auto").type in ("cpu", "mps")
    with pytest.raises(BadRequest, match="cuda"):
        find_device("cuda")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("12GB", 12 * 10**9), ("0.5", 50 * 10**9), ("512 MB", 512 * 10**6), ("1.5g", 15 * 10**8), ("1", 100 * 10**9), ("2GiB", 2 * 10**9)],
)
def test_a_budget_is_an_amount_or_a_share(wanted, expected):
    assert budget_bytes(wanted, CPU) == expected


@pytest.mark.parametrize("wanted", ["lots", "-3GB", "", "12QB"])
def test_a_budget_that_says_nothing_is_refused(wanted):
    with pytest.raises(BadRequest, match="12GB"):
        budget_bytes(wanted, CPU)


def test_without_a_wish_some_memory_is_left_to_others():
    assert 0 < budget_bytes(None, find_device("cpu")) < find_device("cpu").total_bytes
    assert budget_bytes(None, Device("cuda:0", "G", 100)) == 90
