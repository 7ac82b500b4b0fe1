"""Repositories that are broken, locked or out to harm, and a Hub that misbehaves, against the studio as people start it.

Each ends in an error that says what to do; nothing of a repository is run, nothing half is believed, no secret leaves, and the next
model answers as if nothing had been.
"""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file, save_file

from tests.loopback_hub import LoopbackHub
from tests.serving import started
from tests.zoo import built

SECRET = "hf_a_secret_of_nobody_elses"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 900000000\n"
EVIL = "from pathlib import Path\nPath({marker!r}).write_text('run')\n"


def change(path: Path, **more) -> None:
    """Set keys of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))


def bare(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.suffix == ".safetensors":
            path.with_suffix(".bin").write_bytes(b"pickle")
            path.unlink()


def large(folder: Path) -> None:
    """Add a tensor nobody asks for, so that the weights take a while."""
    path = folder / "model.safetensors"
    save_file({**load_file(path), "ballast": np.zeros(400_000, np.float32)}, path, {"format": "pt"})


def filled(folder: Path, value: float) -> None:
    for path in folder.rglob("*.safetensors"):
        save_file({name: np.full_like(tensor, value) for name, tensor in load_file(path).items()}, path, {"format": "pt"})


def of_strangers(folder: Path) -> None:
    """Ask for code of the repository's own, in each of the places a library looks."""
    classes = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model", "AutoTokenizer": ["evil.Reader", None]}
    change(folder / "config.json", auto_map=classes, model_type="evil", architectures=["Model"])
    change(folder / "tokenizer_config.json", auto_map=classes, tokenizer_class="Reader")
    (folder / "evil.py").write_text(EVIL.format(marker=str(marker_of(folder))))


def with_module(folder: Path, module: str) -> None:
    change(folder / "model_index.json", unet=[module, "Model"])
    for place in (folder / "evil.py", folder / "unet" / "evil.py", folder / "unet" / "model.py"):
        place.write_text(EVIL.format(marker=str(marker_of(folder))))


def marker_of(folder: Path) -> Path:
    return folder.parent / "marker"


WORDS, PICTURES = "text_transformers", "image_diffusers"
# engine, what is done to a good repository, words of the message, and whether its files are whole and only their content is bad
CASES = {
    "gated": (WORDS, None, ["is gated", "/me/gated", "agree to its terms", "HF_TOKEN"], False),
    "private": (WORDS, None, ["no repository 'me/private' open to you", "HF_TOKEN"], False),
    "missing": (WORDS, shutil.rmtree, ["no repository 'me/missing'"], False),
    "revision": (WORDS, None, ["me/revision has no revision 'v9'", "leave it out"], False),
    "cut": (WORDS, large, ["model.safetensors of me/cut came damaged or cut off", "Try again"], False),
    "flipped": (WORDS, None, ["model.safetensors of me/flipped came damaged"], False),
    "pointer": (WORDS, lambda f: (f / "model.safetensors").write_bytes(POINTER), ["pointer of Git LFS", "me/pointer"], False),
    "garbage": (WORDS, lambda f: (f / "model.safetensors").write_bytes(b"<html>" * 900), ["no safetensors file"], False),
    "pickles": (WORDS, bare, ["me/pickles are pickles only"], False),
    "strangers": (WORDS, of_strangers, ["cannot be loaded", "code of its own", "refused"], True),
    "mute": (WORDS, lambda f: (f / "tokenizer.json").unlink(), ["cannot be loaded", "no vocabulary"], True),
    "unknown": (PICTURES, lambda f: change(f / "model_index.json", _class_name="NoSuchPipeline"), ["needs NoSuchPipeline"], True),
    "absolute": (PICTURES, lambda f: with_module(f, str(f)), ["no part of a library", "refused"], False),
    "upwards": (PICTURES, lambda f: with_module(f, "../evil"), ["'../evil'", "refused"], False),
    "module": (PICTURES, lambda f: with_module(f, "evil"), ["names the module evil", "refused"], True),
    "outside": (WORDS, None, ["'../../outside.json'", "leads out of its folder"], False),
    "inwards": (WORDS, None, ["http://169.254.169.254", "not followed"], False),
    "sideways": (WORDS, None, ["http://127.0.0.1", "not followed"], False),
}  # fmt: skip
NAN = {"nan-words": WORDS, "nan-pictures": PICTURES}
BODY = {
    WORDS: ("/v1/completions", {"prompt": "it was", "max_tokens": 4, "seed": 1}),
    PICTURES: ("/v1/images/generations", {"prompt": "a red circle", "size": "32x32", "steps": 2, "seed": 1}),
}


