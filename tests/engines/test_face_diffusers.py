"""The real unconditional pipelines of diffusers with tiny random weights."""

import shutil
from pathlib import Path

import numpy
import pytest

from studio.engines.face_diffusers import Engine
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.types import Artifact, Device, ModelSpec, Progress, Request
from tests.zoo import built

CPU = Device("cpu", "CPU", 10**10)


def loaded(folder: Path) -> Engine:
    engine = Engine(ModelSpec(id="faces", engine="face_diffusers", source=str(folder), title="Tiny"), CPU, str(folder))
    engine.load(lambda fraction: None)
    return engine


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(scope="module")
def zoo(root):
    """Return a function from a name of the zoo to its engine, loaded."""
    engines: dict[str, Engine] = {}
    return lambda name: engines.get(name) or engines.setdefault(name, loaded(built(name, root)))


def run(engine: Engine, seed: int = 7, **options) -> list:
    return list(engine.run(Request(model="faces"), Engine.Options(**{"steps": 4, **options}), seed))


def pixels(engine: Engine, seed: int = 7, **options) -> list[numpy.ndarray]:
    return [numpy.asarray(event.data) for event in run(engine, seed, **options) if isinstance(event, Artifact)]


@pytest.mark.parametrize("name", ["ddpm", "ddpm-flat", "ddim", "pndm", "ldm-faces", "consistency-faces"])
def test_a_sheet_has_one_face_for_each_seed_and_the_pixels_of_the_single_ones(zoo, name):
    engine = zoo(name)
    faces = [event for event in run(engine, count=2) if isinstance(event, Artifact)]
    assert [face.seed for face in faces] == [7, 8]
    assert all(numpy.array_equal(face.data, pixels(engine, face.seed)[0]) for face in faces)
    assert not numpy.array_equal(faces[0].data, faces[1].data)
    assert faces[0].facts["size"] == f"{faces[0].data.width}x{faces[0].data.height}"


def test_the_seed_after_the_last_is_the_first(zoo):
    assert [event.seed for event in run(zoo("ddpm"), 2**32 - 1, count=2) if isinstance(event, Artifact)] == [2**32 - 1, 0]


def test_reports_each_step_of_each_face(zoo):
    steps = [event for event in run(zoo("ddpm"), count=2, steps=3) if isinstance(event, Progress)]
    assert [(step.step, step.total) for step in steps] == [(number, 6) for number in range(1, 7)]


def test_shows_the_picture_on_its_way(zoo, monkeypatch):
    monkeypatch.setattr("studio.engines.face_diffusers.BETWEEN", 0)
    previews = [event.preview for event in run(zoo("ddpm")) if isinstance(event, Progress)]
    assert [preview.size for preview in previews] == [(32, 32)] * 4
    assert not numpy.array_equal(previews[0], previews[-1])


def test_stops_within_a_step_and_can_run_again(zoo):
    events = zoo("ddpm").run(Request(model="faces"), Engine.Options(steps=500), 1)
    assert next(events).step == 1
    events.close()
    assert len(pixels(zoo("ddpm"))) == 1


def test_eta_goes_the_way_of_ddim_over_the_same_network(zoo):
    own, none, full = (pixels(zoo("ddpm"), eta=eta)[0] for eta in (None, 0, 1))
    assert not numpy.array_equal(own, none) and not numpy.array_equal(none, full)
    samplers = [run(zoo("ddpm"), eta=eta)[-1].facts["sampler"] for eta in (None, 0)]
    assert samplers == ["DDPM", "DDIM"]


@pytest.mark.parametrize(("name", "options", "message"), [
    ("pndm", {"eta": 0.5}, "Tiny is a PNDMPipeline"),
    ("pndm", {"steps": 3}, "Tiny takes 4 to 1000"),
    ("ddpm", {"steps": 1500}, "Tiny takes 1 to 1000"),
])  # fmt: skip
def test_what_a_pipeline_cannot_do_is_refused(zoo, name, options, message):
    with pytest.raises(BadRequest, match=message):
        run(zoo(name), **options)


def test_faces_are_enlarged_when_finished(zoo):
    assert pixels(zoo("ddpm"), scale=2)[0].shape == (64, 64, 3)


def test_numbers_that_are_none_are_a_failure(root):
    import torch

    engine = loaded(built("ddpm", root))
    with torch.no_grad():
        next(engine._pipeline.unet.parameters()).fill_(float("nan"))
    with pytest.raises(GenerationFailed, match="overflowed|one single colour"):
        run(engine)


def test_a_pipeline_of_words_is_refused(root):
    with pytest.raises(ModelUnavailable, match="StableDiffusionPipeline"):
        loaded(built("stable-diffusion-1", root))


def test_pickles_are_refused(root, tmp_path):
    import torch

    shutil.copytree(built("ddpm", root), tmp_path, dirs_exist_ok=True)
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save({}, tmp_path / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match="pickles"):
        loaded(tmp_path)
