"""The budget, with a hub and engines that only count."""

from types import SimpleNamespace

import pytest

from studio import memory as module
from studio.errors import BadRequest, ModelUnavailable, OutOfMemory
from studio.memory import Memory, size
from studio.types import Device, Loading, ModelSpec, Transfer
from studio.weights import Part


class Hub:
    """Every model is on disk, but `far` has to be fetched; its bytes are its source."""

    def path(self, spec):
        return None if spec.id == "far" else "/somewhere"

    def fetch(self, spec, report, stopped):
        report(0, 10, 0.0)
        report(10, 10, 5.0)
        return "/somewhere"

    def plan(self, spec, report, stopped):
        return SimpleNamespace(parts=self.parts("/somewhere"))

    def parts(self, path):
        return (Part(".", floats=0, matrices=0, other=self.bytes), *self.numbers)


class Engine:
    alive: list = []
    modes, dtype = ("whole",), None
    fails: Exception | None = None
    fails_as: tuple = ()

    def __init__(self, spec, device, source, placement):
        self.spec, self.placement = spec, placement

    def load(self, report):
        if self.placement.dtype in self.fails_as:
            raise MemoryError
        if self.fails:
            raise self.fails
        report(1.0)
        self.alive.append(self.spec.id)

    def unload(self):
        if self.spec.id in self.alive:
            self.alive.remove(self.spec.id)


@pytest.fixture
def world(monkeypatch):
    """A budget of 100 bytes, models of 40, a clock that counts the questions."""
    engine = type("Engine", (Engine,), {"alive": []})
    monkeypatch.setattr(module, "engine_class", lambda name: engine)
    monkeypatch.setattr(module, "held_bytes", lambda engine, device: 0)
    hub, ticks = Hub(), iter(range(10**6))
    hub.bytes, hub.numbers = 40, ()
    held = Memory(Device("cpu", "CPU", 1000), 100, hub, clock=lambda: float(next(ticks)), free=lambda: 10**9)
    return held, engine, hub


def spec(name: str) -> ModelSpec:
    return ModelSpec(id=name, engine="fake", source="s")


def use(held, name, events=None):
    with held.lease(spec(name), (events if events is not None else []).append) as engine:
        return engine


def test_a_model_is_loaded_once_and_kept(world):
    held, engine, _ = world
    assert use(held, "a") is use(held, "a")
    assert engine.alive == ["a"]


def test_the_least_recently_used_makes_room(world):
    held, engine, _ = world
    use(held, "a")
    use(held, "b")
    use(held, "a")
    use(held, "c")
    assert engine.alive == ["a", "c"]
    assert held.table().used == 80 <= held.budget


def test_what_is_in_use_is_never_evicted(world):
    held, engine, _ = world
    with held.lease(spec("a"), print), held.lease(spec("b"), print):
        with pytest.raises(OutOfMemory, match="c needs 1 MB as float32; 1 MB of the budget of 1 MB are free. .* --memory"):
            use(held, "c")
        with pytest.raises(BadRequest, match="in use"):
            held.unload("a")
        assert engine.alive == ["a", "b"]
    use(held, "c")
    assert "c" in engine.alive


def test_what_can_never_fit_is_refused_before_it_is_loaded(world):
    held, engine, hub = world
    hub.bytes = 101
    with pytest.raises(OutOfMemory):
        use(held, "huge")
    assert engine.alive == []


def test_memory_other_programs_took_counts(world):
    held, engine, _ = world
    use(held, "a")
    held._free = lambda: 10
    with pytest.raises(OutOfMemory):
        use(held, "b")
    assert engine.alive == []


MATRIX = Part(".", floats=30, matrices=30)  # 120 bytes as float32, 60 as bfloat16


def test_a_model_too_large_as_it_is_goes_in_at_half_the_width(world):
    held, engine, hub = world
    engine.modes, hub.bytes, hub.numbers = ("whole", "8bit"), 0, (MATRIX,)
    assert use(held, "a").placement.dtype == "bfloat16"
    row = held.table().models[0]
    assert (row.dtype, row.mode, row.bytes) == ("bfloat16", "whole", 60)


