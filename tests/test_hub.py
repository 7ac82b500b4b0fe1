"""The real Hub client, in a process of its own, against a stand-in Hub; and what can be told without any network."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from studio import cache, weights
from studio.download import Download
from studio.errors import ModelUnavailable
from studio.hub import Hub
from studio.types import ModelSpec
from tests.loopback_hub import COMMIT, TOKEN, LoopbackHub

ROOT = Path(__file__).resolve().parent.parent
FETCH = """
import json, sys, time
from pathlib import Path
from studio.errors import StudioError
from studio import download
from studio.hub import Hub
from studio.types import ModelSpec
download.PAUSES = (0.05, 0.1, 0.2)
task = json.loads(sys.argv[1])
hub, spec, reports = Hub(None, task.get("offline", False), task.get("dtype")), ModelSpec(**task["spec"]), []
began, answer = time.monotonic(), {}
try:
    if task.get("plan"):
        plan = hub.plan(spec)
        answer["plan"] = {**vars(plan), "parts": None, "memory": {dtype: plan.memory_bytes(dtype) for dtype in ("float32", "float16")}}
        spec = ModelSpec(id="m", engine="fake", source="/nowhere")
    path = hub.fetch(spec, lambda *said: reports.append(said), lambda: bool(reports) and reports[-1][0] > task.get("stop_after", 1e18))
    answer["path"] = str(path)
    answer["files"] = [str(path)] if path.is_file() else sorted(f.relative_to(path).as_posix() for f in path.rglob("*") if f.is_file())
except StudioError as problem:
    answer["error"] = f"{type(problem).__name__}: {problem}"
answer |= {"reports": reports, "seconds": time.monotonic() - began, "on_disk": hub.path(spec) is not None, "bytes": hub.disk_bytes(spec)}
answer["extras"] = hub.extras(spec)
print(json.dumps(answer))
"""


def repository(folder: Path, **files: bytes | int) -> Path:
    """Fill a folder: bytes as they are, a number as that many float16 zeros in a safetensors file."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, int):
            save_file({"weight": np.random.default_rng(content).standard_normal(content).astype(np.float16)}, path)
        else:
            path.write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("repositories")
    plain = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": 1_000_000, "part.safetensors": 10}
    ballast = {"pytorch_model.bin": b"pickle" * 1000, "onnx/model.onnx": b"onnx" * 1000, "README.md": b"# Tiny", "run.py": b"evil()"}
    index = {"_class_name": "P", "unet": ["diffusers", "U"], "vae": ["diffusers", "V"], "safety_checker": [None, None]}
    pipeline = {
        "model_index.json": json.dumps(index).encode(),
        "unet/config.json": b"{}",
        "unet/diffusion_pytorch_model.safetensors": 300_000,
        "unet/diffusion_pytorch_model.fp16.safetensors": 200_000,
        "unet/diffusion_pytorch_model.bin": b"pickle",
        "vae/diffusion_pytorch_model-00001-of-00002.safetensors": 30,
        "vae/diffusion_pytorch_model-00002-of-00002.safetensors": 31,
        "vae_1_0/diffusion_pytorch_model.safetensors": 32,
        "sd_xl.safetensors": 500_000,
    }
    half_pickled = {"model_index.json": pipeline["model_index.json"], "unet/a.safetensors": 10, "vae/a.bin": b"pickle"}
    return {
        "me/tiny": repository(root / "tiny", **plain, **ballast),
        "me/pipeline": repository(root / "pipeline", **pipeline),
        "me/pickles": repository(root / "pickles", **{"config.json": b"{}", "pytorch_model.bin": b"pickle"}),
        "me/half-pickled": repository(root / "half", **half_pickled),
        "me/faces": repository(root / "faces", **{"ffhq.pt": b"tensors" * 1000, "cats.pt": b"tensors" * 1000}),
        "me/big": repository(root / "big", **{"config.json": b"{}", "model.safetensors": 4_000_000}),
        "me/lora": repository(root / "lora", **{"pytorch_lora_weights.safetensors": 40, "more.safetensors": 41, "x/y.safetensors": 42}),
        "me/loras": repository(root / "loras", **{"a.safetensors": 43, "b.safetensors": 44}),
        "me/word": repository(root / "word", **{"learned_embeds.safetensors": 45, "learned_embeds.bin": b"pickle"}),
        "me/vae": repository(root / "vae", **{"config.json": b"{}", "diffusion_pytorch_model.safetensors": 46, "old/x.safetensors": 47}),
        "me/single": repository(root / "single", **{"sd_xl.safetensors": 500, "other.safetensors": 501, "old.ckpt": b"pickle"}),
        "me/empty": repository(root / "empty", **{"config.json": b"{}", "weights.gguf": b"gguf"}),
    }