@pytest.fixture(scope="module")
def elsewhere():
    """Another server of this machine, which nobody has to speak to; yields its address and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(str(self.headers))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


@pytest.fixture(scope="module")
def repositories(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("repositories")
    good = {WORDS: built("llama", root), PICTURES: built("stable-diffusion-1", root)}
    found = {"me/good": good[WORDS]}
    for name, (engine, harm, _, _) in CASES.items():
        folder = found[f"me/{name}"] = shutil.copytree(good[engine], root / name)
        if harm:
            harm(folder)
    for name, engine in NAN.items():
        folder = found[f"me/{name}"] = shutil.copytree(good[engine], root / name)
        filled(folder, float("nan"))
    found["me/slow"] = shutil.copytree(good[WORDS], root / "slow")
    large(found["me/slow"])
    return {name: folder for name, folder in found.items() if folder.exists()}


@pytest.fixture(scope="module")
def loopback(repositories, elsewhere):
    with LoopbackHub(repositories) as hub:
        hub.gated.add("me/gated")
        hub.private.add("me/private")
        hub.cut.add("me/cut/model.safetensors")
        hub.damaged.add("me/flipped/model.safetensors")
        hub.listed["me/outside"] = {"../../outside.json": 5}
        hub.redirects["me/inwards/model.safetensors"] = "http://169.254.169.254/latest/meta-data"
        hub.redirects["me/sideways/model.safetensors"] = f"{elsewhere[0]}/model.safetensors"
        yield hub


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    entries = {name: {"engine": engine, "source": f"me/{name}"} for name, (engine, _, _, _) in CASES.items()}
    entries["revision"]["revision"] = "v9"
    entries |= {name: {"engine": engine, "source": f"me/{name}"} for name, engine in NAN.items()}
    entries |= {name: {"engine": WORDS, "source": f"me/{name}"} for name in ("good", "slow")}
    (folder / "models.yaml").write_text(yaml.safe_dump(entries))
    return folder


@pytest.fixture(scope="module")
def client(loopback, home):
    with started(loopback, home, HF_TOKEN=SECRET, HF_HUB_DOWNLOAD_TIMEOUT="1", TMPDIR=str(home)) as client:
        yield client


def answers(client, model="good") -> bool:
    route, body = BODY[WORDS]
    answer = client.post(route, json={"model": model, **body})
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["choices"][0]["text"])


@pytest.mark.parametrize("name", CASES)
def test_a_bad_repository_ends_in_a_clear_error_and_nothing_else(client, repositories, home, elsewhere, name):
    _, _, words, whole = CASES[name]
    answer = client.post(f"/v1/registry/{name}/load")
    error = answer.json()["error"]
    assert answer.status_code == 409 and error["code"] == "model_unavailable", answer.text
    assert all(word in error["message"] for word in words), error["message"]
    assert "Traceback" not in answer.text and SECRET not in answer.text
    model = client.get(f"/v1/models/{name}").json()
    assert not model["loaded"] and model["on_disk"] is whole
    assert not (repositories["me/good"].parent / "marker").exists()
    assert not list(home.parent.rglob("outside.json")) and elsewhere[1] == []
    assert answers(client)


@pytest.mark.parametrize("name", NAN)
def test_weights_that_are_not_numbers_make_nothing(client, name):
    route, body = BODY[NAN[name]]
    answer = client.post(route, json={"model": name, **body})
    assert answer.status_code == 409 and answer.json()["error"]["code"] == "generation_failed", answer.text
    assert answers(client)


def test_a_hub_that_stalls_can_be_stopped_and_goes_on_later(client, loopback):
    loopback.stalls_after = 500_000
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(client.post, "/v1/registry/slow/load")
        job = coming(client, loopback)
        assert client.delete(f"/v1/jobs/{job}").json()["state"] == "cancelled"
        assert asked.result().json()["error"]["code"] == "cancelled"
    refused = client.post("/v1/registry/slow/load").json()["error"]
    assert "stopped answering" in refused["message"] and refused["code"] == "model_unavailable"
    assert client.get("/v1/models/slow").json()["on_disk"] is False
    unfinished = {one["id"]: one["unfinished_bytes"] for one in client.get("/v1/registry/cache").json()["data"]}
    assert unfinished["me/slow"] >= 400_000
    loopback.stalls_after = None
    loopback.ranges.clear()
    assert answers(client, "slow")
    assert max(first for file, first in loopback.ranges if file == "me/slow/model.safetensors") >= 400_000


def coming(client, loopback, seconds=60) -> str:
    """Wait until the weights come and return the job."""
    deadline = time.monotonic() + seconds
    while [file for file, _ in loopback.ranges].count("me/slow/model.safetensors") < 2:  # the first time for their header
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return client.get("/v1/jobs", params={"state": "downloading"}).json()["data"][0]["id"]


def test_the_access_token_is_in_no_file_and_went_nowhere_but_to_the_hub(client, loopback, home, elsewhere):
    assert f"Bearer {SECRET}" in loopback.tokens and elsewhere[1] == []
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 20 and any(path.name == "worker.log" for path in files)
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
