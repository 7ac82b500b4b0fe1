"""The Gallery tab: what is found, what stands opened, what clicks do, what was not finished."""

import gradio as gr
import pytest
from PIL import Image

from studio.tabs import gallery
from studio.tabs._record import detail, face, known
from studio.tabs._unfinished import unfinished, unfinished_list
from studio.types import Request
from tests.tabs.conftest import clicked, someone


@pytest.fixture
def library(page_of):
    def draw(page):
        made = gallery.Library(page)
        made.build(gr.context.Context.block)
        return made

    return page_of(draw)


@pytest.fixture
def make(library, finish):
    """Run a request to its end and return its records."""

    def run(prompt="a red house", model="fake", user="", **options):
        job = library.studio.submit(Request(model=model, prompt=prompt, seed=7, options=options), user)
        finish(library.studio, job.id)
        return library.studio.gallery.list(job=job.id)[::-1]

    return run


def asked(query="", task="", model="", rating=0, count=gallery.STEP, opened=""):
    return query, task, model, rating, count, opened


def found(library, visitor, **wanted) -> str:
    return library.look(visitor, *asked(**wanted))[library.grid]


def opened(library, visitor, record) -> dict:
    return library.on_grid(clicked(act="open", id=record.id), visitor, *asked())


def click(library, visitor, act, record, **more) -> dict:
    return library.on_opened(clicked(act=act, id=record.id, **more), visitor, *asked(opened=record.id))


def test_an_empty_gallery_says_what_it_will_hold(library, visitor):
    assert "Nothing here yet" in found(library, visitor)


def test_words_task_model_and_rating_narrow_what_is_found(library, visitor, make):
    (house,), (tale,) = make("a red house"), make("a long tale", "fake-text")
    assert house.id in found(library, visitor) and tale.id in found(library, visitor)
    for wanted in ({"query": "hou"}, {"task": "text-to-image"}, {"model": "fake"}):
        assert house.id in found(library, visitor, **wanted) and tale.id not in found(library, visitor, **wanted)
    library.studio.gallery.rate(tale.id, 4)
    assert tale.id in found(library, visitor, rating=3) and house.id not in found(library, visitor, rating=3)


def test_a_search_without_a_find_offers_everything(library, visitor, make):
    make()
    assert "Nothing matches “zebra”" in found(library, visitor, query="zebra")
    shown = library.on_grid(clicked(act="clear"), visitor, *asked(query="zebra"))
    assert shown[library.query] == "" and "a red house" in shown[library.grid]


def test_more_is_shown_on_demand(library, visitor, make):
    make(count=30)
    first = library.look(visitor, *asked())
    assert first[library.grid].count('class="item') == gallery.STEP and first[library.more].visible
    rest = library.extend(visitor, *asked())
    assert rest[library.grid].count('class="item') == 30 and not rest[library.more].visible


def test_every_medium_has_its_face(library, make):
    (picture,), (text,), (sound,) = make(), make("once upon a time", "fake-text"), make("hello", "fake-speech")
    studio = library.studio
    assert f"v1/gallery/{picture.id}/preview?kind=thumbnail" in face(studio, picture)
    assert "once upon a time" in face(studio, text)
    assert "mask-image:url" in face(studio, sound) and "<audio" in detail(studio, sound)


def test_an_opened_record_tells_everything(library, visitor, make):
    (record,) = make(steps=5)
    card = opened(library, visitor, record)[library.opened]
    for part in ("a red house", "Fake pictures", "Seed</dt><dd>7", "Steps</dt><dd>5", "Time taken", record.created, record.path):
        assert part in card
    assert f'href="v1/gallery/{record.id}/file" download' in card


def test_a_record_of_a_model_that_is_gone_still_opens(library, make):
    (record,) = make()
    assert "forgotten" in known(library.studio, record.model_copy(update={"model": "forgotten"}))


def test_parents_are_linked(library, make):
    parent, child = make()[0], make()[0]
    shown = known(library.studio, child.model_copy(update={"parents": [parent.id, "gone"]}))
    assert f'data-act="open" data-id="{parent.id}">Image: a red house<' in shown and "a result that was deleted" in shown


