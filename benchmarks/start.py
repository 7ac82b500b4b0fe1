"""How long the studio takes to be up, against gradio alone with an empty page; and how big the page's process is.

    python benchmarks/start.py [PAIRS]

Each pair starts one of each, one after the other, so that a busy machine slows both. Exits with 1 when a bound is broken: a
median ratio above 1.5, a page's process of 300 MB or more, or torch in it.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BARE = """import sys, time, gradio
with gradio.Blocks() as page:
    pass
page.launch(server_port=int(sys.argv[1]), quiet=True)
time.sleep(600)"""
QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
RATIO, MEMORY = 1.5, 300e6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def timed(command: list[str], url: str) -> tuple[float, int, bool]:
    """Return the seconds until `url` answers, the bytes resident then, and whether torch is in the process (0, False without /proc)."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **QUIET}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not answers(url):
            if process.poll() is not None:
                raise SystemExit(f"{command} ended with {process.returncode}")
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        return seconds, *looked_at(process.pid)
    finally:
        process.terminate()
        process.wait()


def looked_at(pid: int) -> tuple[int, bool]:
    folder = Path(f"/proc/{pid}")
    if not folder.exists():
        return 0, False
    resident = next(line for line in (folder / "status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(resident.split()[1]) * 1024, "libtorch" in (folder / "maps").read_text()


def pair(data: str) -> tuple[float, float, int, bool]:
    """Return the seconds of gradio alone, those of the studio, and what the studio's process holds."""
    port = free_port()
    bare, _, _ = timed([sys.executable, "-c", BARE, str(port)], f"http://127.0.0.1:{port}/")
    port = free_port()
    studio = [sys.executable, str(ROOT / "app.py"), "--port", str(port), "--data", data, "--device", "cpu", "--offline"]
    return bare, *timed(studio, f"http://127.0.0.1:{port}/healthz")


def main(pairs: int) -> int:
    with tempfile.TemporaryDirectory() as data:
        pair(data)  # the first start reads the libraries from disk
        runs = [pair(data) for _ in range(pairs)]
    for bare, studio, memory, _ in runs:
        print(f"gradio alone {bare:.2f} s, studio {studio:.2f} s, ratio {studio / bare:.2f}, {memory / 1e6:.0f} MB")
    ratio = statistics.median(studio / bare for bare, studio, *_ in runs)
    memory, torch = max(run[2] for run in runs), any(run[3] for run in runs)
    print(
        f"median ratio {ratio:.2f} (bound {RATIO}), page's process {memory / 1e6:.0f} MB (bound {MEMORY / 1e6:.0f}), torch in it: {torch}"
    )
    return int(ratio > RATIO or memory >= MEMORY or torch)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 5))
