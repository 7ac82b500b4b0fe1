"""Samplers by name, on real pipelines of each kind."""

import pytest
from pydantic import ValidationError

from studio.engines._schedulers import NAMES, NOISE_SAMPLERS, canonical, names_for, sampler
from studio.engines.image_diffusers import Options
from studio.errors import BadRequest
from tests.engines.tiny_pictures import loaded, pictures, pixels, run
from tests.zoo import built

MATCHING = ["Euler", "Euler Karras", "Euler a", "LCM"]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    root, engines = tmp_path_factory.mktemp("zoo"), {}

    def engine(name):
        if name not in engines:
            engines[name] = loaded(built(name, root))
        return engines[name]

    return engine


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("stable-diffusion-2", list(NOISE_SAMPLERS)),
        ("flux-1", MATCHING),
        ("z-image", MATCHING),
        ("qwen-image", MATCHING),
        ("stable-diffusion-3", MATCHING),
        ("sana", [*MATCHING, "DPM++ 2M", "UniPC"]),
        ("latent-consistency", []),
    ],
)
def test_each_model_runs_with_every_sampler_it_offers_and_repeats_itself(zoo, model, names):
    engine = zoo(model)
    assert names_for(engine._pipeline) == names
    for name in names:
        first, again = (pictures(run(engine, scheduler=name, steps=3))[0] for _ in range(2))
        assert first.facts["sampler"] == name
        assert first.data.tobytes() == again.data.tobytes(), name


def test_samplers_differ_and_the_next_request_has_the_models_own_again(zoo):
    engine = zoo("stable-diffusion-1")
    own = pixels(engine, steps=4)
    made = {name: pixels(engine, steps=4, scheduler=name) for name in ("DPM++ 2M", "DPM++ 2M Karras", "DPM++ SDE", "Euler", "Euler a")}
    assert len({own, *made.values()}) == 6
    assert pixels(engine, steps=4) == own
    assert pictures(run(engine))[0].facts["sampler"] == "PNDM"


def test_a_sampler_keeps_what_the_model_was_trained_with(zoo):
    pipeline = zoo("stable-diffusion-2")._pipeline
    settings = sampler("DPM++ 2M Karras", pipeline, "tiny").config
    assert (settings["prediction_type"], settings["beta_schedule"], settings["beta_end"]) == ("v_prediction", "scaled_linear", 0.012)
    assert settings["use_karras_sigmas"] and settings["algorithm_type"] == "dpmsolver++"
    assert sampler("Euler a", zoo("flux-1")._pipeline, "tiny").config["shift"] == 3.0


def test_one_that_does_not_fit_is_refused_with_those_that_do(zoo):
    with pytest.raises(BadRequest, match="'DDIM'.*choose one of: Euler, Euler Karras, Euler a, LCM"):
        run(zoo("flux-1"), scheduler="DDIM")
    with pytest.raises(BadRequest, match=r"'Euler'. Leave it to the model \(LCM\)"):
        run(zoo("latent-consistency"), scheduler="Euler")


def test_names_are_understood_as_they_are_written_elsewhere():
    assert [canonical(name) for name in ("dpmpp_2m_karras", "DPM++ 2M karras", "euler_ancestral", "unipc", "ddim")] == [
        "DPM++ 2M Karras", "DPM++ 2M Karras", "Euler a", "UniPC", "DDIM",
    ]  # fmt: skip
    assert all(canonical(name) == name for name in NAMES)
    assert Options(scheduler="lcm").scheduler == "LCM"
    with pytest.raises(ValidationError, match="'DPM\\+\\+ 2M Karras'"):
        Options(scheduler="eulerian")
