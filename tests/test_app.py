"""The studio as its users start it: a process of its own, spoken to by the packages they would use."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import openai
import pytest
import soundfile
import yaml
from gradio_client import Client
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
FAKES = {
    "fake": {"engine": "fake", "source": "."},
    "fake-text": {"engine": "fake", "source": ".", "task": "text-generation", "options": {"medium": "text", "steps": 1}},
    "fake-speech": {"engine": "fake", "source": ".", "task": "text-to-speech", "options": {"medium": "audio"}},
}
HELLO = [{"role": "user", "content": "one two three"}]


@dataclass
class Running:
    """A studio in a process of its own."""

    process: subprocess.Popen
    url: str
    data: Path

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def end(self, how: int = signal.SIGINT) -> tuple[int, str]:
        self.process.send_signal(how)
        said, _ = self.process.communicate(timeout=30)
        return self.process.returncode, said


def command(folder: Path, *arguments: str) -> list[str]:
    (folder / "models.yaml").write_text(yaml.safe_dump(FAKES, sort_keys=False))
    places = ["--data", str(folder / "data"), "--models", str(folder / "models.yaml"), "--device", "cpu", "--offline"]
    return [sys.executable, str(ROOT / "app.py"), *places, *arguments]


def start(folder: Path, *arguments: str, **environment: str) -> Running:
    """Start a studio and wait until it says where it is."""
    everything = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command(folder, *arguments), cwd=folder, env=everything, start_new_session=True, **pipes)
    said = []
    for line in process.stdout:
        said.append(line)
        if "Studio is at " in line:
            return Running(process, line.split()[3], folder / "data")
    raise AssertionError("".join(said))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("studio"), "--port", "0")
    yield running
    running.end()


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start studios that are killed at the end of the test."""
    started = []

    def make(*arguments: str, **environment: str) -> Running:
        started.append(start(tmp_path, *arguments, **environment))
        return started[-1]

    yield make
    for running in started:
        running.process.kill()
        running.process.wait()


@pytest.fixture
def ai(studio: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{studio.url}/v1", api_key="none", max_retries=0)


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def test_the_openai_package_chats(ai):
    answer = ai.chat.completions.create(model="fake-text", messages=HELLO, seed=1)
    assert answer.choices[0].message.content == "one two three "
    assert answer.usage.total_tokens == 6
    assert ai.completions.create(model="fake-text", prompt="four").choices[0].text == "four "


def test_the_openai_package_streams(ai):
    stream = ai.chat.completions.create(model="fake-text", messages=HELLO, stream=True, stream_options={"include_usage": True})
    pieces = list(stream)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == "one two three "
    assert pieces[-1].usage.completion_tokens == 3


def test_the_openai_package_makes_pictures(ai):
    answer = ai.images.generate(model="fake", prompt="x", n=2, size="64x64", response_format="b64_json", extra_body={"seed": 3, "steps": 1})
    assert [Image.open(BytesIO(base64.b64decode(one.b64_json))).size for one in answer.data] == [(64, 64)] * 2


def test_the_openai_package_speaks(ai):
    answer = ai.audio.speech.create(model="fake-speech", voice="alloy", input="hello", response_format="flac")
    assert soundfile.read(BytesIO(answer.content))[1] == 16_000


def test_the_openai_package_lists_models_and_understands_errors(ai):
    assert [model.id for model in ai.models.list()] == list(FAKES)
    assert ai.models.retrieve("fake").owned_by == "studio"
    with pytest.raises(openai.NotFoundError, match="Did you mean 'fake'"):
        ai.images.generate(model="fakke", prompt="x")
    with pytest.raises(openai.BadRequestError) as refused:
        ai.images.generate(model="fake", prompt="x", size="7x7")
    assert refused.value.param == "width"
    with pytest.raises(openai.APIError, match="asked to fail"):
        list(ai.chat.completions.create(model="fake-text", messages=HELLO, stream=True, extra_body={"trouble": "raise"}))


def test_a_client_that_drops_its_stream_stops_its_job(studio, ai):
    body = {"steps": 1000, "delay": 0.1}
    stream = ai.chat.completions.create(model="fake-text", messages=HELLO, stream=True, extra_body=body)
    job = stream.response.headers["X-Studio-Job"]
    until(lambda: studio.get(f"/v1/jobs/{job}")["state"] == "running")
    stream.close()
    until(lambda: studio.get(f"/v1/jobs/{job}")["state"] == "cancelled")


def test_a_client_that_gives_up_waiting_for_a_picture_finds_it_in_the_gallery(studio, ai):
    with pytest.raises(openai.APITimeoutError):
        ai.with_options(timeout=0.5).images.generate(model="fake", prompt="late", extra_body={"steps": 3, "delay": 0.5})
    until(lambda: len(studio.get("/v1/gallery?q=late")["data"]) == 1)


def test_the_gradio_client_reaches_the_page(studio):
    client = Client(studio.url, verbose=False)
    assert client.predict("a house", "fake", 5, {"steps": 1}, api_name="/image")
    assert studio.get("/v1/gallery?q=house")["data"][0]["seed"] == 5


def test_the_page_process_stays_small_and_without_torch(studio):
    maps = Path(f"/proc/{studio.process.pid}/maps")
    if not maps.exists():
        pytest.skip("only where /proc is")
    assert "libtorch" not in maps.read_text()


def test_a_worker_that_dies_ends_one_job(studio, ai):
    with pytest.raises(openai.ConflictError) as ended:
        ai.images.generate(model="fake", prompt="x", extra_body={"trouble": "die"})
    assert ended.value.code == "worker_died"
    assert ai.images.generate(model="fake", prompt="x", response_format="url").data[0].url.startswith(studio.url)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_in_the_middle_of_a_stream(launch, how):
    running = launch("--port", "0")
    ai = openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0)
    stream = ai.chat.completions.create(model="fake-text", messages=HELLO, stream=True, extra_body={"steps": 1000, "delay": 0.1})
    next(stream)
    code, said = running.end(how)
    assert code == 0, said
    assert "Traceback" not in said and "Studio has ended." in said
    assert not Path(f"/proc/{running.process.pid}").exists()


