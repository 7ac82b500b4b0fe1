import pytest

from studio.engines._loading import SMALL, dtype, fitting_threads, reading
from studio.engines.fake import Engine
from studio.errors import ModelUnavailable, Stopped
from studio.types import Device, ModelSpec

SPEC = ModelSpec(id="m", engine="fake", source=".", title="My model")


def test_what_a_library_raises_becomes_one_sentence(tmp_path):
    with pytest.raises(ModelUnavailable, match="My model cannot be loaded: header too large"), reading(SPEC, str(tmp_path)):
        raise RuntimeError("header too large\nand a long traceback")


def test_a_folder_of_pickles_is_called_that(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ModelUnavailable, match="pickles"), reading(SPEC, str(tmp_path)):
        raise OSError("no file named model.safetensors")


@pytest.mark.parametrize("problem", [Stopped("stop"), MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate")])
def test_stops_and_memory_that_runs_out_stay_what_they_are(tmp_path, problem):
    with pytest.raises(type(problem)) as caught, reading(SPEC, str(tmp_path)):
        raise problem
    assert caught.value is problem


def test_numbers_are_halved_on_a_gpu_unless_the_catalogue_says_otherwise():
    import torch

    cpu, gpu = Device("cpu", "CPU", 1), Device("cuda:0", "GPU", 1)
    half = SPEC.model_copy(update={"dtype": "float16"})
    chosen = [dtype(Engine(spec, device, ".").placement) for spec, device in ((SPEC, cpu), (SPEC, gpu), (half, cpu))]
    assert chosen == [torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("parameters, threads", [(4, 1), (SMALL, 2)])
def test_a_small_network_runs_on_one_thread_and_leaves_the_number_as_it_was(parameters, threads):
    import torch

    network = torch.nn.Linear(parameters, 1, bias=False, device="meta")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with fitting_threads(network):
            assert torch.get_num_threads() == threads
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
