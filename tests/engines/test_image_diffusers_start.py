"""Pictures made from a picture, whole or where a mask is white, by the weights that make them from words."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio import starters
from studio.engines._start import MOST_PIXELS, multiple_of, pipeline_for, started
from studio.errors import BadRequest
from studio.types import Progress
from tests.engines.tiny_pictures import loaded, pictures, pixels, run
from tests.zoo import built

BOTH = ["stable-diffusion-1", "stable-diffusion-xl", "stable-diffusion-3", "flux-1", "z-image", "qwen-image"]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    root, engines = tmp_path_factory.mktemp("zoo"), {}

    def engine(name):
        if name not in engines:
            engines[name] = loaded(built(name, root))
        return engines[name]

    return engine


def drawn(path: Path, size=(32, 32)) -> Path:
    """A picture whose every pixel is another colour, so that a moved one is seen."""
    x, y = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def picture(tmp_path) -> Path:
    return drawn(tmp_path / "start.png")


@pytest.fixture
def mask(tmp_path) -> Path:
    """White on the right half."""
    mask = Image.new("L", (32, 32), 0)
    mask.paste(255, (16, 0, 32, 32))
    mask.save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


def array(artifact) -> np.ndarray:
    return np.asarray(artifact.data).astype(int)


@pytest.mark.parametrize("name", [*BOTH, "latent-consistency"])
def test_a_picture_to_start_from_changes_the_result_and_so_does_how_much_of_it_is_left(zoo, name, picture):
    made = [pixels(zoo(name), steps=10, strength=change, inputs={"image": picture}) for change in (0.2, 0.9)]
    assert len({*made, pixels(zoo(name), steps=10)}) == 3


def test_the_more_change_is_asked_for_the_less_of_the_picture_is_left(tmp_path):
    """With the shipped starter, whose autoencoder is trained."""
    engine = loaded(starters.weights("scenes"))
    same, other = "a big red circle on a blue background", "a small yellow star on a white background"
    original = pictures(run(engine, prompt=same, seed=1, steps=12, width=64, height=64))[0]
    original.data.save(tmp_path / "original.png")

    def far(prompt: str, change: float) -> float:
        start = {"image": tmp_path / "original.png"}
        made = pictures(run(engine, prompt=prompt, seed=2, steps=12, width=64, height=64, strength=change, inputs=start))[0]
        return float(np.abs(array(made) - array(original)).mean())

    assert far(same, 0.1) < 10
    assert far(same, 0.1) < far(other, 0.1) < far(other, 0.3) < far(other, 1.0)
    assert far(other, 1.0) > 100


def test_only_the_steps_that_are_made_are_counted(zoo, picture):
    events = run(zoo("stable-diffusion-2"), steps=10, strength=0.2, inputs={"image": picture})
    assert [(event.step, event.total) for event in events if isinstance(event, Progress)] == [(1, 2), (2, 2)]


def test_another_picture_gives_another_result_and_the_same_gives_the_same(zoo, picture, tmp_path):
    engine, other = zoo("stable-diffusion-1"), tmp_path / "other.png"
    Image.open(picture).transpose(Image.Transpose.ROTATE_90).save(other)
    made = [pixels(engine, inputs={"image": path}, strength=0.5, steps=4) for path in (picture, other, picture)]
    assert made[0] == made[2] != made[1]


@pytest.mark.parametrize("name", [*BOTH, "flux-2-klein"])
def test_where_the_mask_is_black_every_pixel_is_kept(zoo, name, picture, mask):
    original = np.asarray(Image.open(picture)).astype(int)
    made = array(pictures(run(zoo(name), inputs={"image": picture, "mask": mask}, steps=4))[0])
    assert (made[:, :16] == original[:, :16]).all()
    assert (made[:, 16:] != original[:, 16:]).any(axis=2).mean() > 0.9


@pytest.mark.parametrize("name", BOTH)
def test_the_weights_are_the_same_ones(zoo, name, picture, mask):
    base = zoo(name)._pipeline
    for inputs in ({"image": picture}, {"image": picture, "mask": mask}):
        sibling = pipeline_for(base, started(inputs, 32, 32, 4), "tiny")
        assert type(sibling) is not type(base)
        for part, network in base.components.items():
            if hasattr(network, "parameters"):
                own = [weight.data_ptr() for weight in network.parameters()]
                assert own == [weight.data_ptr() for weight in getattr(sibling, part).parameters()], part


def test_a_sampler_and_the_others_options_count_here_too(zoo, picture):
    engine, others = zoo("stable-diffusion-1"), ({}, {"scheduler": "Euler a"}, {"seed": 9})
    made = [pixels(engine, inputs={"image": picture}, strength=0.8, steps=4, **more) for more in others]
    assert len(set(made)) == 3
    assert pictures(run(engine, inputs={"image": picture}, scheduler="Euler a"))[0].facts["sampler"] == "Euler a"


def test_a_model_that_looks_at_a_picture_takes_it_without_a_change(zoo, picture):
    """FLUX.2 reads the picture beside the words; there is no noise on it to tell the strength of."""
    engine = zoo("flux-2-klein")
    size = {"width": 64, "height": 64}
    assert pixels(engine, inputs={"image": picture}, **size) != pixels(engine, **size)
    with pytest.raises(BadRequest, match="takes no 'strength'"):
        run(engine, inputs={"image": picture}, strength=0.5)


@pytest.mark.parametrize(
    ("name", "masked", "said"),
    [
        ("pixart-sigma", False, "PixArtSigmaPipeline, which cannot start from a picture"),
        ("sana", True, "SanaPipeline, which cannot repaint a part of a picture"),
        ("latent-consistency", True, "LatentConsistencyModelPipeline, which cannot repaint a part of a picture"),
    ],
)
def test_a_family_that_cannot_says_so(zoo, name, masked, said, picture, mask):
    with pytest.raises(BadRequest, match=said):
        run(zoo(name), inputs={"image": picture, **({"mask": mask} if masked else {})})


def test_a_pipeline_made_for_repainting_wants_a_picture_and_a_mask(zoo, picture, mask, tmp_path):
    from diffusers import StableDiffusionInpaintPipeline

    base = zoo("stable-diffusion-1")._pipeline
    StableDiffusionInpaintPipeline(**base.components, requires_safety_checker=False).save_pretrained(tmp_path / "inpainting")
    engine = loaded(tmp_path / "inpainting")
    assert pictures(run(engine, inputs={"image": picture, "mask": mask}))
    with pytest.raises(BadRequest, match="works on a picture"):
        run(engine)
    with pytest.raises(BadRequest, match="needs a mask"):
        run(engine, inputs={"image": picture})


def test_no_step_left_is_said_before_it_fails(zoo, picture):
    with pytest.raises(BadRequest, match="With a change of 0.1 none of 4 steps is left"):
        run(zoo("stable-diffusion-1"), inputs={"image": picture}, strength=0.1, steps=4)


@pytest.mark.parametrize(
    ("own", "asked", "made"),
    [
        ((100, 70), (None, None), (96, 64)),
        ((100, 50), (64, None), (64, 32)),
        ((100, 50), (None, 64), (128, 64)),
        ((100, 50), (64, 64), (64, 64)),
        ((5, 5), (None, None), (16, 16)),
    ],
)
def test_the_size_is_the_one_asked_for_or_its_own(tmp_path, own, asked, made):
    start = started({"image": str(drawn(tmp_path / "start.png", own))}, *asked, 16)
    assert start.image.size == made and start.mask is None


def test_a_photo_of_its_own_size_is_brought_to_what_a_model_can_do(tmp_path):
    width, height = started({"image": str(drawn(tmp_path / "photo.png", (3000, 2000)))}, None, None, 8).image.size
    assert MOST_PIXELS * 0.97 < width * height <= MOST_PIXELS and abs(width / height - 1.5) < 0.02


def test_it_is_cropped_in_the_middle_not_squeezed(tmp_path):
    image = Image.new("RGB", (96, 32), (0, 0, 255))
    image.paste((255, 0, 0), (32, 0, 64, 32))
    image.save(tmp_path / "wide.png")
    fitted = started({"image": str(tmp_path / "wide.png")}, 32, 32, 8).image
    assert fitted.getpixel((2, 16)) == fitted.getpixel((29, 16)) == (255, 0, 0)


def test_photos_lie_upright_and_clear_places_are_white(tmp_path):
    turned = Image.new("RGB", (64, 32), (10, 20, 30))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert started({"image": str(tmp_path / "turned.jpg")}, None, None, 8).image.size == (32, 64)
    Image.new("RGBA", (32, 32), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert started({"image": str(tmp_path / "clear.png")}, None, None, 8).image.getpixel((5, 5)) == (255, 255, 255)


def test_a_mask_of_another_size_is_brought_to_that_of_the_picture(picture, tmp_path):
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    mask.paste((255, 255, 255, 255), (32, 0, 64, 64))
    mask.save(tmp_path / "layer.png")
    start = started({"image": str(picture), "mask": str(tmp_path / "layer.png")}, 32, 32, 8)
    assert start.mask.size == (32, 32) and set(start.mask.getdata()) == {0, 255}
    assert start.mask.getpixel((5, 16)) == 0 and start.mask.getpixel((28, 16)) == 255


def test_files_that_will_not_do_are_named(picture, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    Image.new("L", (32, 32)).save(tmp_path / "black.png")
    with pytest.raises(BadRequest, match="The image cannot be read"):
        started({"image": str(tmp_path / "text.png")}, 32, 32, 8)
    with pytest.raises(BadRequest, match="black everywhere"):
        started({"image": str(picture), "mask": str(tmp_path / "black.png")}, 32, 32, 8)
    with pytest.raises(BadRequest, match="give the picture too"):
        started({"mask": str(picture)}, 32, 32, 8)
    assert started({}, 32, 32, 8) is None


def test_the_sides_a_pipeline_can_make(zoo):
    assert [multiple_of(zoo(name)._pipeline) for name in ("stable-diffusion-1", "flux-1", "sana")] == [2, 4, 32]
