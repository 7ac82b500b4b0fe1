"""The studio as people start it, in a process of its own, with a Hub on this machine."""

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def started(loopback, home, *arguments, **environment):
    """Run `python app.py` and yield a client of it."""
    command = [sys.executable, "app.py", "--port", "0", "--data", home / "data", "--models", home / "models.yaml", "--device", "cpu"]
    log = home / "app.log"
    with log.open("w") as output:
        app = subprocess.Popen(
            [*map(str, command), *arguments], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
            env=loopback.environment(home / "hub", PYTHONUNBUFFERED="1", **environment),
        )  # fmt: skip
    try:
        with httpx.Client(base_url=address(app, log), timeout=120, trust_env=False) as client:
            yield client
    finally:
        app.terminate()
        app.wait(20)


def address(app, log, seconds=90):
    """Return the address the studio prints once it serves."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and app.poll() is None:
        found = [word for word in log.read_text().split() if word.startswith("http://127.0.0.1:")]
        if found:
            return found[0].rstrip("/.,")
        time.sleep(0.1)
    raise AssertionError(log.read_text())
