"""The faces starter: what it is shown, and that its recipe runs."""

import pytest
import torch
from safetensors.torch import load_file

from studio import starters
from studio.engines._stylegan2 import Shape
from studio.starters import faces, faces_attributes
from studio.starters.__main__ import main
from studio.starters.faces_attributes import LATENT, PARTS, PLACES, attributes, normalise
from studio.starters.faces_drawing import box, draw, ellipse, smooth_union


def latents(count: int, seed: int = 0) -> torch.Tensor:
    return normalise(torch.randn(count, LATENT, generator=torch.Generator().manual_seed(seed)))


def test_a_latent_always_gives_the_same_portrait():
    z = latents(4)
    assert torch.equal(draw(z), draw(z))
    assert torch.allclose(draw(z)[2:3], draw(z[2:3]), atol=1e-5)


def test_portraits_are_pictures_and_differ():
    pictures = draw(latents(8))
    assert pictures.shape == (8, 3, 64, 64)
    assert pictures.min() >= -1 and pictures.max() <= 1
    assert (pictures[0] - pictures[1]).abs().mean() > 0.05


def test_a_smaller_portrait_is_the_same_one():
    z = latents(4)
    reduced = torch.nn.functional.avg_pool2d(draw(z), 2)
    assert (draw(z, 32) - reduced).abs().mean() < 0.06


def test_every_number_of_a_latent_belongs_to_a_part_and_no_two_attributes_share_one():
    assert len(PARTS) == LATENT
    assert len(set(PLACES.values())) == len(PLACES)


def test_a_small_change_of_a_latent_changes_the_portrait_little():
    z = latents(8)
    near = normalise(z + 0.002 * torch.randn(8, LATENT, generator=torch.Generator().manual_seed(1)))
    assert (draw(z) - draw(near)).abs().mean() < 0.02


def test_attributes_keep_to_their_bounds():
    values = attributes(latents(256))
    for name, (_, low, high) in faces_attributes.EVEN.items():
        if values[name].ndim == 1:
            assert values[name].min() >= low and values[name].max() <= high, name
    assert all(values[name].shape == (256, 3) for name in ("skin", "hair", "eyes", "background", "clothes", "frame"))
    assert 0.05 < values["beard"].mean() < 0.3


def test_distances_are_negative_inside():
    x = torch.tensor([0.0, 0.9, 1.1])
    zero = torch.zeros(3)
    assert (ellipse(x, zero, 1.0, 0.5) < 0).tolist() == [True, True, False]
    assert (box(x, zero, 1.0, 0.5, 0.1) < 0).tolist() == [True, True, False]
    assert smooth_union(torch.tensor(0.5), torch.tensor(-0.5), 0.1) == pytest.approx(-0.5)


def test_a_mixed_lesson_takes_the_parts_from_the_latents_the_layers_come_from():
    first, second = latents(2).chunk(2)
    lesson = faces.Lesson(first, second, torch.tensor([4]), torch.ones(1))
    parts = torch.tensor(PARTS)
    assert torch.equal(lesson.picture(64), draw(torch.where(parts < 4, first, second)))
    styles = lesson.styles(torch.cat([first, second]), torch.zeros(LATENT))
    assert torch.equal(styles[0, 3], first[0]) and torch.equal(styles[0, 4], second[0])


def test_a_run_writes_weights_in_the_published_layout_and_goes_on_from_them(tmp_path):
    given = ["faces", "--minutes", "0.005", "--threads", "1", "--out", str(tmp_path / "out"), "--weights", str(tmp_path / "weights")]
    main(given)
    state = load_file(tmp_path / "weights" / "generator.safetensors")
    assert state.pop("latent_avg").shape == (LATENT,)
    assert Shape.of(state) == faces.SHAPE
    assert all(tensor.dtype == torch.float16 for tensor in state.values())
    main([*given, "--resume"])
    assert (tmp_path / "out" / "sheet.png").is_file() and (tmp_path / "out" / "loss.csv").is_file()


def test_the_shipped_weights_paint_what_was_drawn():
    state = load_file(starters.weights("faces") / "generator.safetensors")
    centre = state.pop("latent_avg").float()
    generator = faces.Generator.from_state(state)
    z = latents(16, seed=5)
    painted = generator(generator.map(z)[:, None].repeat(1, generator.shape.layers, 1))
    assert centre.shape == (LATENT,)
    assert (painted - draw(z)).abs().mean() < 0.5 * (painted - draw(z).roll(1, 0)).abs().mean()
