"""The studio under pressure: `python -m benchmarks.soak [--requests N] [--clients N] [--memory AMOUNT] [--seed S]`.

Clients ask the starter models for pictures, answers, speech, tunes and faces, all at once and under a budget that cannot hold them all.
Some stop what they asked for, some go away in the middle, some ask for what there is not; engines fail, and now and then the process that
holds the models is killed. At the end every request must have been answered or refused with a reason, every success must have its record
and a file that matches its hash, no job may be stuck, no model held, and the memory must be back. Prints one table and exits 1 otherwise.
"""

import argparse
import hashlib
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import yaml

from benchmarks.serving import ROOT, Served

FAULTY = {"engine": "fake", "source": ".", "options": {"steps": 3, "delay": 0.01}}
ENDED = ("done", "failed", "cancelled", "interrupted")
QUIET = 60  # s the queue may take to empty after the last request
SLACK = 1.25  # of the page's memory before, that it may hold at the end
GONE = 0.05  # of the requests end with their client gone
STOPPED = 0.1  # are stopped on their way
KILLS = 0.005  # are followed by a SIGKILL of the worker
ASKED = "Tell me a story."
IMAGE, CHAT, SPEECH, MUSIC = "/v1/images/generations", "/v1/chat/completions", "/v1/audio/speech", "/v1/audio/music"


def wanted(rng: random.Random) -> tuple[str, dict]:
    """Return an address and a body, one of each kind as often as it is likely in a busy studio."""
    seed, colour = rng.randrange(10**6), rng.choice(["red", "blue", "green"])
    kinds: list[tuple[int, str, dict]] = [
        (4, IMAGE, {"model": "starter-scenes", "prompt": f"a {colour} circle", "steps": 4, "seed": seed}),
        (6, CHAT, {"model": "starter-stories", "messages": [{"role": "user", "content": ASKED}], "max_tokens": 40, "seed": seed}),
        (3, SPEECH, {"model": "starter-voice", "input": f"The {colour} house stands by the sea.", "seed": seed}),
        (2, MUSIC, {"model": "starter-tunes", "prompt": "a slow waltz", "duration": 3, "seed": seed}),
        (4, IMAGE, {"model": "starter-faces", "prompt": "", "n": 2, "seed": seed}),
        (1, IMAGE, {"model": "faulty", "prompt": "x", "trouble": rng.choice(["raise", "bug", "memory"])}),
        (1, IMAGE, {"model": rng.choice(["nobody", "starter-scenes"]), "prompt": "x", "steps": -1}),
    ]
    _, path, body = rng.choices(kinds, [kind[0] for kind in kinds])[0]
    return path, body


class Client(threading.Thread):
    """One person: asks, waits for the answer, asks again."""

    def __init__(self, served: Served, rng: random.Random, take: Callable[[], bool], seen: Counter):
        super().__init__(daemon=True)
        self._served, self._rng, self._take, self._seen = served, rng, take, seen

    def run(self) -> None:
        with self._served.client() as client:
            while self._take():
                self._seen[self._one(client)] += 1

    def _one(self, client: httpx.Client) -> str:
        path, body = wanted(self._rng)
        chance = self._rng.random()
        if chance < GONE:
            return self._leave(client, path, body)
        if chance < GONE + STOPPED:
            threading.Timer(self._rng.uniform(0, 0.5), self._stop_something).start()
        if chance > 1 - KILLS:
            threading.Timer(self._rng.uniform(0, 0.5), kill_worker, [self._served]).start()
        try:
            answer = client.post(path, json=body)
        except httpx.HTTPError as problem:
            return f"broken off: {type(problem).__name__}"
        return outcome(answer)

    def _leave(self, client: httpx.Client, path: str, body: dict) -> str:
        try:
            with client.stream("POST", path, json={**body, **({"stream": True} if path == CHAT else {})}, timeout=0.3) as answer:
                for _ in answer.iter_raw():
                    break
        except httpx.TimeoutException:
            pass
        return "left by its client"

    def _stop_something(self) -> None:
        with self._served.client() as client:
            jobs = client.get("/v1/jobs", params={"state": ["queued", "running"], "limit": 5}).json()["data"]
            if jobs:
                client.delete(f"/v1/jobs/{self._rng.choice(jobs)['id']}")


