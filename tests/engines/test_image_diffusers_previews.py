"""Previews: what they cost, when the first one comes, and that they show the picture."""

import numpy as np
import pytest

from studio.engines import _previews
from studio.engines._previews import SHARE, SIDE, Previews
from studio.types import Progress
from tests.engines.tiny_pictures import loaded, pictures, run
from tests.zoo import built


class Machine:
    """A clock that a decoding moves on by its cost at that size."""

    def __init__(self, cost: float):
        self.cost, self.now, self.spent = cost, 0.0, 0.0
        self.previews = Previews(clock=lambda: self.now, decode=self._decode)

    def _decode(self, pipeline, latents, size, side: int) -> str:
        seconds = self.cost * (side / SIDE) ** 2
        self.now, self.spent = self.now + seconds, self.spent + seconds
        return f"picture of {side}"

    def run(self, seconds: float, step: float) -> list[float]:
        """Make steps for so long; return when the previews came."""
        began, self.spent, came = self.now, 0.0, []
        self.previews.start()
        while self.now - began < seconds:
            self.now += step
            if self.previews.next(None, "latents", (512, 512)):
                came.append(self.now - began)
        return came


def test_a_run_of_two_seconds_has_no_preview():
    machine = Machine(cost=0.02)
    assert machine.run(1.9, step=0.05) == [] and machine.spent == 0


@pytest.mark.parametrize(("cost", "step"), [(0.01, 0.05), (0.3, 0.5), (0.5, 4.0)])
def test_previews_take_at_most_their_share_of_the_time(cost, step):
    machine = Machine(cost)
    for _ in range(2):
        began = machine.now
        came = machine.run(60, step)
        assert came and came[0] >= cost / SHARE
        assert machine.spent <= SHARE * (machine.now - began)


def test_what_one_costs_is_known_from_the_run_before():
    machine = Machine(cost=0.3)
    machine.run(20, step=0.5)
    assert machine.run(14, step=0.5) == [] and machine.spent == 0


def test_a_costly_one_never_comes_in_a_short_run():
    machine = Machine(cost=1.0)
    assert machine.run(30, step=0.2) == []
    assert machine.spent <= SHARE * 30 + 1.0 / 16


@pytest.mark.parametrize("name", ["stable-diffusion-xl", "stable-diffusion-3", "flux-1", "flux-2-klein", "z-image", "qwen-image", "sana"])
def test_a_preview_is_the_picture_on_its_way(name, tmp_path, monkeypatch):
    engine = loaded(built(name, tmp_path))
    monkeypatch.setattr(_previews, "QUIET", 0.0)
    monkeypatch.setattr(_previews, "SHARE", 10**9)
    engine._previews = Previews()
    events = run(engine, width=128, height=96, steps=4)
    previews = [event.preview for event in events if isinstance(event, Progress)]
    assert previews[-1] is None and all(picture.mode == "RGB" for picture in previews[:-1])
    assert pictures(events)[0].data.size == (128, 96)
    assert all(abs(picture.width / picture.height - 4 / 3) < 0.1 for picture in previews[:-1])
    assert len(set(previews[0].getdata())) > 10


@pytest.mark.parametrize("name", ["stable-diffusion-xl", "stable-diffusion-3", "flux-1", "flux-2-klein", "z-image", "qwen-image"])
def test_whole_latents_decode_to_the_picture_itself(name, tmp_path, monkeypatch):
    """So the scale, shift and order of the latents are the pipeline's own."""
    engine, last = loaded(built(name, tmp_path)), []
    monkeypatch.setattr(_previews.Previews, "next", lambda self, pipeline, latents, size: None)
    monkeypatch.setattr(engine, "_check_latents", last.append)
    picture = pictures(run(engine, width=48, height=32))[0].data
    shown = _previews.decoded(engine._pipeline, last[-1], (48, 32), side=1000)
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(picture)).max() <= 1