def test_stars_are_set_and_taken_away(library, visitor, make):
    (record,) = make()
    shown = click(library, visitor, "rate", record, text="4")[library.opened]
    assert shown.count("★") == 4 and library.studio.gallery.get(record.id).rating == 4
    assert 'data-text="0" aria-label="4 of 5"' in shown
    click(library, visitor, "rate", record, text="0")
    assert library.studio.gallery.get(record.id).rating == 0


def test_deleting_asks_once_and_removes_the_file(library, visitor, make):
    (record,) = make()
    assert "data-sure=" in opened(library, visitor, record)[library.opened]
    shown = click(library, visitor, "delete", record)
    assert record.id not in shown[library.grid] and shown[library.card].visible is False
    assert not (library.studio.folder / record.path).exists()


def test_settings_open_the_tab_they_belong_to(library, visitor, make):
    (record,) = make("hello", "fake-speech")
    shown = click(library, visitor, "use", record)
    assert shown[library.page.nav].selected == "speech"
    assert (shown[library.page.call]["tab"], shown[library.page.call]["record"]) == ("speech", record.id)


def test_one_of_several_is_made_again_alone_with_the_same_pixels(library, visitor, make, finish):
    record = make(count=3)[2]
    shown = click(library, visitor, "again", record)
    job = shown[library.page.call]["job"]
    finish(library.studio, job)
    (again,) = library.studio.gallery.list(job=job)
    first, second = (Image.open(library.studio.file(one)) for one in (record, again))
    assert again.seed == record.seed and first.tobytes() == second.tobytes()


def test_what_others_made_stays_theirs(library, make):
    (record,) = make(user="anna")
    assert record.id in found(library, someone("anna")) and record.id not in found(library, someone("ben"))
    with pytest.warns(UserWarning, match="no longer there"):
        opened(library, someone("ben"), record)
    with pytest.warns(UserWarning):
        click(library, someone("ben"), "delete", record)
    assert library.studio.gallery.get(record.id)


def test_a_file_that_is_gone_is_said_so(library, make):
    (text,) = make("once upon a time", "fake-text")
    (library.studio.folder / text.path).unlink()
    assert "no longer there" in detail(library.studio, text)


def test_prompts_are_escaped(library, visitor, make):
    (record,) = make('<img src=x onerror="alert(1)">')
    shown = opened(library, visitor, record)
    assert "<img src=x" not in shown[library.grid] + shown[library.opened]


def test_a_failed_job_is_listed_until_it_was_made(library, visitor, make, finish):
    make("of no avail", trouble="raise")
    (job,) = unfinished(library.studio, "")
    listed = library.look(visitor, *asked())[library.left]
    assert listed.visible and "The fake engine was asked to fail." in listed.value and "of no avail" in listed.value
    shown = library.on_left(clicked(act="rerun", id=job.id), visitor)
    assert shown[library.page.nav].selected == "image"
    finish(library.studio, shown[library.page.call]["job"])
    assert len(unfinished(library.studio, "")) == 1, "the same request that failed twice is listed once"


def test_interrupted_jobs_run_again_one_by_one_or_all(library, visitor, new_studio, finish):
    jobs = [library.studio.submit(Request(model="fake", prompt=f"number {n}", options={"steps": 3, "delay": 0.3})).id for n in range(2)]
    library.studio.close()
    library.studio = new_studio()
    left = unfinished(library.studio, "")
    assert {job.id for job in left} == set(jobs) and "Run all again" in unfinished_list(library.studio, left)
    assert not library.on_left(clicked(act="all"), visitor)[library.left].visible
    for job in jobs:
        finish(library.studio, job)
    assert len(library.studio.gallery.list()) == 2


def test_a_long_list_is_folded(library, make):
    for number in range(7):
        make(f"wish {number}", trouble="raise")
    listed = unfinished_list(library.studio, unfinished(library.studio, ""))
    assert "7 results were not made" in listed and "2 more" in listed
