"""Faces from small StyleGAN2 generators with random weights, and from the shipped one."""

import pickle

import numpy
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from studio import starters
from studio.engines import _stylegan2 as network
from studio.engines.face_stylegan2 import Engine, between
from studio.errors import BadRequest, ModelUnavailable
from studio.types import Artifact, Device, ModelSpec, Progress, Request

SMALL = network.Shape(style=16, mapping=2, widths=(8, 8, 6, 6, 4))
CPU = Device("cpu", "CPU", 2**30)


def random_state(shape: network.Shape) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return network.Generator(shape).state_dict()


def engine_for(source) -> Engine:
    return Engine(ModelSpec(id="faces", engine="face_stylegan2", source=str(source)), CPU, str(source))


def loaded(source) -> Engine:
    engine = engine_for(source)
    engine.load(lambda fraction: None)
    return engine


@pytest.fixture
def engine(tmp_path) -> Engine:
    save_file(random_state(SMALL) | {"latent_avg": torch.full((16,), 0.1)}, tmp_path / "generator.safetensors")
    return loaded(tmp_path)


def run(engine: Engine, seed: int = 7, **options):
    return engine.run(Request(model="faces"), Engine.Options(**options), seed)


def artifacts(engine: Engine, seed: int = 7, **options) -> list[Artifact]:
    return [event for event in run(engine, seed, **options) if isinstance(event, Artifact)]


def same(first: Image.Image, second: Image.Image) -> bool:
    return numpy.array_equal(numpy.asarray(first), numpy.asarray(second))


def test_a_sheet_has_one_face_for_each_seed_and_the_pixels_of_the_single_ones(engine):
    sheet = artifacts(engine, seed=7, count=3)
    assert [face.seed for face in sheet] == [7, 8, 9]
    assert all(same(face.data, artifacts(engine, seed=face.seed)[0].data) for face in sheet)
    assert not same(sheet[0].data, sheet[1].data)
    assert sheet[0].data.size == (64, 64)


def test_the_seed_after_the_last_is_the_first(engine):
    assert [face.seed for face in artifacts(engine, seed=2**32 - 1, count=2)] == [2**32 - 1, 0]


def test_without_variety_every_seed_is_the_average_face(engine):
    assert same(artifacts(engine, seed=1, truncation=0)[0].data, artifacts(engine, seed=2, truncation=0)[0].data)


def test_mixing_changes_the_face_and_mixing_with_itself_does_not(engine):
    plain = artifacts(engine, seed=1)[0].data
    assert not same(plain, artifacts(engine, seed=1, mix_with=2, mix_from=5)[0].data)
    assert same(plain, artifacts(engine, seed=1, mix_with=1, mix_from=5)[0].data)


def test_a_layer_the_model_does_not_have_is_refused(engine):
    with pytest.raises(BadRequest, match="layers 0 to 9"):
        artifacts(engine, mix_with=2, mix_from=10)


def test_a_walk_is_a_video_that_begins_at_the_seed_and_ends_at_the_other(engine):
    (walk,) = artifacts(engine, seed=1, walk_to=2, frames=5, fps=10, loop=False)
    assert walk.medium == "video" and walk.data.fps == 10 and len(walk.data.frames) == 5
    assert same(walk.data.frames[0], artifacts(engine, seed=1)[0].data)
    assert same(walk.data.frames[-1], artifacts(engine, seed=2)[0].data)


def test_a_walk_there_and_back_is_the_same_in_both_directions(engine):
    frames = artifacts(engine, seed=1, walk_to=2, frames=6)[0].data.frames
    assert same(frames[0], artifacts(engine, seed=1)[0].data)
    assert same(frames[1], frames[5]) and same(frames[2], frames[4])
    assert same(frames[3], artifacts(engine, seed=2)[0].data)


def test_an_enlarged_face_says_so(engine):
    (face,) = artifacts(engine, scale=2)
    assert face.data.size == (128, 128)
    assert face.facts == {"size": "64x64", "scaled": "2x Lanczos"}


def test_progress_counts_faces_and_shows_them(engine):
    steps = [event for event in run(engine, count=2) if isinstance(event, Progress)]
    assert [(event.step, event.total, event.unit) for event in steps] == [(1, 2, "face"), (2, 2, "face")]
    assert steps[0].preview.size == (64, 64)


def test_closing_the_iterator_ends_the_run(engine, monkeypatch):
    made = []
    paint = engine._picture
    monkeypatch.setattr(engine, "_picture", lambda *given: made.append(1) or paint(*given))
    events = run(engine, count=64)
    next(events)
    events.close()
    assert len(made) == 1


def test_a_picture_beyond_all_measure_is_refused(engine):
    engine._generator.shape = network.Shape(16, 2, (8,) * 10)
    with pytest.raises(BadRequest, match="8192 px are the most"):
        artifacts(engine, scale=8)


def test_a_published_checkpoint_of_tensors_is_read(tmp_path):
    torch.save({"g_ema": random_state(SMALL), "latent_avg": torch.zeros(16), "d": {}}, tmp_path / "faces.pt")
    assert artifacts(loaded(tmp_path / "faces.pt"))[0].data.size == (64, 64)


