"""The Faces tab: sheets of seeds, one face large, and walks from one to another."""

import gradio as gr
import pytest
import torch
import yaml
from safetensors.torch import save_file

from studio.engines import _stylegan2 as network
from studio.tabs import faces
from studio.tabs._follow import Seen
from studio.types import MAX_SEED
from tests.conftest import FAKES
from tests.tabs.conftest import clicked, everything, merged


@pytest.fixture
def catalogue(tmp_path):
    """A small generator with random weights, and a model that cannot walk."""
    torch.manual_seed(1)
    shape = network.Shape(style=8, mapping=1, widths=(6, 6, 4, 4))
    save_file(network.Generator(shape).state_dict() | {"latent_avg": torch.zeros(8)}, tmp_path / "generator.safetensors")
    small = {"engine": "face_stylegan2", "source": "./generator.safetensors", "title": "Small faces"}
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump({"small": small, "still": FAKES["fake-faces"]}, sort_keys=False))
    return path


@pytest.fixture
def bench(page_of):
    return page_of(lambda page: faces.Faces(page, faces.TRADE).build())


def values(bench, seed=None, **options):
    """What the controls hold."""
    held = []
    for family in bench.controls.families.values():
        defaults = {**bench.controls.defaults(family.specs[0]), **options}
        held += [defaults[name] for name in family.controls]
    return ["", "small", seed, *held]


def followed(bench, visitor, update) -> dict:
    return merged([update, *everything(bench.follow(visitor, update[bench.mine]))])


def made(bench, visitor, **how) -> dict:
    return followed(bench, visitor, bench.submit(visitor, [], *values(bench, **how)))


def walked(bench, visitor, begin, end, frames=6, **how) -> dict:
    return followed(bench, visitor, bench.submit_walk(visitor, [], begin, end, frames, *values(bench, **how)))


def test_a_sheet_has_every_seed_and_one_face_large(bench, visitor):
    shown = made(bench, visitor, seed=40, count=4)[bench.stage]
    records = bench.studio.gallery.list()[::-1]
    assert [record.seed for record in records] == [40, 41, 42, 43]
    assert all(f"<span>{seed}</span>" in shown for seed in (40, 41, 42, 43))
    assert shown.count('aria-pressed="true"') == 1 and f'src="v1/gallery/{records[0].id}/file" alt="Face of seed 40"' in shown


def test_one_face_has_no_sheet(bench, visitor):
    shown = made(bench, visitor, seed=5)[bench.stage]
    assert "sheet" not in shown and "Face of seed 5" in shown


def test_a_face_of_the_sheet_opens_large_among_the_others(bench, visitor):
    made(bench, visitor, seed=40, count=3)
    chosen = bench.studio.gallery.list()[1]
    shown = bench.on_stage(clicked(act="open", id=chosen.id), visitor, [])
    assert "Face of seed 41" in shown[bench.stage] and "<span>42</span>" in shown[bench.stage]
    assert "Seed</dt><dd>41" in shown[bench.about]


def test_the_sheet_fills_while_it_is_made(bench, visitor):
    """There is a square for each face, however many steps each takes."""
    made(bench, visitor, seed=40, count=2)
    job = bench.studio.jobs()[0]
    job = job.model_copy(update={"options": {**job.options, "count": 5}})
    seen = Seen(job, state="running", step=110, total=250, records=bench.studio.gallery.list()[::-1])
    shown = bench.on_its_way(seen)
    assert shown.count("<i></i>") == 3 and ">40</span>" in shown and ">41</span>" in shown and "width:44.0%" in shown


def test_only_faces_of_a_model_that_can_walk_are_ends_of_a_walk(bench, visitor):
    made(bench, visitor, seed=40)
    record = bench.studio.gallery.list()[0]
    assert "Walk from here" in bench.of(record) and "Walk from here" not in bench.of(record.model_copy(update={"model": "still"}))


def test_a_walk_is_a_video_with_its_frames(bench, visitor):
    shown = walked(bench, visitor, 7, 9)
    (record,) = bench.studio.gallery.list()
    assert record.medium == "video" and record.seed == 7 and record.options["walk_to"] == 9 and record.options["frames"] == 6
    assert "<video" in shown[bench.stage] and "kind=strip" in shown[bench.stage] and "Walk from seed 7 to seed 9" in shown[bench.stage]
    assert "Walk from here" not in shown[bench.about]


def test_a_walk_wants_both_ends(bench, visitor):
    shown = bench.submit_walk(visitor, [], 7, None, 6, *values(bench))
    assert "two ends" in shown[bench.stage] and bench.studio.jobs() == []


def test_seed_0_is_an_end_like_any_other(bench, visitor):
    walked(bench, visitor, 0, 0)
    (record,) = bench.studio.gallery.list()
    assert record.seed == 0 and record.options["walk_to"] == 0


def test_faces_become_the_ends_of_a_walk(bench, visitor):
    made(bench, visitor, seed=40, count=2)
    second, first = bench.studio.gallery.list()
    assert bench.on_about(clicked(act="from", id=first.id), visitor, [])[bench.begin] == 40
    shown = bench.on_about(clicked(act="to", id=second.id), visitor, [])
    assert shown[bench.end] == 41 and shown[bench.walk].open


def test_a_walk_s_settings_are_filled_in_again(bench, visitor):
    walked(bench, visitor, 7, 9)
    (record,) = bench.studio.gallery.list()
    used = bench.on_about(clicked(act="use", id=record.id), visitor, [])
    assert (used[bench.begin], used[bench.end], used[bench.frames]) == (7, 9, 6)


def test_a_model_without_walks_offers_none(bench):
    assert bench.fill("small")[bench.walk].visible and not bench.fill("still")[bench.walk].visible


def test_faces_from_the_last_seed_on_go_round(bench, visitor):
    made(bench, visitor, seed=MAX_SEED, count=2)
    assert [record.seed for record in bench.studio.gallery.list()] == [0, MAX_SEED]


def test_the_tab_is_called_by_its_name(bench):
    assert isinstance(bench.go, gr.Button) and bench.trade.tab == "faces"
