"""One training run: its clock, its folder, its loss curve.

Knows time, progress and files. Does not know any model: a recipe asks `fraction()` how far the run is, calls `step(loss)`
after each step, and saves weights and a sample sheet when it likes.
"""

import csv
import random
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Run:
    """What a recipe is given.

    Args:
        name: the starter's name, `scenes` for instance.
        minutes: wall-clock length of the run.
        device: torch device name.
        resume: go on from the weights in `weights` instead of from random ones.
        folder: where the loss curve, sample sheets and other by-products go.
        weights: where the weights are read from and saved to.
        seed: every random choice of data and training derives from it.
        threads: torch threads.
    """

    name: str
    minutes: float
    device: str
    resume: bool
    folder: Path
    weights: Path
    seed: int = 0
    threads: int = 2
    started: float = field(default_factory=time.monotonic)
    losses: list[tuple[int, float, float]] = field(default_factory=list)
    _smooth: float | None = None

    def prepare(self) -> None:
        """Make the folders and seed Python's, numpy's and torch's generators."""
        import numpy
        import torch

        self.folder.mkdir(parents=True, exist_ok=True)
        self.weights.mkdir(parents=True, exist_ok=True)
        random.seed(self.seed)
        numpy.random.seed(self.seed)
        torch.manual_seed(self.seed)
        torch.set_num_threads(self.threads)
        self.started = time.monotonic()

    def seconds(self) -> float:
        """Return the seconds since the run began."""
        return time.monotonic() - self.started

    def fraction(self) -> float:
        """Return how much of the run's time is over, 0 to 1."""
        return min(1.0, self.seconds() / (60 * self.minutes))

    def rate(self, peak: float, step: int, warmup: int = 100, hold: float = 0.6, floor: float = 0.02) -> float:
        """Return the learning rate now: a warm-up over `warmup` steps, level until `hold` of the time, then down to `floor` x peak."""
        done = self.fraction()
        decay = 1.0 if done < hold else max(floor, (1 - done) / (1 - hold))
        return peak * min(1.0, (step + 1) / warmup) * decay

    def step(self, number: int, loss: float, every: int = 50) -> None:
        """Note the loss of step `number`; print and write the curve every `every` steps."""
        self._smooth = loss if self._smooth is None else 0.98 * self._smooth + 0.02 * loss
        if number % every == 0:
            self.losses.append((number, self.seconds(), self._smooth))
            print(f"{self.name}: step {number}, {self.seconds():.0f} s, loss {self._smooth:.4f}", flush=True)
            self._write_curve()

    def _write_curve(self) -> None:
        with (self.folder / "loss.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("step", "seconds", "loss"))
            writer.writerows((number, f"{seconds:.1f}", f"{loss:.5f}") for number, seconds, loss in self.losses)