@pytest.fixture
def loopback(folders):
    with LoopbackHub(dict(folders)) as hub:
        yield hub


def fetch(loopback, home, source, *, environment=None, spec=None, **task):
    """Run Hub.fetch in a process whose Hub is the loopback one."""
    task["spec"] = {"id": "m", "engine": "text_transformers", "title": "Tiny", "source": source} | (spec or {})
    done = subprocess.run(
        [sys.executable, "-c", FETCH, json.dumps(task)],
        env=loopback.environment(home, PYTHONPATH=str(ROOT), **(environment or {})),
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_only_what_is_needed_comes_with_its_progress_and_then_stays(loopback, tmp_path):
    loopback.pace = 0.005
    answer = fetch(loopback, tmp_path, "me/tiny")
    assert answer["files"] == ["config.json", "model.safetensors", "tokenizer.json"]
    assert answer["path"].endswith(COMMIT)
    done = [bytes for bytes, _, _ in answer["reports"]]
    total = sum((loopback.repositories["me/tiny"] / name).stat().st_size for name in answer["files"])
    assert (
        done[0] == 0
        and done == sorted(done)
        and {of for _, of, _ in answer["reports"]} <= {0, total}
        and answer["reports"][-1][:2] == [total, total]
    )
    assert len(set(done)) > 2 and answer["bytes"] == total and answer["on_disk"]

    loopback.requests.clear()
    again = fetch(loopback, tmp_path, "me/tiny")
    assert again["path"] == answer["path"] and again["reports"] == [] and loopback.requests == []


def test_a_pipeline_comes_component_by_component_in_one_variant(loopback, tmp_path):
    assert fetch(loopback, tmp_path, "me/pipeline", spec={"engine": "image_diffusers"})["files"] == [
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model-00001-of-00002.safetensors",
        "vae/diffusion_pytorch_model-00002-of-00002.safetensors",
    ]


def test_a_stop_is_felt_at_once_and_finished_files_are_kept(loopback, tmp_path):
    loopback.pace = 0.005
    stopped = fetch(loopback, tmp_path, "me/big", stop_after=10)
    assert stopped["error"].startswith("Stopped") and not stopped["on_disk"]
    assert stopped["seconds"] < 2.5 and loopback.sent < 6_000_000
    loopback.pace = 0.0
    loopback.requests.clear()
    resumed = fetch(loopback, tmp_path, "me/big")
    assert resumed["on_disk"] and resumed["reports"][0][0] == 0
    assert not any(request.startswith("GET") and request.endswith("config.json") for request in loopback.requests)


def test_a_stop_is_felt_while_the_network_is_silent(loopback, tmp_path):
    loopback.silent = True
    stopped = fetch(loopback, tmp_path, "me/tiny", stop_after=-1)
    assert stopped["error"].startswith("Stopped") and stopped["seconds"] < 2.5


def test_once_fetched_a_model_needs_no_network(loopback, tmp_path):
    fetch(loopback, tmp_path, "me/tiny")
    loopback.requests.clear()
    offline = fetch(loopback, tmp_path, "me/tiny", offline=True)
    assert offline["on_disk"] and offline["path"] and loopback.requests == []


def test_offline_and_not_here_is_said_plainly(loopback, tmp_path):
    for answer in (
        fetch(loopback, tmp_path, "me/tiny", offline=True),
        fetch(loopback, tmp_path, "me/tiny", environment={"HF_HUB_OFFLINE": "1"}),
    ):
        assert "Tiny is not on this machine, and the studio is offline" in answer["error"]
    assert loopback.requests == []


def test_a_gated_model_names_its_page_and_opens_with_a_token(loopback, tmp_path):
    for source in ("me/tiny", "me/pipeline"):
        loopback.gated.add(source)
        refused = fetch(loopback, tmp_path, source)
        assert f"Tiny is gated: open {loopback.url}/{source}" in refused["error"] and "HF_TOKEN" in refused["error"]
        assert fetch(loopback, tmp_path, source, environment={"HF_TOKEN": TOKEN})["on_disk"]


@pytest.mark.parametrize(
    ("source", "spec", "words"),
    [
        ("me/tinny", {}, ["no repository 'me/tinny'", "Did you mean 'me/tiny'?"]),
        ("me/tiny", {"revision": "v9"}, ["no revision 'v9'", "leave it out"]),
        ("not a name", {}, ["'not a name' is neither a Hub repository (owner/name) nor a folder"]),
        ("me/pickles", {}, ["pickles only", "me/pickles", "safetensors"]),
        ("me/half-pickled", {}, ["vae/ of me/half-pickled", "pickles only"]),
        ("me/empty", {}, ["no weights as .safetensors"]),
        ("me/faces/fhq.pt", {"engine": "face_stylegan2"}, ["no file fhq.pt", "Did you mean 'ffhq.pt'?"]),
    ],
)
def test_what_cannot_be_fetched_is_explained(loopback, tmp_path, source, spec, words):
    error = fetch(loopback, tmp_path, source, spec=spec)["error"]
    assert error.startswith("ModelUnavailable") and all(word in error for word in words), error


def test_a_face_model_is_one_file_of_tensors(loopback, tmp_path):
    answer = fetch(loopback, tmp_path, "me/faces/ffhq.pt", spec={"engine": "face_stylegan2"})
    assert answer["path"].endswith(f"{COMMIT}/ffhq.pt") and answer["files"] == [answer["path"]]
    assert not any("cats.pt" in request for request in loopback.requests)


def test_a_file_that_comes_cut_is_not_taken_for_whole(loopback, tmp_path):
    loopback.cut.add("me/tiny/model.safetensors")
    error = fetch(loopback, tmp_path, "me/tiny")
    assert "cut off" in error["error"] and not error["on_disk"], error
    loopback.cut.clear()
    assert fetch(loopback, tmp_path, "me/tiny")["on_disk"]


def test_a_file_with_the_wrong_hash_is_deleted(loopback, tmp_path):
    loopback.damaged.add("me/tiny/model.safetensors")
    answer = fetch(loopback, tmp_path, "me/tiny")
    assert "model.safetensors of me/tiny came damaged" in answer["error"] and not answer["on_disk"]
    assert [file for file, _ in loopback.ranges].count("me/tiny/model.safetensors") == 2
    loopback.damaged.clear()
    assert fetch(loopback, tmp_path, "me/tiny")["on_disk"]


def test_no_network_is_said_plainly(loopback, tmp_path):
    answer = fetch(loopback, tmp_path, "me/tiny", environment={"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert "http://127.0.0.1:9 cannot be reached" in answer["error"] and "Connection refused" in answer["error"]


def test_a_model_of_several_sources_comes_whole_and_counts_as_one_download(loopback, tmp_path):
    entry = {
        "config": "me/pipeline", "vae": "me/pipeline", "loras": {"ink": "me/lora", "oil": "me/loras/a.safetensors"},
        "embeddings": {"<cat>": "me/word"},
    }  # fmt: skip
    answer = fetch(loopback, tmp_path, "me/single/sd_xl.safetensors", spec={"engine": "image_diffusers", **entry})
    assert answer["path"].endswith("sd_xl.safetensors") and answer["on_disk"]
    fetched = {file for file, _ in loopback.ranges if file != "me/pipeline/model_index.json"}
    assert fetched == {
        "me/single/sd_xl.safetensors", "me/pipeline/unet/config.json", "me/lora/pytorch_lora_weights.safetensors",
        "me/loras/a.safetensors", "me/word/learned_embeds.safetensors",
        "me/pipeline/vae/diffusion_pytorch_model-00001-of-00002.safetensors",
        "me/pipeline/vae/diffusion_pytorch_model-00002-of-00002.safetensors",
    }  # fmt: skip
    total = sum((loopback.repositories["/".join(file.split("/")[:2])] / "/".join(file.split("/")[2:])).stat().st_size for file in fetched)
    total += (loopback.repositories["me/pipeline"] / "model_index.json").stat().st_size
    assert answer["reports"][-1][:2] == [total, total] and answer["bytes"] == total
    assert set(answer["extras"]) == {"me/pipeline", "me/lora", "me/loras/a.safetensors", "me/word"}
    assert answer["extras"]["me/loras/a.safetensors"].endswith(f"{COMMIT}/a.safetensors")

    loopback.requests.clear()
    entry["vae"] = "me/vae"
    more = fetch(loopback, tmp_path, "me/single/sd_xl.safetensors", spec={"engine": "image_diffusers", **entry})
    sent = {request.rpartition("/")[2] for request in loopback.requests if request.startswith("GET") and "/resolve/" in request}
    assert sent == {"model_index.json", "config.json", "diffusion_pytorch_model.safetensors"}  # the new autoencoder, and an index
    assert more["on_disk"] and len(more["extras"]) == 5


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"loras": {"ink": "me/loras"}}, ["holds 2 .safetensors files", "me/loras/a.safetensors"]),
        ({"vae": "me/pickles"}, ["me/pickles", "pickles only"]),
        ({"vae": "me/single/old.ckpt"}, ["me/single", "pickles only"]),
        ({"config": "me/faces"}, ["me/faces holds no files of a configuration"]),
        ({"vae": "me/nothing"}, ["no repository 'me/nothing'"]),
        ({"loras": {"ink": "/gone/ink.safetensors"}}, ["The lora of Tiny should lie in /gone/ink.safetensors", "`loras`"]),
    ],
    ids=["which LoRA", "pickled autoencoder", "pickled file", "no configuration", "no repository", "no local file"],
)
def test_another_source_that_cannot_be_had_is_explained(loopback, tmp_path, entry, words):
    answer = fetch(loopback, tmp_path, "me/tiny", spec=entry)
    assert all(word in answer["error"] for word in words), answer["error"]
    assert not answer["on_disk"]