def test_a_whole_model_goes_before_what_is_idle(world):
    held, engine, hub = world
    use(held, "a")
    engine.modes, hub.bytes, hub.numbers = ("whole", "8bit"), 0, (Part(".", floats=20, matrices=20),)
    assert use(held, "b").placement.dtype == "float32"
    assert engine.alive == ["b"]


def test_memory_that_runs_out_over_a_load_brings_the_next_way(world):
    held, engine, hub = world
    engine.modes, engine.fails_as, hub.bytes, hub.numbers = ("whole", "8bit"), ("float32",), 0, (Part(".", 20, 20),)
    assert use(held, "a").placement.dtype == "bfloat16"


def test_after_memory_ran_out_all_idle_go_and_the_model_comes_smaller(world):
    held, engine, hub = world
    use(held, "a")
    engine.modes, hub.bytes, hub.numbers = ("whole", "8bit"), 0, (Part(".", 10, 10),)
    use(held, "b")
    assert held.shrink("b") and engine.alive == []
    assert use(held, "b").placement.dtype == "bfloat16"
    assert not held.shrink("b")
    assert use(held, "b").placement.dtype == "float32"  # the next time it is tried as before


def test_what_cannot_fit_is_not_even_downloaded(world):
    held, _, hub = world
    hub.bytes = 101
    events: list = []
    with pytest.raises(OutOfMemory, match="far needs"):
        use(held, "far", events)
    assert events == []


def test_unload_frees_at_once_and_twice_is_no_error(world):
    held, engine, _ = world
    use(held, "a")
    held.unload("a")
    held.unload("a")
    assert engine.alive == [] and held.table().used == 0


def test_a_load_that_fails_leaves_nothing_behind(world):
    held, engine, _ = world
    engine.fails = ModelUnavailable("cut")
    with pytest.raises(ModelUnavailable):
        use(held, "a")
    engine.fails = MemoryError()
    with pytest.raises(OutOfMemory, match="while loading a"):
        use(held, "a")
    engine.fails = None
    use(held, "a")
    assert held.table().used == 40


def test_a_lease_ends_with_an_error_in_it(world):
    held, _, _ = world
    with pytest.raises(ZeroDivisionError), held.lease(spec("a"), print):
        raise ZeroDivisionError
    held.unload("a")
    assert held.table().models == ()


def test_a_changed_entry_is_loaded_anew(world):
    held, engine, _ = world
    first = use(held, "a")
    with held.lease(spec("a").model_copy(update={"dtype": "float16"}), print) as second:
        assert second is not first
    assert engine.alive == ["a"]


def test_the_followers_see_download_and_load(world):
    held, _, _ = world
    events: list = []
    use(held, "far", events)
    assert [(event.done, event.total) for event in events if isinstance(event, Transfer)] == [(0, 10), (10, 10)]
    assert [event.fraction for event in events if isinstance(event, Loading)] == [0.0, 1.0]


def test_the_table_says_who_is_used_and_since_when(world):
    held, _, _ = world
    use(held, "a")
    with held.lease(spec("b"), print):
        rows = {row.model: row for row in held.table().models}
    assert rows["b"].leased and not rows["a"].leased and rows["a"].idle > rows["b"].idle


def test_bytes_as_a_person_reads_them():
    assert [size(count) for count in (0, 1, 50_000_000, 1_640_000_000)] == ["0 MB", "1 MB", "50 MB", "1.64 GB"]


def test_tensors_are_counted_once_and_no_others():
    import torch

    class Holder:
        pass

    others = torch.zeros(1000)
    kept = torch.zeros(1_000_000)
    holder, inner = Holder(), torch.nn.Linear(9, 1)
    holder.views = {"a": [kept[:10], kept.view(1000, 1000)], "b": (inner,)}
    holder.itself = holder
    assert module.held_bytes(holder, Device("cpu", "CPU", 1)) == 4_000_000 + 10 * 4
    assert module.held_bytes(holder, Device("cuda", "GPU", 1)) == 0 and len(others) == 1000
