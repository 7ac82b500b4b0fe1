"""Clients of the whole site over fakes: guard, routes and a page without content."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gradio
import pytest
import yaml
from fastapi.testclient import TestClient

from studio import server
from studio.settings import Settings
from studio.studio import Studio

TASKS = {"fake": "text-to-image", "fake-text": "text-generation", "fake-speech": "text-to-speech", "fake-music": "text-to-audio"}


def client_of(studio: Studio, host: str = "http://127.0.0.1") -> TestClient:
    with gradio.Blocks(analytics_enabled=False) as page:
        gradio.Textbox(label="empty")
    client = TestClient(server.build(studio, studio.settings, page, {}), base_url=host, raise_server_exceptions=False)
    client.studio = studio
    return client


@pytest.fixture
def open_site(new_studio: Callable[..., Studio]) -> Iterator[Callable[..., TestClient]]:
    """Return a client of a site with these settings."""
    with ExitStack() as opened:
        yield lambda host="http://127.0.0.1", **settings: opened.enter_context(client_of(new_studio(**settings), host))


@pytest.fixture
def client(open_site: Callable[..., TestClient]) -> TestClient:
    return open_site()


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One client for all tests of a file, for those that leave nothing behind."""
    folder: Path = tmp_path_factory.mktemp("steady")
    (folder / "models.yaml").write_text(
        yaml.safe_dump({name: {"engine": "fake", "source": ".", "task": task} for name, task in TASKS.items()})
    )
    studio = Studio(Settings(data=folder / "data", models=folder / "models.yaml", device="cpu", in_process=True, offline=True))
    with client_of(studio) as client:
        yield client
    studio.close()
