"""A studio in a process of its own, driven in a real Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SLOW = {"engine": "fake", "source": ".", "title": "Slow pictures", "options": {"steps": 5000, "delay": 0.05}}
TONES = {"engine": "fake", "source": ".", "title": "Tones", "task": "text-to-speech", "options": {"medium": "audio"}}
CLOSED = {"engine": "fake", "source": ".", "title": "Closed pictures", "license": "cc-by-nc-4.0", "commercial": False}
ECHO = {"engine": "fake", "source": ".", "title": "Echo pictures"}
ECHOED = {"engine": "fake", "source": ".", "title": "Echo music", "task": "text-to-audio", "options": {"medium": "audio"}}
FILM = {
    "engine": "fake", "source": ".", "title": "Drifting", "task": "text-to-video",
    "options": {"medium": "video", "width": 192, "height": 128, "frames": 24, "fps": 8, "steps": 5, "delay": 0.3},
}  # fmt: skip
FAILING = {"engine": "fake", "source": ".", "title": "Failing pictures", "options": {"trouble": "raise"}}


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The quick ones first; and Playwright leaves an event loop running in this thread, which other tests must not find.
    items.sort(key=lambda item: "browser" in item.path.parts)
    if chromium() or os.environ.get("CI"):
        return
    skip = pytest.mark.skip(reason="no Chromium on this machine: the tests of the page are left out (apt install chromium)")
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(skip)


class Server:
    """`python app.py` on a free port, with the shipped catalogue and four fakes: slow, failing, non-commercial, of tones."""

    def __init__(self, folder: Path):
        self.data = folder / "data"
        self.catalogue = folder / "models.yaml"
        entries = yaml.safe_load((ROOT / "models.yaml").read_text())
        for entry in entries.values():
            if entry.get("starter"):
                entry["source"] = str(ROOT / entry["source"])
        fakes = {"slow": SLOW, "film": FILM, "failing": FAILING, "tones": TONES, "closed": CLOSED, "echo": ECHO, "echoed": ECHOED}
        self.catalogue.write_text(yaml.safe_dump({**entries, **fakes}, sort_keys=False))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.start()

    def start(self) -> None:
        port = self.url.rpartition(":")[2]
        command = [
            sys.executable,
            str(ROOT / "app.py"),
            "--data",
            str(self.data),
            "--models",
            str(self.catalogue),
            "--port",
            port,
            "--offline",
        ]
        log = (self.catalogue.parent / "app.log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                return httpx.get(self.url + "/healthz").raise_for_status()
            except httpx.TransportError:
                assert time.monotonic() < deadline and self.process.poll() is None, (self.catalogue.parent / "app.log").read_text()
                time.sleep(0.1)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def get(self, path: str) -> dict:
        return httpx.get(self.url + path).raise_for_status().json()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("studio"))
    yield made
    made.process.terminate()
    made.process.wait()


@pytest.fixture(scope="session")
def browser() -> Iterator:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield opened
        opened.close()


class Visitor:
    """A person at the page: opens tabs, fills fields, clicks buttons, and has seen every complaint of the console."""

    def __init__(self, browser, url: str, width: int = 1440, height: int = 900):
        self.context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(url)
        self.page.locator("#nav").wait_for()
        self.page.locator("button.go:visible").first.wait_for()
        self.page.wait_for_timeout(1000)  # events that gradio fires when a page has loaded

    def open(self, tab: str) -> None:
        self.page.get_by_role("tab", name=tab, exact=True).click()
        self.page.wait_for_timeout(400)

    def reload(self) -> None:
        """Load the page again; what gradio says of the requests that this cuts off is no complaint."""
        self.page.reload()
        self.page.locator("button.go:visible").first.wait_for()
        cut = ("AbortError", "Connection errored out", "Failed to fetch", "ERR_ABORTED", "network error")
        self.complaints[:] = [text for text in self.complaints if not any(word in text for word in cut)]

    def see(self, selector: str):
        """Return the first visible match, waited for."""
        found = self.page.locator(f"{selector} >> visible=true").first
        found.wait_for()
        return found

    def choose(self, model: str) -> None:
        """Choose a model of the open tab's menu by the beginning of its title."""
        menu = self.page.get_by_label("Model", exact=True).locator("visible=true").first
        menu.click()
        self.page.get_by_role("option", name=model).first.click()
        self.page.wait_for_timeout(800)

    def generate(self) -> None:
        self.see("button.go").click()

    def stop(self) -> None:
        self.see("button.halt:not([disabled])").click()


@pytest.fixture
def visit(browser, server):
    """Open the page as a visitor; at the end, nothing may have been complained about."""
    visitors = []

    def open_page(**size: int) -> Visitor:
        visitors.append(Visitor(browser, server.url, **size))
        return visitors[-1]

    yield open_page
    for visitor in visitors:
        visitor.context.close()
    for visitor in visitors:
        assert not visitor.complaints
