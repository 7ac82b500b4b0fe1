"""What tests share: catalogues of engines that need no weights, and studios that are closed at the end."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # each of the processes has a core of its own

from studio.settings import Settings
from studio.studio import Studio
from studio.types import FINISHED, StateChanged

FAKES = {
    "fake": {"engine": "fake", "source": ".", "title": "Fake pictures"},
    "fake-text": {"engine": "fake", "source": ".", "title": "Fake words", "task": "text-generation", "options": {"medium": "text"}},
    "fake-speech": {"engine": "fake", "source": ".", "task": "text-to-speech", "options": {"medium": "audio"}},
    "fake-music": {"engine": "fake", "source": ".", "task": "text-to-audio", "options": {"medium": "audio"}},
    "fake-video": {"engine": "fake", "source": ".", "task": "text-to-video", "options": {"medium": "video"}},
    "fake-faces": {"engine": "fake", "source": ".", "task": "unconditional-image-generation"},
}


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A models.yaml of fakes for every task."""
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(FAKES))
    return path


@pytest.fixture
def new_studio(tmp_path: Path, catalogue: Path) -> Iterator[Callable[..., Studio]]:
    """Make studios over one data folder; models in this process unless told otherwise."""
    made = []
    gc.freeze()  # what is there by now need not be looked through each time a model leaves

    def make(**settings: Any) -> Studio:
        values = {"data": tmp_path / "data", "models": catalogue, "device": "cpu", "in_process": True, "offline": True, **settings}
        made.append(Studio(Settings(**values)))
        return made[-1]

    yield make
    for studio in made:
        studio.close()


@pytest.fixture
def studio(new_studio: Callable[..., Studio]) -> Studio:
    return new_studio()


@pytest.fixture
def finish() -> Callable[[Studio, str], list]:
    """Follow a job to its end and return its events."""

    def follow(studio: Studio, job: str) -> list:
        events = [event for _, event in studio.follow(job)]
        assert isinstance(events[-1], StateChanged) and events[-1].state in FINISHED
        return events

    return follow
