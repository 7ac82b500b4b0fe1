import pytest

from studio.database import Database, new_id, now
from studio.errors import BadRequest, NotFound
from studio.gallery import Gallery
from studio.types import Record


@pytest.fixture
def gallery(tmp_path):
    return Gallery(Database(tmp_path / "studio.db"), tmp_path)


def record(gallery, prompt="a red circle", **changes) -> Record:
    name = new_id()
    (gallery.folder / f"{name}.png").write_bytes(b"x")
    values = {
        "id": name, "job": "j", "task": "text-to-image", "model": "starter-scenes", "prompt": prompt, "seed": 7, "options": {"steps": 3},
        "created": now(), "seconds": 1.5, "medium": "image", "mime": "image/png", "bytes": 1, "sha256": "0", "path": f"{name}.png",
        "files": {"png": f"{name}.png"},
    }  # fmt: skip
    return gallery.add(Record(**{**values, **changes}))


def prompts(records) -> list[str]:
    return [found.prompt for found in records]


def test_what_goes_in_comes_out(gallery):
    made = record(gallery, facts={"sampler": "DDIM"}, parents=["p"], tags=["kept"])
    assert gallery.get(made.id) == made


def test_newest_first_page_by_page(gallery):
    made = [record(gallery, f"picture {number}") for number in range(5)]
    first = gallery.list(limit=2)
    assert [found.id for found in first] == [made[4].id, made[3].id]
    assert [found.id for found in gallery.list(limit=9, before=first[-1].id)] == [made[2].id, made[1].id, made[0].id]


def test_deleting_leaves_nothing_that_was_made_of_a_record(gallery):
    gone, kept = record(gallery), record(gallery)
    for folder, name in (("thumbnails", "-waveform-light.svg"), ("converted", ".mp3")):
        (gallery.folder / folder).mkdir()
        for one in (gone, kept):
            (gallery.folder / folder / f"{one.id}{name}").write_bytes(b"x")
    gallery.delete(gone.id)
    left = [path.name for path in gallery.folder.rglob("*") if path.is_file() and not path.name.startswith("studio.db")]
    assert all(name.startswith(kept.id) for name in left) and len(left) == 3


def test_a_page_goes_on_after_its_last_record_was_deleted(gallery):
    made = [record(gallery) for _ in range(3)]
    gallery.delete(made[1].id)
    assert [found.id for found in gallery.list(before=made[1].id)] == [made[0].id]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("circle", ["a red circle"]),
        ("CIRC", ["a red circle"]),
        ("red", ["a red square", "a red circle"]),
        ("red square", ["a red square"]),
        ("blue", []),
        ('red" OR "x', []),
        ("cafe", ["Café"]),
        ("DPM", ["Café"]),
        ("!!!", ["Café", "a red square", "a red circle"]),
    ],
)
def test_search_by_words(gallery, query, found):
    record(gallery, "a red circle")
    record(gallery, "a red square")
    record(gallery, "Café", facts={"sampler": "DPMSolver"})
    assert prompts(gallery.list(query)) == found
    assert gallery.count(query) == len(found)


def test_filters(gallery):
    record(gallery, "song", task="text-to-audio", model="starter-tunes", user="ada")
    loved = record(gallery, "picture")
    gallery.rate(loved.id, 4)
    assert prompts(gallery.list(task="text-to-audio")) == ["song"]
    assert prompts(gallery.list(model="starter-scenes")) == ["picture"]
    assert prompts(gallery.list(user="ada")) == ["song"]
    assert prompts(gallery.list(rating=4)) == ["picture"]
    assert gallery.list(rating=5) == []


def test_tags_are_found(gallery):
    made = record(gallery)
    assert gallery.tag(made.id, ["birthday", "card"]).tags == ["birthday", "card"]
    assert prompts(gallery.list("birthday")) == ["a red circle"]


def test_a_rating_has_bounds(gallery):
    made = record(gallery)
    assert gallery.rate(made.id, 5).rating == 5
    with pytest.raises(BadRequest, match="6"):
        gallery.rate(made.id, 6)


def test_deleting_removes_row_words_and_file(gallery):
    made = record(gallery)
    gallery.delete(made.id)
    assert gallery.list("circle") == [] and not (gallery.folder / made.path).exists()
    with pytest.raises(NotFound, match=made.id):
        gallery.get(made.id)


def test_anothers_record_is_not_found(gallery):
    made = record(gallery, user="ada")
    assert gallery.get(made.id, "ada") == made
    with pytest.raises(NotFound):
        gallery.get(made.id, "bob")


def test_the_same_file_made_again_takes_the_place_of_the_first(gallery):
    first = record(gallery)
    second = gallery.add(first.model_copy(update={"id": new_id(), "sha256": "1"}))
    assert gallery.list() == [second] and gallery.count("circle") == 1


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "'; DROP TABLE records; --", "x" * 10_000])
def test_an_id_that_is_no_id_is_not_found(gallery, name):
    with pytest.raises(NotFound):
        gallery.get(name)
