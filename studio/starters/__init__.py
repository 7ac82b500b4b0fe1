"""The starter models: small models trained by this project on data it draws itself, so that every tab works offline.

Knows where the shipped weights lie. Does not know how a model is run: the ordinary engines load these folders.
"""

from pathlib import Path

NAMES = ("scenes", "stories", "voice", "tunes", "faces")


def weights(name: str) -> Path:
    """Return the folder of the shipped weights of `name`, in the layout of the published models of its family."""
    if name not in NAMES:
        raise ValueError(f"No starter is called {name!r}; the starters are {', '.join(NAMES)}.")
    return Path(__file__).parent / "weights" / name
