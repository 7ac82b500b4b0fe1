"""What this machine has to run models on, found without torch, so that the page can say it before torch is loaded."""

import platform
import re
import shutil
import subprocess

import psutil

from studio.errors import BadRequest
from studio.types import Device

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def find_device(wanted: str = "auto") -> Device:
    """Return the device `wanted` (auto, cpu, cuda, mps). Auto takes an NVIDIA GPU, then Apple's, then the processor."""
    found = {"cuda": _nvidia, "mps": _apple, "cpu": _processor}
    order = ("cuda", "mps", "cpu") if wanted == "auto" else (wanted,)
    for name in order:
        device = found[name]()
        if device:
            return device
    raise BadRequest(f"device is {wanted!r}: this machine has none that can be used. Choose cpu or auto.", param="device")


def _processor() -> Device:
    return Device("cpu", "CPU", psutil.virtual_memory().total)


def _apple() -> Device | None:
    if platform.system() != "Darwin" or platform.machine() != "arm64":
        return None
    return Device("mps", "Apple GPU", psutil.virtual_memory().total)


def _nvidia() -> Device | None:
    program = shutil.which("nvidia-smi")
    if not program:
        return None
    query = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = answer.stdout.strip().splitlines()
    if answer.returncode or not lines:
        return None
    name, _, megabytes = lines[0].rpartition(",")
    return Device("cuda:0", name.strip(), int(megabytes) * 2**20) if megabytes.strip().isdigit() else None


def budget_bytes(wanted: str | None, device: Device) -> int:
    """Return the bytes models may take: `12GB` as it says, `0.8` as a share of the device's memory.

    Without a wish it is 0.9 of a GPU, and of main memory 0.8 of what is free now, since other programs live there too.
    """
    if wanted is None:
        return int(0.9 * device.total_bytes) if device.type.startswith("cuda") else int(0.8 * psutil.virtual_memory().available)
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([kmgt]?)i?b?", wanted.strip().lower())
    if not match:
        raise BadRequest(f"memory is {wanted!r}: give it like 12GB, or like 0.8 for a share of the device's memory.", param="memory")
    number, unit = float(match[1]), match[2]
    if not unit and number <= 1:
        return int(number * device.total_bytes)
    return int(number * _UNITS[unit])