def test_the_job_that_runs_when_ctrl_c_is_pressed_can_be_run_again(launch):
    running = launch("--port", "0")
    ai = openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0)
    stream = ai.chat.completions.create(model="fake-text", messages=HELLO, stream=True, extra_body={"steps": 100, "delay": 0.1})
    job = stream.response.headers["X-Studio-Job"]
    until(lambda: running.get(f"/v1/jobs/{job}")["state"] == "running")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(ai.images.generate, model="fake", prompt="x")
        until(lambda: len(running.get("/v1/jobs")["data"]) == 2)
        os.killpg(running.process.pid, signal.SIGINT)  # as a terminal does, to the worker too
        with pytest.raises(openai.APIStatusError, match="has ended"):
            waiting.result()
    running.process.wait(30)
    again = launch("--port", "0")
    assert again.get(f"/v1/jobs/{job}")["state"] in ("interrupted", "cancelled")


def test_a_port_in_use_is_told_in_one_line(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        answer = subprocess.run(command(tmp_path, "--port", port), capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1 and f"port {port}" in answer.stderr and "--port" in answer.stderr


def test_a_second_studio_on_the_same_data_is_refused_in_one_line(studio):
    arguments = [sys.executable, str(ROOT / "app.py"), "--data", str(studio.data), "--port", "0", "--offline"]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2 and "Another studio is at work on" in ended.stderr and len(ended.stderr.splitlines()) == 1
    assert studio.get("/healthz") == {"status": "ok"}


def test_it_runs_as_a_space_without_a_home(launch):
    running = launch("--port", "0", HOME="/proc/nowhere", XDG_DATA_HOME="", XDG_CACHE_HOME="", XDG_CONFIG_HOME="", SPACE_ID="ann/studio")
    assert running.get("/healthz") == {"status": "ok"}
    assert running.get("/v1/models")["data"]


def test_it_asks_for_the_key_it_prints(launch):
    running = launch("--port", "0", "--auth", "ann:pw")
    key = next(line for line in running.process.stdout if "Key of ann" in line).split()[-1]
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{running.url}/v1", api_key="wrong", max_retries=0).models.list()
    assert openai.OpenAI(base_url=f"{running.url}/v1", api_key=key, max_retries=0).models.list().data
    with pytest.raises(ValueError):
        Client(running.url, auth=("ann", "wrong"), verbose=False)
    for way in ({"auth": ("ann", "pw")}, {"headers": {"Authorization": f"Bearer {key}"}}):
        assert Client(running.url, verbose=False, **way).predict("a house", "fake", api_name="/image")


def test_demo_is_built_when_it_is_asked_for(tmp_path):
    code = "import sys, app; assert 'gradio' not in sys.modules; from app import demo; print(type(demo).__name__, 'torch' in sys.modules)"
    environment = {**os.environ, "STUDIO_DATA": str(tmp_path), "PYTHONPATH": str(ROOT)}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    assert answer.stdout.split() == ["Blocks", "False"], answer.stderr
