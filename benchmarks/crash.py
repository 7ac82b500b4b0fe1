"""What a crash costs: `python -m benchmarks.crash [--rounds N] [--seed S]`.

Starts the studio, has it make things, kills it with SIGKILL at a random moment, starts it again on the same data folder and looks:
everything that was told to be finished must be in the gallery with the file it names, every job that was accepted must be finished or
listed as interrupted, and the database must be whole. Prints one table and exits 1 when anything was lost.
"""

import argparse
import hashlib
import random
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import yaml

from benchmarks.serving import Served

JOBS = 4  # submitted in each round
LONGEST = 8.0  # s after the first submission that the kill comes at the latest
CATALOGUE = {
    "picture": {"engine": "fake", "source": ".", "options": {"steps": 5, "delay": 0.05, "count": 3}},
    "film": {
        "engine": "fake", "source": ".", "task": "text-to-video",
        "options": {"medium": "video", "steps": 5, "delay": 0.05, "frames": 8},
    },
}  # fmt: skip


@dataclass
class Told:
    """What the studio said before it was killed: jobs it took, and records it answered with."""

    jobs: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)


def submit(served: Served, told: Told, seed: int) -> None:
    """Ask for videos, which are jobs told at once, and for pictures, which are told when they are there; until the studio is gone."""
    with served.client() as client:
        try:
            for number in range(JOBS // 2):
                asked = {"model": "film", "prompt": f"film {seed} {number}", "seed": seed}
                told.jobs.append(client.post("/v1/videos", json=asked).raise_for_status().json()["id"])
            for number in range(JOBS // 2):
                asked = {"model": "picture", "prompt": f"picture {seed} {number}", "seed": seed}
                answer = client.post("/v1/images/generations", json=asked).raise_for_status()
                told.jobs.append(answer.headers["x-studio-job"])
                told.finished.append(answer.headers["x-studio-job"])
        except httpx.TransportError:
            pass


@contextmanager
def running(served: Served) -> Iterator[httpx.Client]:
    try:
        with served.client() as client:
            yield client
    finally:
        served.close()


def look(served: Served, data: Path, told: Told) -> dict[str, int]:
    """Return how many finished jobs lost their files, how many accepted ones are neither finished nor listed, and stray files."""
    lost = missing = 0
    with running(served) as client:
        for job in told.jobs:
            answer = client.get(f"/v1/jobs/{job}")
            state = answer.json()["state"] if answer.status_code == 200 else "gone"
            missing += state not in ("done", "interrupted")
            lost += (job in told.finished and state != "done") or (state == "done" and not whole(client, answer.json()["results"]))
    with sqlite3.connect(data / "studio.db") as database:
        intact = database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    return {"finished work lost": lost, "jobs neither finished nor listed": missing, "databases damaged": int(not intact)}


def whole(client: httpx.Client, records: list[str]) -> bool:
    """Whether each record has the very file it was written with."""
    for record in records:
        wanted = client.get(f"/v1/gallery/{record}").json()["sha256"]
        file = client.get(f"/v1/gallery/{record}/file")
        if file.status_code != 200 or hashlib.sha256(file.content).hexdigest() != wanted:
            return False
    return bool(records)


def left_behind(processes: list[psutil.Process]) -> int:
    """Return how many processes outlived the studio that started them by more than five seconds, and end them."""
    _, alive = psutil.wait_procs(processes, timeout=5)
    for process in alive:
        process.kill()
    return len(alive)


def crash(data: Path, catalogue: Path, rng: random.Random) -> dict[str, int]:
    """Go through one start, kill and start."""
    told = Told()
    served = Served(data, catalogue)
    asking = threading.Thread(target=submit, args=(served, told, rng.randrange(10**6)))
    asking.start()
    time.sleep(rng.uniform(0, LONGEST))
    children = psutil.Process(served.process.pid).children(recursive=True)
    served.kill()
    asking.join()
    left = left_behind(children)
    found = look(Served(data, catalogue), data, told)
    return {**found, "workers left behind": left, "jobs": len(told.jobs), "told finished": len(told.finished)}


def main() -> None:
    command = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    command.add_argument("--rounds", type=int, default=100)
    command.add_argument("--seed", type=int, default=0)
    chosen = command.parse_args()
    rng, sums = random.Random(chosen.seed), {}
    with tempfile.TemporaryDirectory() as home:
        catalogue = Path(home) / "models.yaml"
        catalogue.write_text(yaml.safe_dump(CATALOGUE))
        for _ in range(chosen.rounds):
            for name, count in crash(Path(home) / "data", catalogue, rng).items():
                sums[name] = sums.get(name, 0) + count
    jobs, finished = sums.pop("jobs"), sums.pop("told finished")
    print(f"{chosen.rounds} times started, killed and started again, {jobs} jobs accepted, {finished} told finished")
    for name, count in sums.items():
        print(f"{name:34} {count}")
    raise SystemExit(any(sums.values()))


if __name__ == "__main__":
    main()
