"""What the studio costs on top of the bare library: `python -m benchmarks.overhead [--pairs N]`.

One image through HTTP against the same call of the bare pipeline, and the tokens a second of a streamed chat against bare `generate`,
each in a process of its own, warm, in turns, with the same model, options, seed and number of threads. Prints the median ratio of the pairs
and exits 1 when the image takes more than 1.05 x as long, or the chat writes less than 1/1.05 of the tokens a second.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.serving import ROOT, Served

BOUND = 1.05
PROMPT = "two yellow stars over a green hill at night"
STEPS, GUIDANCE, SIDE, SEED = 20, 4.0, 64, 5
ASKED, TOKENS = "Tell me a story about a cat.", 120

BARE = """
import sys, time
import torch
{load}
for line in sys.stdin:
    began = time.perf_counter()
    count = once()
    print(f"TOOK {{time.perf_counter() - began}} {{count}}", flush=True)
"""
BARE_IMAGE = """
from diffusers import DiffusionPipeline
pipeline = DiffusionPipeline.from_pretrained(r"{folder}", dtype=torch.float32)
pipeline.set_progress_bar_config(disable=True)
def once():
    pipeline({prompt!r}, num_inference_steps={steps}, guidance_scale={guidance}, width={side}, height={side},
             generator=torch.Generator().manual_seed({seed}))
    return 1
"""
BARE_CHAT = """
torch.set_num_threads(1)  # as the studio does for a model so small; with two threads it is slower
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(r"{folder}")
model = AutoModelForCausalLM.from_pretrained(r"{folder}", dtype=torch.float32)
ids = tokenizer.apply_chat_template([dict(role="user", content={asked!r})], add_generation_prompt=True, return_tensors="pt")
def once():
    torch.manual_seed({seed})
    out = model.generate(**ids, max_new_tokens={tokens}, do_sample=True, temperature=0.8, top_p=0.95, top_k=0)
    return out.shape[1] - ids["input_ids"].shape[1]
"""


class Bare:
    """A process that holds the bare library and does its work when told to."""

    def __init__(self, load: str):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen([sys.executable, "-c", BARE.format(load=load)], text=True, **pipes)

    def once(self) -> tuple[float, int]:
        """Return the seconds of one call and what it made (pictures or tokens)."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        while not (line := self._process.stdout.readline()).startswith("TOOK"):
            if not line:
                raise SystemExit("The bare process ended.")
        _, seconds, count = line.split()
        return float(seconds), int(count)

    def close(self) -> None:
        self._process.kill()


@contextmanager
def studio() -> Iterator[httpx.Client]:
    """Start the studio with the shipped catalogue on a fresh data folder."""
    with tempfile.TemporaryDirectory() as home:
        served = Served(Path(home) / "data")
        try:
            with served.client() as client:
                yield client
        finally:
            served.close()


def image(client: httpx.Client) -> tuple[float, int]:
    wanted = {
        "model": "starter-scenes", "prompt": PROMPT, "seed": SEED, "steps": STEPS, "guidance_scale": GUIDANCE, "size": f"{SIDE}x{SIDE}",
        "scale": 1, "response_format": "b64_json",
    }  # fmt: skip
    began = time.perf_counter()
    client.post("/v1/images/generations", json=wanted).raise_for_status()
    return time.perf_counter() - began, 1


def chat(client: httpx.Client) -> tuple[float, int]:
    wanted = {
        "model": "starter-stories", "messages": [{"role": "user", "content": ASKED}], "seed": SEED, "max_tokens": TOKENS, "temperature": 0.8,
        "top_p": 0.95, "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    began, count = time.perf_counter(), 0
    with client.stream("POST", "/v1/chat/completions", json=wanted) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                count = (json.loads(line[6:]).get("usage") or {}).get("completion_tokens", count)
    return time.perf_counter() - began, count


def compare(bare: Bare, ours: Callable[[], tuple[float, int]], pairs: int) -> list[float]:
    """Return our seconds for each thing made over the bare library's, pair by pair, after one warm-up each."""
    bare.once(), ours()
    ratios = []
    for number in range(pairs):
        first, second = (bare.once, ours) if number % 2 else (ours, bare.once)
        one, two = first(), second()
        (bare_seconds, bare_count), (seconds, count) = (one, two) if number % 2 else (two, one)
        ratios.append((seconds / count) / (bare_seconds / bare_count))
        print(
            f"  pair {number + 1}: bare {bare_seconds:.3f} s ({bare_count}), studio {seconds:.3f} s ({count}), ratio {ratios[-1]:.3f}",
            flush=True,
        )
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10)
    pairs = parser.parse_args().pairs
    os.chdir(ROOT)
    # Both sides wait for their threads asleep: spinning, they would measure how busy the machine is.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    weights = ROOT / "studio" / "starters" / "weights"
    loads = {
        "image": BARE_IMAGE.format(folder=weights / "scenes", prompt=PROMPT, steps=STEPS, guidance=GUIDANCE, side=SIDE, seed=SEED),
        "chat": BARE_CHAT.format(folder=weights / "stories", asked=ASKED, seed=SEED, tokens=TOKENS),
    }
    medians = {}
    with studio() as client:
        for name, ours in (("image", image), ("chat", chat)):
            print(f"{name}:")
            bare = Bare(loads[name])
            medians[name] = statistics.median(compare(bare, lambda ours=ours: ours(client), pairs))
            bare.close()
    for name, ratio in medians.items():
        print(f"{name}: the studio takes {ratio:.3f} x as long as the bare library (median of {pairs} pairs; bound {BOUND})")
    sys.exit(any(ratio > BOUND for ratio in medians.values()))


if __name__ == "__main__":
    main()