def outcome(answer: httpx.Response) -> str:
    """Return what became of a request; a fault of the studio itself is named with its status."""
    if answer.status_code == 200:
        return "answered" if answer.content else "broken off: empty"
    error = answer.json().get("error", {})
    expected = answer.status_code < 500 or error.get("code") in ("internal", "worker_died")
    return f"refused: {error.get('code')}" if expected and error.get("message") else f"broken off: {answer.status_code}"


def kill_worker(served: Served) -> None:
    for child in psutil.Process(served.process.pid).children():
        if "studio.worker_process" in child.cmdline():
            child.kill()


def settle(client: httpx.Client) -> list[dict]:
    """Wait until nothing runs or waits and return all jobs."""
    deadline = time.monotonic() + QUIET
    while time.monotonic() < deadline:
        if not client.get("/v1/jobs", params={"state": ["queued", "downloading", "loading", "running"]}).json()["data"]:
            break
        time.sleep(0.2)
    return client.get("/v1/jobs", params={"limit": 200}).json()["data"]


def faults(client: httpx.Client, jobs: list[dict]) -> dict[str, int]:
    """Return what must not be: jobs without an end, results without their file, models still held."""
    results = [record for job in jobs if job["state"] == "done" for record in job["results"]]
    held = [one["id"] for one in client.get("/v1/registry").json()["data"] if one["leased"]]
    return {
        "jobs that are stuck": sum(job["state"] not in ENDED for job in jobs),
        "successes without a record": sum(job["state"] == "done" and not job["results"] for job in jobs),
        "files that do not match": sum(not matches(client, record) for record in results),
        "models still held": len(held),
    }


def matches(client: httpx.Client, record: str) -> bool:
    hash_told = client.get(f"/v1/gallery/{record}").json()["sha256"]
    file = client.get(f"/v1/gallery/{record}/file")
    return file.status_code == 200 and hashlib.sha256(file.content).hexdigest() == hash_told


def alive(client: httpx.Client) -> bool:
    """Whether the studio still makes a picture."""
    return client.post(IMAGE, json={"model": "starter-faces", "prompt": "", "seed": 1}).status_code == 200


def counter(count: int) -> Callable[[], bool]:
    left, lock = [count], threading.Lock()

    def take() -> bool:
        with lock:
            left[0] -= 1
            return left[0] >= 0

    return take


def catalogue(folder: Path) -> Path:
    entries = {name: entry for name, entry in yaml.safe_load((ROOT / "models.yaml").read_text()).items() if entry.get("starter")}
    for entry in entries.values():
        entry["source"] = str(ROOT / entry["source"])
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump({**entries, "faulty": FAULTY}))
    return path


def soak(served: Served, requests: int, clients: int, seed: int) -> tuple[Counter, dict[str, int]]:
    """Let the clients ask; return what became of the requests, and what is wrong afterwards."""
    seen, take, page = Counter(), counter(requests), psutil.Process(served.process.pid)
    with served.client() as client:
        alive(client)
        before = page.memory_info().rss
        people = [Client(served, random.Random(f"{seed} {number}"), take, seen) for number in range(clients)]
        for one in people:
            one.start()
        for one in people:
            one.join()
        wrong = faults(client, settle(client))
        broken = sum(count for name, count in seen.items() if name.startswith("broken"))
        wrong["requests without an answer"] = requests - seen.total() + broken
        wrong["studio does not answer"] = int(not alive(client))
        wrong["page's memory grew too far"] = int(page.memory_info().rss > SLACK * before)
        print(f"page's process: {before / 1e6:.0f} MB before, {page.memory_info().rss / 1e6:.0f} MB after")
    return seen, wrong


def main() -> None:
    command = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    command.add_argument("--requests", type=int, default=2000)
    command.add_argument("--clients", type=int, default=8)
    command.add_argument("--memory", default="70MB", help="the budget; the starters together take about 100 MB")
    command.add_argument("--seed", type=int, default=0)
    chosen = command.parse_args()
    with tempfile.TemporaryDirectory() as home:
        served = Served(Path(home) / "data", catalogue(Path(home)), "--memory", chosen.memory)
        began = time.monotonic()
        try:
            seen, wrong = soak(served, chosen.requests, chosen.clients, chosen.seed)
        finally:
            served.close()
    print(f"{chosen.requests} requests by {chosen.clients} clients in {time.monotonic() - began:.0f} s, budget {chosen.memory}")
    for name, count in [*seen.most_common(), *wrong.items()]:
        print(f"{name:34} {count}")
    raise SystemExit(any(wrong.values()))


if __name__ == "__main__":
    main()
