"""Short runs of the benchmarks that try what must never happen: everything asked for is accounted for, and a crash loses nothing."""

import random

import pytest
import yaml

from benchmarks import crash, soak
from benchmarks.serving import Served


@pytest.fixture
def served(tmp_path):
    started = Served(tmp_path / "data", soak.catalogue(tmp_path), "--memory", "70MB")
    yield started
    started.close()


def test_everything_asked_for_under_pressure_is_answered_or_refused_with_a_reason(served):
    seen, wrong = soak.soak(served, 60, 6, seed=1)
    assert not any(wrong.values()), (seen, wrong)
    assert seen.total() == 60 and seen["answered"] > 30


def test_a_worker_killed_while_it_is_idle_costs_no_job(served):
    with served.client() as client:
        assert soak.alive(client)
        soak.kill_worker(served)
        assert soak.alive(client), "a fresh worker takes the next job"


def test_a_killed_studio_loses_nothing(tmp_path):
    catalogue = tmp_path / "models.yaml"
    catalogue.write_text(yaml.safe_dump(crash.CATALOGUE))
    for seed in (1, 2):
        found = crash.crash(tmp_path / "data", catalogue, random.Random(seed))
        lost = {name: count for name, count in found.items() if name not in ("jobs", "told finished")}
        assert not any(lost.values()), found
