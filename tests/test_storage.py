"""What models take on the disk, what using one would bring, and what can go: with a cache laid out as the Hub's library does."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from studio.cache import cached, folder_name
from studio.errors import BadRequest, ModelUnavailable, NotFound
from studio.hub import Hub
from studio.registry import Registry
from studio.storage import Storage
from studio.types import Device
from tests.loopback_hub import COMMIT

CATALOGUE = """
words: {engine: text_transformers, source: me/words, license: mit}
inked: {engine: text_transformers, source: me/words, vae: me/vae}
away: {engine: text_transformers, source: me/away}
"""


def laid(folder: Path, repository: str, count: int = 1000) -> Path:
    """Lay a repository of one model of `count` float16 numbers into a cache."""
    place = folder / folder_name(repository)
    snapshot = place / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    (place / "blobs").mkdir()
    save_file({"weight": np.zeros(count, np.float16)}, place / "blobs" / "weights")
    (snapshot / "model.safetensors").symlink_to(place / "blobs" / "weights")
    (snapshot / "config.json").write_text("{}")
    return place


@pytest.fixture
def storage(tmp_path):
    (tmp_path / "models.yaml").write_text(CATALOGUE)
    return Storage(Hub(tmp_path / "cache", offline=True), Registry(tmp_path / "models.yaml"), Device("cpu", "CPU", 10**10))


def test_the_cache_is_listed_with_what_is_unfinished_the_largest_first(storage, tmp_path):
    assert storage.cached() == []
    small, large = laid(tmp_path / "cache", "me/words", 10), laid(tmp_path / "cache", "other/large", 50_000)
    (large / "blobs" / "abc.incomplete").write_bytes(b"x" * 300)
    (tmp_path / "cache" / folder_name("me/begun") / "blobs").mkdir(parents=True)
    (tmp_path / "cache" / folder_name("me/begun") / "blobs" / "def.incomplete").write_bytes(b"x" * 70_000)
    found = {one.repository: one for one in storage.cached()}
    assert list(found) == ["other/large", "me/begun", "me/words"]
    assert found["other/large"].unfinished_bytes == 300 and found["other/large"].revisions == (COMMIT,)
    assert found["me/begun"].bytes == found["me/begun"].unfinished_bytes == 70_000 and found["me/begun"].revisions == ()
    weights = (small / "blobs" / "weights").stat()
    assert found["me/words"].bytes == weights.st_size + len("{}") + len(COMMIT)  # a link counts once
    assert found["me/words"].last_used >= weights.st_mtime


def test_a_repository_goes_with_all_it_left_but_not_under_a_model_at_work(storage, tmp_path):
    place = laid(tmp_path / "cache", "me/words")
    vae = laid(tmp_path / "cache", "me/vae")
    assert [spec.id for spec in storage.users("me/words")] == ["words", "inked"]
    with pytest.raises(BadRequest, match="inked uses me/vae and is in memory or on its way"):
        storage.remove("me/vae", ["inked"])
    assert vae.exists()
    size = sum(one.bytes for one in cached(tmp_path / "cache") if one.repository == "me/words")
    assert storage.remove("me/words", ["away"]) == size and not place.exists() and vae.exists()
    with pytest.raises(NotFound, match="no repository 'me/words'"):
        storage.remove("me/words", [])


@pytest.mark.parametrize("name", ["", "..", "../..", "/", "me/../../x", "."])
def test_no_name_leads_out_of_the_cache(storage, tmp_path, name):
    laid(tmp_path / "cache", "me/words")
    outside = tmp_path / "cache.txt"
    outside.write_text("kept")
    with pytest.raises(NotFound):
        storage.remove(name, [])
    assert outside.exists() and (tmp_path / "cache" / folder_name("me/words")).exists()


def test_the_plan_of_a_model_that_is_here_counts_its_memory_against_the_budget(storage, tmp_path):
    laid(tmp_path / "cache", "me/words", 1_000_000)
    spec = next(spec for spec in storage._registry.specs() if spec.id == "words")
    plan = storage.plan(spec, budget=10_000_000)
    assert plan.download == 0 and plan.total > 2_000_000 and plan.licence == "mit" and plan.disk_free > 0
    assert (plan.memory, plan.dtype, plan.mode, plan.fits) == (4_000_000, "float32", "whole", True)
    assert storage.plan(spec, budget=3_000_000).dtype == "bfloat16"
    tight = storage.plan(spec, budget=500_000)
    assert not tight.fits and tight.budget == 500_000 < tight.memory


def test_the_plan_of_a_model_that_is_not_here_needs_the_hub(storage):
    spec = next(spec for spec in storage._registry.specs() if spec.id == "away")
    with pytest.raises(ModelUnavailable, match="away is not on this machine, and the studio is offline"):
        storage.plan(spec, 10**9)


def test_what_was_removed_is_no_longer_believed(storage, tmp_path):
    hub = Hub(tmp_path / "cache", offline=True)
    spec = next(spec for spec in storage._registry.specs() if spec.id == "words")
    place = laid(tmp_path / "cache", "me/words")
    (place / "trees").mkdir()
    files = {"config.json": {"size": 2, "blob_id": "a"}, "model.safetensors": {"size": 9, "blob_id": "b"}}
    (place / "trees" / f"{COMMIT}.json").write_text(json.dumps({"format_version": 1, "files": files}))
    assert hub.path(spec) is not None
    storage.remove("me/words", [])
    assert hub.path(spec) is None and hub.disk_bytes(spec) == 0