def test_a_gated_part_names_its_own_page(loopback, tmp_path):
    loopback.gated.add("me/vae")
    for way in ({}, {"plan": True}):
        error = fetch(loopback, tmp_path, "me/tiny", spec={"vae": "me/vae"}, **way)["error"]
        assert f"me/vae, a part of Tiny, is gated: open {loopback.url}/me/vae" in error, error


def test_a_file_that_goes_on_and_on_is_not_read_to_its_end(loopback, tmp_path):
    loopback.endless.add("me/tiny/model.safetensors")
    error = fetch(loopback, tmp_path, "me/tiny")
    assert "came damaged or cut off, twice" in error["error"] and loopback.sent < 10_000_000


def test_offline_says_which_part_is_missing(loopback, tmp_path):
    fetch(loopback, tmp_path, "me/tiny")
    answer = fetch(loopback, tmp_path, "me/tiny", spec={"vae": "me/vae"}, offline=True)
    assert "me/vae, part of Tiny, is not on this machine, and the studio is offline" in answer["error"]


def test_half_precision_fetches_the_half_sized_files(loopback, tmp_path):
    half = fetch(loopback, tmp_path, "me/pipeline", spec={"engine": "image_diffusers", "dtype": "float16"})
    unet = [name for name in half["files"] if name.startswith("unet/")]
    assert unet == ["unet/config.json", "unet/diffusion_pytorch_model.fp16.safetensors"]
    assert any(name.startswith("vae/") for name in half["files"])
    assert weights.variant(Path(half["path"])) == "fp16"
    again = fetch(loopback, tmp_path, "me/pipeline", spec={"engine": "image_diffusers"})
    assert again["path"] == half["path"] and again["reports"] == []  # good enough for full precision too
    by_default = fetch(loopback, tmp_path / "other", "me/pipeline", spec={"engine": "image_diffusers"}, dtype="bfloat16")
    assert by_default["files"] == half["files"]


