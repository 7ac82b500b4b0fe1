"""Two lines of YAML, a Hub, and the studio as it is started: the model comes, is loaded and answers; without the Hub it still does.

The Hub is a stand-in on this machine; its models are tiny random ones of the real classes.
"""

import base64
import io
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from safetensors.numpy import load_file, save_file

from studio import media, starters
from tests.loopback_hub import COMMIT, LoopbackHub
from tests.serving import started

ENTRIES = {
    "my-pictures": {"engine": "image_diffusers", "source": "me/pictures"},
    "my-words": {"engine": "text_transformers", "source": "me/words"},
    "my-halves": {"engine": "image_diffusers", "source": "me/halves", "dtype": "bfloat16"},
    "my-secret": {"engine": "text_transformers", "source": "me/secret"},
    "my-pickles": {"engine": "text_transformers", "source": "me/pickles"},
}
PICTURE = {"model": "my-pictures", "prompt": "a red circle", "size": "32x32", "seed": 5, "steps": 2}


def make_pictures(folder: Path) -> Path:
    """Save a StableDiffusionPipeline of random weights, a few MB, so that its download can be watched."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(starters.weights("scenes") / "tokenizer")
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=32, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(64, 128), layers_per_block=1, cross_attention_dim=32, attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(32, 64),
        norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )
    parts = {"vae": vae, "text_encoder": CLIPTextModel(text), "tokenizer": tokenizer, "unet": unet, "scheduler": DDIMScheduler()}
    none = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    StableDiffusionPipeline(**parts, **none).save_pretrained(folder)
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"not to be fetched")
    return folder


def with_halves(folder: Path) -> Path:
    """Add the fp16 files that pipelines are published with beside the plain ones."""
    for plain in list(folder.rglob("*.safetensors")):
        halved = {name: tensor.astype(np.float16) for name, tensor in load_file(plain).items()}
        save_file(halved, plain.with_suffix(".fp16.safetensors"), {"format": "pt"})
    return folder


def make_words(folder: Path) -> Path:
    """Save a Llama of two layers with a token for every byte and a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytewise = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bytewise.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytewise, eos_token="<|end|>")
    tokenizer.chat_template = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}<|end|>{% endfor %}[assistant]"
    tokenizer.save_pretrained(folder)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 256}
    LlamaForCausalLM(LlamaConfig(vocab_size=260, eos_token_id=256, **sizes)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def repositories(tmp_path_factory):
    root = tmp_path_factory.mktemp("repositories")
    (root / "pickles").mkdir()
    (root / "pickles" / "pytorch_model.bin").write_bytes(b"pickle")
    words = make_words(root / "words")
    pictures = make_pictures(root / "pictures")
    halves = with_halves(shutil.copytree(pictures, root / "halves"))
    return {"me/pictures": pictures, "me/halves": halves, "me/words": words, "me/secret": words, "me/pickles": root / "pickles"}


@pytest.fixture(scope="module")
def loopback(repositories):
    with LoopbackHub(repositories) as hub:
        hub.gated.add("me/secret")
        yield hub


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder for the Hub's cache, the studio's data and a catalogue of two-line entries."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "models.yaml").write_text(yaml.safe_dump(ENTRIES))
    return folder


def events_of(client, job):
    """Return the events of a job that has ended, as (name, content)."""
    lines = client.get(f"/v1/jobs/{job}/events").text.splitlines()
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    contents = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    return list(zip(names, contents, strict=False))


def picture_of(answer):
    assert answer.status_code == 200, answer.text
    return base64.b64decode(answer.json()["data"][0]["b64_json"])


def ask_for_words(client, model="my-words"):
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 12, "seed": 1}
    return client.post("/v1/chat/completions", json=body)


