"""The studio in a process of its own, for benchmarks: started on a data folder, asked over HTTP, ended or killed."""

import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120  # s a start may take


class Served:
    """`python app.py` on a free port.

    Args:
        data: its data folder. catalogue: its models.yaml; None for the shipped one.
        flags: further ones, such as `--memory 1GB`.
    """

    def __init__(self, data: Path, catalogue: Path | None = None, *flags: str):
        models = ["--models", str(catalogue)] if catalogue else []
        command = [sys.executable, "-u", str(ROOT / "app.py"), "--data", str(data), "--port", "0", "--offline", *models, *flags]
        self.log = data.parent / f"{data.name}.log"
        with self.log.open("w") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        self.url = self._address()

    def _address(self) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            for word in self.log.read_text("utf-8", "replace").split():
                if word.startswith("http://127.0.0.1:"):
                    return word.rstrip("/.,")
            time.sleep(0.05)
        raise SystemExit(f"The studio did not start:\n{self.log.read_text()[-2000:]}")

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=300, trust_env=False)

    def kill(self) -> None:
        """End it as a power cut would, without a word."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
