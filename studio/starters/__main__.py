"""Train a starter model: `python -m studio.starters NAME [--minutes M] [--device D] [--resume]`.

A recipe is a module of this package with the starter's name and a function `train(run: Run) -> None`.
"""

import argparse
from importlib import import_module
from pathlib import Path

from studio import starters
from studio.starters.run import Run


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m studio.starters", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=starters.NAMES)
    parser.add_argument("--minutes", type=float, default=20.0, help="length of the run")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    parser.add_argument("--resume", action="store_true", help="go on from the shipped weights")
    parser.add_argument("--out", type=Path, help="folder for the loss curve and the sample sheet (default runs/NAME)")
    parser.add_argument("--weights", type=Path, help="folder the weights are read from and saved to (default: the shipped ones)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args(arguments)
    run = Run(
        name=given.name,
        minutes=given.minutes,
        device=given.device,
        resume=given.resume,
        folder=given.out or Path("runs") / given.name,
        weights=given.weights or starters.weights(given.name),
        seed=given.seed,
        threads=given.threads,
    )
    run.prepare()
    import_module(f"studio.starters.{given.name}").train(run)


if __name__ == "__main__":
    main()