def test_a_plan_says_what_would_come_and_what_it_weighs(loopback, tmp_path):
    loopback.licences["me/pipeline"] = "openrail++"
    spec = {"engine": "image_diffusers"}
    plan = fetch(loopback, tmp_path, "me/pipeline", spec=spec, plan=True)["plan"]
    sizes = {file: (loopback.repositories["me/pipeline"] / file).stat().st_size for file in (
        "model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model-00001-of-00002.safetensors", "vae/diffusion_pytorch_model-00002-of-00002.safetensors")}  # fmt: skip
    assert plan["download_bytes"] == plan["total_bytes"] == sum(sizes.values()) and plan["files"] == 5
    assert plan["memory"] == {"float32": 300_061 * 4, "float16": 300_061 * 2}
    assert plan["stored_bytes"] == sum(size for file, size in sizes.items() if file.endswith(".safetensors"))
    assert plan["licence"] == "openrail++" and plan["gated"] is False and plan["disk_free_bytes"] > 0
    assert loopback.sent < 500_000  # headers, not weights

    fetch(loopback, tmp_path, "me/pipeline", spec=spec)
    loopback.requests.clear()
    here = fetch(loopback, tmp_path, "me/pipeline", spec=spec, plan=True, offline=True)["plan"]
    assert here["download_bytes"] == 0 and here["total_bytes"] == sum(sizes.values()) and here["memory"] == plan["memory"]
    assert loopback.requests == []


