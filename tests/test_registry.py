import pytest

from studio.engines import Engine
from studio.errors import BadCatalogue, NotFound
from studio.registry import Registry, engine_class, engine_names


def registry(tmp_path, text: str) -> Registry:
    path = tmp_path / "models.yaml"
    path.write_text(text)
    return Registry(path)


def test_two_lines_are_enough(tmp_path):
    found = registry(tmp_path, "mine:\n  engine: fake\n  source: somebody/something\n")
    assert found.problems == []
    spec = found.spec("mine")
    assert (spec.source, spec.name, found.task("mine")) == ("somebody/something", "mine", "text-to-image")
    assert issubclass(found.engine("mine"), Engine)


def test_a_relative_folder_starts_at_the_catalogue(tmp_path):
    (tmp_path / "weights").mkdir()
    assert registry(tmp_path, "a: {engine: fake, source: weights}").spec("a").source == str(tmp_path / "weights")
    assert registry(tmp_path, "a: {engine: fake, source: ./elsewhere}").spec("a").source == str(tmp_path / "elsewhere")


def test_models_keep_their_order_and_are_found_by_task(tmp_path):
    found = registry(tmp_path, "b: {engine: fake, source: .}\na: {engine: fake, source: ., task: text-to-audio}\n")
    assert [spec.id for spec in found.specs()] == ["b", "a"]
    assert [spec.id for spec in found.specs("text-to-audio")] == ["a"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a:\n\tengine: fake", ["line 2", "spaces, not tabs"]),
        ("a: {engine: fake, source: .}\na: {engine: fake, source: .}", ["line 2", "'a' is there twice"]),
        ("a: {engine: fakee, source: .}", ["'a'", "'fakee'", "Did you mean 'fake'?"]),
        ("a: {engine: ../fake, source: .}", ["'a'", "../fake"]),
        ("a: {engine: fake}", ["'a'", "'source' is missing"]),
        ("a: {engine: fake, source: ., licence: mit}", ["'a'", "'licence'", "'license'"]),
        ("a: {engine: fake, source: ., options: {stepps: 3}}", ["'a'", "'stepps'", "'steps'"]),
        ("a: {engine: fake, source: ., options: {steps: 0}}", ["'a'", "steps is 0", "greater than or equal to 1"]),
        ("a: {engine: fake, source: ., dtype: float8}", ["'a'", "dtype", "float8"]),
        ("a: just words", ["'a'", "engine:"]),
        ("7: {engine: fake, source: .}", ["7"]),
        ("- a\n- b", ["has to be a list of names"]),
        ("a: !!python/object/apply:os.system ['true']", ["could not determine a constructor"]),
        ("? [x]\n: 1", ["plain text"]),
    ],
)
def test_what_is_wrong_is_named_with_the_entry(tmp_path, text, parts):
    found = registry(tmp_path, text + "\n")
    assert len(found.problems) == 1
    assert all(part in found.problems[0] for part in parts), found.problems[0]


def test_one_bad_entry_leaves_the_others_working(tmp_path):
    found = registry(tmp_path, "bad: {engine: nothing, source: .}\ngood: {engine: fake, source: .}\n")
    assert [spec.id for spec in found.specs()] == ["good"]
    assert len(found.problems) == 1


def test_a_missing_catalogue_is_a_problem_not_a_crash(tmp_path):
    found = Registry(tmp_path / "absent.yaml")
    assert found.specs() == []
    assert "absent.yaml" in found.problems[0] and "--models" in found.problems[0]


def test_an_unknown_model_offers_the_nearest(tmp_path):
    with pytest.raises(NotFound, match="Did you mean 'starter'?"):
        registry(tmp_path, "starter: {engine: fake, source: .}").spec("startr")


def test_every_engine_file_holds_an_engine_with_a_task():
    assert "fake" in engine_names() and "_stream" not in engine_names()
    for name in engine_names():
        assert engine_class(name).task
        engine_class(name).Options()


@pytest.mark.parametrize("name", ["_stream", "os.path", "", "no such"])
def test_what_is_no_engine_is_refused(name):
    with pytest.raises(BadCatalogue):
        engine_class(name)