def test_a_model_comes_from_the_hub_and_answers_and_answers_again_without_it(loopback, home):
    loopback.pace = 0.01
    with started(loopback, home) as client:
        answer = client.post("/v1/images/generations", json=PICTURE | {"response_format": "b64_json"})
        first = picture_of(answer)
        assert Image.open(io.BytesIO(first)).size == (32, 32)
        events = events_of(client, answer.headers["X-Studio-Job"])
        states = [content["state"] for name, content in events if name == "state"]
        assert [state for state, before in zip(states, [None, *states], strict=False) if state != before][-4:] == [
            "downloading", "loading", "running", "done",
        ]  # fmt: skip
        transfers = [content for name, content in events if name == "download"]
        assert len({transfer["done"] for transfer in transfers}) > 3 and transfers[-1]["done"] == transfers[-1]["total"] > 3_000_000
        (home / "first.png").write_bytes(first)
        assert media.read_record(home / "first.png")["revision"] == COMMIT
        loopback.pace = 0.0
        assert ask_for_words(client).json()["usage"]["completion_tokens"] > 0
    assert not any(request.endswith(".bin") for request in loopback.requests)

    loopback.requests.clear()
    with started(loopback, home, "--offline", HF_ENDPOINT="http://127.0.0.1:9") as client:
        again = picture_of(client.post("/v1/images/generations", json=PICTURE | {"response_format": "b64_json"}))
        assert again == first
        refused = ask_for_words(client, "my-secret").json()["error"]
        assert "not on this machine" in refused["message"] and refused["code"] == "model_unavailable"
    assert loopback.requests == []


def test_in_half_precision_the_half_sized_files_come_and_are_loaded(loopback, tmp_path):
    (tmp_path / "models.yaml").write_text(yaml.safe_dump(ENTRIES))
    loopback.ranges.clear()
    with started(loopback, tmp_path) as client:
        plan = client.get("/v1/registry/my-halves/plan").json()
        picture = picture_of(client.post("/v1/images/generations", json=PICTURE | {"model": "my-halves", "response_format": "b64_json"}))
        assert Image.open(io.BytesIO(picture)).size == (32, 32)
        assert client.get("/v1/registry/my-halves/plan").json()["download_bytes"] == 0
    fetched = {file for file, _ in loopback.ranges if file.endswith(".safetensors")}
    assert len(fetched) == 3 and all(file.endswith(".fp16.safetensors") for file in fetched)
    sizes = [(loopback.repositories["me/halves"] / file.removeprefix("me/halves/")).stat().st_size for file in fetched]
    assert plan["stored_bytes"] == sum(sizes) and plan["fits"] and plan["dtype"] == "bfloat16"


def test_a_download_can_be_stopped_and_what_cannot_be_had_fails_alone(loopback, tmp_path):
    (tmp_path / "models.yaml").write_text(yaml.safe_dump(ENTRIES))
    loopback.pace = 0.1
    with started(loopback, tmp_path) as client, ThreadPoolExecutor() as pool:
        asked = pool.submit(client.post, "/v1/registry/my-pictures/load")
        job = downloading(client)
        began = time.monotonic()
        assert client.delete(f"/v1/jobs/{job}").json()["state"] == "cancelled"
        assert asked.result().json()["error"]["code"] == "cancelled"
        assert time.monotonic() - began < 4
        loopback.pace = 0.0

        gated = ask_for_words(client, "my-secret").json()["error"]
        assert "is gated" in gated["message"] and f"{loopback.url}/me/secret" in gated["message"] and "HF_TOKEN" in gated["message"]
        assert "pickles" in ask_for_words(client, "my-pickles").json()["error"]["message"]
        picture_of(client.post("/v1/images/generations", json=PICTURE | {"response_format": "b64_json"}))
        models = {model["id"]: model for model in client.get("/v1/models").json()["data"]}
        assert models["my-pictures"]["loaded"] and not models["my-secret"]["on_disk"] and not models["my-pickles"]["loaded"]


def downloading(client, seconds=60):
    """Wait until a job downloads and return its id."""
    deadline = time.monotonic() + seconds
    while not (jobs := client.get("/v1/jobs", params={"state": "downloading"}).json()["data"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return jobs[0]["id"]
