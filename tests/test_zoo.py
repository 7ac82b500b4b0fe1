"""Each class of model, tiny: downloaded from a Hub by the real client, loaded by its engine, asked over HTTP; what it makes is looked at.

The studio is the one people start; the Hub is a stand-in on this machine.
"""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

from tests.loopback_hub import LoopbackHub
from tests.serving import started
from tests.zoo import Animal, built, everyone

ZOO = everyone()
MODELS = sorted(name for name, animal in ZOO.items() if animal.entry)
ROUTES = {
    "text-to-image": "/v1/images/generations",
    "unconditional-image-generation": "/v1/images/generations",
    "text-generation": "/v1/completions",
    "text-to-speech": "/v1/audio/speech",
    "text-to-audio": "/v1/audio/music",
    "text-to-video": "/v1/videos",
}


class Repositories(dict):
    """The zoo as repositories, each built when it is first asked for."""

    def __init__(self, root: Path):
        self.root = root
        super().__init__({f"zoo/{name}": name for name in ZOO})

    def __getitem__(self, name: str) -> Path:
        return built(super().__getitem__(name), self.root)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    home = tmp_path_factory.mktemp("zoo")
    entries = {name: {**ZOO[name].entry, "source": "/".join(filter(None, ("zoo", name, ZOO[name].file)))} for name in MODELS}
    (home / "models.yaml").write_text(yaml.safe_dump(entries))
    repositories = Repositories(home / "repositories")
    with LoopbackHub(repositories) as hub, started(hub, home) as client:
        client.repositories = repositories
        yield client


def build(client, animal: Animal) -> None:
    """Build a model and its parts before the Hub is asked for them: a client does not wait for that as long as it may take."""
    for repository in {f"zoo/{animal.name}", *re.findall(r"zoo/[\w.-]+", json.dumps(animal.entry))}:
        client.repositories[repository]


def task_of(client, name: str) -> str:
    return client.get(f"/v1/models/{name}").json()["task"]


def made(client, animal: Animal, seed: int) -> bytes:
    """Return the file the model makes for its request. A video is a job that is waited for."""
    task = task_of(client, animal.name)
    answer = client.post(ROUTES[task], json={"model": animal.name, "seed": seed, **animal.ask})
    assert answer.status_code == 200, answer.text
    if task == "text-generation":
        return answer.json()["choices"][0]["text"].encode()
    if "image" in task:
        return base64.b64decode(answer.json()["data"][0]["b64_json"])
    if task == "text-to-video":
        return finished_video(client, answer.json()["id"])
    return answer.content


def finished_video(client, video: str) -> bytes:
    list(client.get(f"/v1/jobs/{video}/events").iter_lines())
    answer = client.get(f"/v1/videos/{video}/content")
    assert answer.status_code == 200, answer.text
    return answer.content


def look_at_text(data: bytes) -> None:
    assert data.strip(), "no text"


def look_at_image(data: bytes) -> None:
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    assert pixels.std() > 1, "a picture of one colour"


def look_at_audio(data: bytes) -> None:
    samples, rate = soundfile.read(io.BytesIO(data), always_2d=True)
    assert rate >= 8000 and len(samples) > rate / 50 and samples.std() > 1e-5, (rate, samples.shape, samples.std())


def look_at_video(data: bytes) -> None:
    import av

    with av.open(io.BytesIO(data)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) > 1 and np.std(frames) > 1


LOOKS = {"text": look_at_text, "image": look_at_image, "speech": look_at_audio, "audio": look_at_audio, "video": look_at_video}


@pytest.mark.parametrize("name", MODELS)
def test_it_comes_from_the_hub_and_makes_the_same_twice(client, name):
    animal = ZOO[name]
    build(client, animal)
    first = made(client, animal, seed=5)
    task = task_of(client, name)
    look = look_at_image if "image" in task else LOOKS[task.rpartition("-to-")[2] if "-to-" in task else "text"]
    look(first)
    if animal.checks:
        animal.checks(first)
    assert made(client, animal, seed=5) == first
    client.post(f"/v1/registry/{name}/unload")


def test_every_class_the_engines_name_is_here_or_its_absence_is_explained():
    explained = (Path(__file__).parent / "engines" / "README.md").read_text()
    names = json.dumps(sorted(ZOO)) + explained
    assert [name for name in CLASSES if name not in names] == []


CLASSES = (
    "stable-diffusion-1",
    "stable-diffusion-2",
    "stable-diffusion-xl",
    "stable-diffusion-3",
    "latent-consistency",
    "single-file",
    "flux-1",
    "flux-2-klein",
    "z-image",
    "qwen-image",
    "sana",
    "pixart-sigma",
    "wan",
    "wan-2.2-ti2v",
    "ltx",
    "cogvideox",
    "animatediff",
    "mochi",
    "hunyuan-video",
    "musicgen",
    "musicgen-stereo",
    "musicgen-melody",
    "stable-audio-open",
    "stable-audio-3",
    "audioldm",
    "audioldm2",
    "musicldm",
    "ace-step",
    "notes",
    "stylegan2-64",
    "stylegan2-256",
    "StyleGAN2 at 1024 px",
    "Progressive GAN",
    "ddpm",
    "ddpm-flat",
    "ddim",
    "pndm",
    "ldm-faces",
    "consistency-faces",
    "llama",
    "mistral",
    "phi3",
    "qwen2",
    "qwen3",
    "qwen3-moe",
    "smollm3",
    "olmo2",
    "gemma3-text",
    "gpt-oss",
    "gpt2",
    "rwkv",
    "mamba",
    "mamba2",
    "falcon-mamba",
    "recurrent-gemma",
    "lfm2",
    "gemma3",
    "gpt-oss-mxfp4",
    "vits",
    "speecht5",
    "bark",
    "csm",
    "dia",
    "vibevoice",
    "pocket-tts",
    "phonon",
    "seamless-m4t",
    "seamless-m4t-v2",
)