def test_a_checkpoint_without_an_average_gets_one(tmp_path):
    torch.save({"g_ema": random_state(SMALL)}, tmp_path / "faces.pt")
    assert artifacts(loaded(tmp_path), truncation=0)[0].data.size == (64, 64)


def test_the_layout_of_published_checkpoints():
    large = network.Shape(style=512, mapping=8, widths=(512, 512, 512, 512, 512, 256, 128, 64, 32))
    with torch.device("meta"):
        generator = network.Generator(large)
    state = generator.state_dict()
    assert large.resolution == 1024 and large.layers == 18
    assert len(state) == 171 and sum(value.numel() for value in generator.parameters()) == 30_370_060
    assert state["convs.15.conv.modulation.weight"].shape == (32, 512)
    assert state["to_rgbs.7.upsample.kernel"].shape == (4, 4)
    assert state["noises.noise_16"].shape == (1, 1, 1024, 1024)
    assert network.Shape.of(state) == large


def test_a_generator_of_256_px_is_built_from_its_tensors():
    shape = network.Shape(style=24, mapping=3, widths=(8, 8, 8, 8, 6, 4, 4))
    generator = network.Generator.from_state(random_state(shape))
    assert generator.shape == shape
    assert generator(generator.map(torch.randn(1, 24))[:, None].repeat(1, 14, 1)).shape == (1, 3, 256, 256)


def test_scaling_inputs_and_outputs_is_the_modulated_convolution_of_the_paper():
    torch.manual_seed(0)
    conv = network.ModulatedConv(6, 4, 5, 3)
    x, w = torch.randn(2, 4, 8, 8), torch.randn(2, 6)
    weight = conv.scale * conv.weight * conv.modulation(w)[:, None, :, None, None]
    weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
    expected = torch.cat([torch.conv2d(x[i : i + 1], weight[i], padding=1) for i in range(2)])
    assert torch.allclose(conv(x, w), expected, atol=1e-5)


def test_the_way_between_two_latents_keeps_its_distance_from_the_centre():
    begin, end = torch.eye(4)[:1], torch.eye(4)[1:2]
    assert torch.allclose(between(begin, end, 0.5).norm(), torch.tensor(1.0))
    assert torch.allclose(between(begin, begin, 0.3), begin)


class Harmful:
    def __reduce__(self):
        return (pytest.fail, ("the code in the pickle was run",))


@pytest.mark.parametrize("content", [{"g_ema": Harmful()}, Harmful()])
def test_a_pickle_with_code_is_refused_unopened(tmp_path, content):
    (tmp_path / "faces.pt").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(ModelUnavailable, match="could run code"):
        loaded(tmp_path)


@pytest.mark.parametrize("content", [{"state_dict": {}}, {"g_ema": {"style.1.weight": 3}}, [1, 2]])
def test_a_checkpoint_of_another_kind_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "faces.pt")
    with pytest.raises(ModelUnavailable):
        loaded(tmp_path)


@pytest.mark.parametrize("name", ["faces.pt", "faces.safetensors"])
@pytest.mark.parametrize("length", [0, 3000])
def test_a_cut_file_is_refused(tmp_path, name, length):
    whole = tmp_path / "whole"
    torch.save({"g_ema": random_state(SMALL)}, whole) if name.endswith(".pt") else save_file(random_state(SMALL), whole)
    (tmp_path / name).write_bytes(whole.read_bytes()[:length])
    with pytest.raises(ModelUnavailable):
        loaded(tmp_path / name)


def test_missing_and_foreign_tensors_are_named(tmp_path):
    state = random_state(SMALL)
    del state["convs.1.activate.bias"]
    save_file(state, tmp_path / "faces.safetensors")
    with pytest.raises(ModelUnavailable, match="convs.1.activate.bias"):
        loaded(tmp_path)


def test_a_folder_with_two_generators_asks_which(tmp_path):
    for name in ("a", "b"):
        save_file(random_state(SMALL), tmp_path / f"{name}.safetensors")
    with pytest.raises(ModelUnavailable, match="a.safetensors, b.safetensors"):
        loaded(tmp_path)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"no \.safetensors and no \.pt"):
        loaded(tmp_path)


def test_the_shipped_faces_are_faces_of_64_px():
    faces = artifacts(loaded(starters.weights("faces")), count=2)
    assert faces[0].data.size == (64, 64)
    assert numpy.asarray(faces[0].data).std() > 20
    assert not same(faces[0].data, faces[1].data)


@pytest.mark.parametrize("side", [64, 256])
def test_a_checkpoint_of_each_size_in_the_published_layout_makes_faces(tmp_path, side):
    torch.manual_seed(0)
    state = network.Generator(network.Shape(style=16, mapping=8, widths=(16, 16, 12, 12, 8, 8, 4)[: side.bit_length() - 2])).state_dict()
    torch.save({"g_ema": state, "latent_avg": torch.zeros(16)}, tmp_path / "stylegan2.pt")
    first, second = artifacts(loaded(tmp_path / "stylegan2.pt"), count=2)
    assert first.data.size == (side, side) and not same(first.data, second.data)