def test_a_plan_that_cannot_be_made_says_why(loopback, tmp_path):
    loopback.gated.add("me/tiny")
    assert "Tiny is gated" in fetch(loopback, tmp_path, "me/tiny", plan=True)["error"]
    assert "offline" in fetch(loopback, tmp_path, "me/big", plan=True, offline=True)["error"]
    assert "no repository 'me/nothing'" in fetch(loopback, tmp_path, "me/nothing", plan=True)["error"]


def starts_of(loopback, file="me/big/model.safetensors"):
    """Return the first byte of each request for a file."""
    return [first for name, first in loopback.ranges if name == file]


def test_a_stopped_download_goes_on_where_it_stopped(loopback, tmp_path):
    loopback.pace = 0.003
    stopped = fetch(loopback, tmp_path, "me/big", stop_after=1_000_000)
    assert stopped["error"].startswith("Stopped")
    loopback.pace = 0.0
    loopback.ranges.clear()
    came = loopback.sent
    resumed = fetch(loopback, tmp_path, "me/big")
    assert resumed["on_disk"] and starts_of(loopback)[0] >= 1_000_000
    whole = (loopback.repositories["me/big"] / "model.safetensors").stat().st_size
    assert loopback.sent - came == whole - starts_of(loopback)[0]
    known = [report for report in resumed["reports"] if report[1]]
    assert known[0][0] >= 1_000_000 and known[-1][0] == known[-1][1]


def test_a_killed_download_goes_on_where_it_was(loopback, tmp_path):
    loopback.pace = 0.003
    task = {"spec": {"id": "m", "engine": "text_transformers", "source": "me/big"}}
    process = subprocess.Popen([sys.executable, "-c", FETCH, json.dumps(task)], env=loopback.environment(tmp_path, PYTHONPATH=str(ROOT)))
    while loopback.sent < 2_000_000 and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    loopback.pace = 0.0
    loopback.ranges.clear()
    assert fetch(loopback, tmp_path, "me/big")["on_disk"]
    assert starts_of(loopback)[0] > 1_000_000 and len(starts_of(loopback)) == 1


def test_a_hub_that_breaks_off_and_comes_back_is_waited_for(loopback, tmp_path):
    loopback.break_after = 3_000_000
    task = {"spec": {"id": "m", "engine": "text_transformers", "source": "me/big"}}
    process = subprocess.Popen(
        [sys.executable, "-c", FETCH.replace("(0.05, 0.1, 0.2)", "(0.05, 0.1, 0.2) + (0.2,) * 100"), json.dumps(task)],
        env=loopback.environment(tmp_path, PYTHONPATH=str(ROOT)), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not loopback.away:
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)
    loopback.away = False
    answer = json.loads(process.communicate(timeout=60)[0])
    assert answer["on_disk"] and starts_of(loopback)[-1] > 2_000_000


def test_a_hub_that_stays_away_ends_the_download_and_keeps_what_came(loopback, tmp_path):
    loopback.break_after = 3_000_000
    answer = fetch(loopback, tmp_path, "me/big")
    assert "cannot be reached for Tiny" in answer["error"] and "What has come is kept" in answer["error"] and not answer["on_disk"]
    loopback.away = False
    loopback.ranges.clear()
    assert fetch(loopback, tmp_path, "me/big")["on_disk"] and starts_of(loopback)[0] > 2_000_000


def test_a_hub_that_stalls_is_given_up_and_the_file_kept(loopback, tmp_path):
    loopback.stalls_after = 1_000_000
    answer = fetch(loopback, tmp_path, "me/big", environment={"HF_HUB_DOWNLOAD_TIMEOUT": "1"})
    assert "stopped answering while Tiny came" in answer["error"] and not answer["on_disk"]
    loopback.stalls_after = None
    loopback.ranges.clear()
    assert fetch(loopback, tmp_path, "me/big")["on_disk"] and starts_of(loopback)[0] >= 900_000


def test_reports_give_the_rate_of_late(loopback, tmp_path):
    loopback.pace = 0.005
    rates = [rate for _, _, rate in fetch(loopback, tmp_path, "me/big")["reports"]]
    assert rates[0] == 0 and max(rates) > 100_000


# Without a network or another process.


def spec(source, **more):
    return ModelSpec(id="m", engine="text_transformers", title="Tiny", source=str(source), **more)


def test_a_local_folder_is_never_looked_up(tmp_path, folders):
    hub = Hub(tmp_path)
    here = spec(folders["me/tiny"])
    assert hub.path(here) == hub.fetch(here, None) == folders["me/tiny"]
    assert hub.disk_bytes(here) > 2_000_000
    gone = spec(tmp_path / "gone")
    assert hub.path(gone) is None and hub.disk_bytes(gone) == 0
    with pytest.raises(ModelUnavailable, match="gone; nothing is there"):
        hub.fetch(gone, None)


def cached(cache: Path, commit: str, **files: bytes | int) -> Path:
    """Lay a snapshot into a cache folder as another program would have left it."""
    folder = cache / "models--me--tiny"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    return repository(folder / "snapshots" / commit, **files)


def test_what_another_program_fetched_is_used(tmp_path):
    snapshot = cached(tmp_path, COMMIT, **{"config.json": b"{}", "model.safetensors": 10})
    hub = Hub(tmp_path)
    assert hub.path(spec("me/tiny")) == hub.path(spec("me/tiny", revision=COMMIT)) == snapshot
    assert hub.path(spec("me/tiny", revision="other")) is None and hub.path(spec("me/other")) is None


@pytest.mark.parametrize(
    "files",
    [
        {"config.json": b"{}", "tokenizer.json": b"{}"},
        {
            "config.json": b"{}",
            "model.safetensors.index.json": b'{"weight_map": {"a": "x1.safetensors", "b": "x2.safetensors"}}',
            "x1.safetensors": 5,
        },
        {"config.json": b"{}", "model.safetensors.index.json": b"[]", "x1.safetensors": 5},
        {"model_index.json": b'{"unet": ["a", "b"]}', "unet/config.json": b"{}"},
        {"model_index.json": b'{"unet": ["a", "b"], "vae": ["a", "b"]}', "unet/config.json": b"{}", "unet/a.safetensors": 5},
    ],
    ids=["only its config", "a shard is missing", "a damaged index", "no weights", "a component is missing"],
)
def test_what_another_program_fetched_in_part_is_not_taken_for_the_model(tmp_path, files):
    snapshot = cached(tmp_path, COMMIT, **files)
    assert Hub(tmp_path).path(spec("me/tiny")) is None
    assert Hub(tmp_path).disk_bytes(spec("me/tiny")) > 0 and snapshot.exists()


def test_removing_a_model_frees_its_disk(tmp_path):
    snapshot = cached(tmp_path, COMMIT, **{"config.json": b"{}", "model.safetensors": 1000})
    hub = Hub(tmp_path)
    assert hub.remove("me/tiny") > 2000 and not snapshot.exists()
    assert hub.remove("me/tiny") == 0


def test_a_disk_too_small_is_named_with_its_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda place: type("Usage", (), {"free": 3_100_000_000}))
    download = Download("Tiny", tmp_path / "new", print, lambda: False)
    download._check_disk(3_000_000_000)
    with pytest.raises(ModelUnavailable, match=r"Tiny needs 6.90 GB on disk, 3.10 GB are free in .*HF_HOME"):
        download._check_disk(6_900_000_000)


def test_a_hub_is_quickly_made_and_travels_to_another_process():
    began = time.monotonic()
    code = "import pickle, sys, studio.hub as h; pickle.loads(pickle.dumps(h.Hub(None, True))); sys.exit('huggingface_hub' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert time.monotonic() - began < 10
