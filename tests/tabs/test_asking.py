"""The question before a first download: what it says, and what its two answers do in every tab."""

import pytest
import yaml

from studio.studio import ModelStatus, Offer
from studio.tabs import _asking as asking
from studio.tabs import _menu as menu
from studio.tabs import _words as words
from studio.tabs import image, models, text
from studio.types import ModelSpec, Request
from tests.tabs.conftest import clicked, everything, merged, someone

PAGE = "https://huggingface.co/owner/name"
CLOSED = {"engine": "fake", "source": ".", "title": "Closed <pictures>", "license": "x-nc-1", "commercial": False}
ENTRIES = {
    "here": {"engine": "fake", "source": ".", "title": "Here", "options": {"steps": 2}},
    "closed": {**CLOSED, "parameters": 36_000_000},
    "away": {"engine": "fake", "source": "nobody/nothing", "title": "Away", "size_bytes": 3_000_000_000},
    "talk": {**CLOSED, "title": "Talk", "task": "text-generation", "options": {"medium": "text"}},
}


def status(on_disk=False, **spec) -> ModelStatus:
    spec = ModelSpec(**{"id": "big", "engine": "fake", "source": "owner/name", "title": "Big <one>", "license": "mit", **spec})
    return ModelStatus(spec=spec, task="text-to-image", loaded=False, on_disk=on_disk, disk_bytes=0, memory_bytes=0)


@pytest.fixture
def catalogue(tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(ENTRIES))
    return path


def built(made):
    made.build()
    return made


@pytest.fixture
def bench(page_of):
    return page_of(lambda page: built(image.ImageBench(page, image.TRADE)))


@pytest.fixture
def desk(page_of):
    return page_of(lambda page: built(text.TextDesk(page)))


def given(bench, model, prompt):
    defaults = bench.controls.defaults(bench.studio.model(model).spec)
    return [prompt, model, None, *(defaults[name] for name in bench.controls.families["fake"].controls)]


def test_the_question_says_what_it_fetches_and_under_which_terms():
    big = status(parameters=3_469_000_000, description="Fine pictures.")
    shown = asking.question(big, Offer(13_880_000_000, 120_000_000_000, PAGE, False))
    for part in ("Big &lt;one&gt; has to be downloaded first", "Fine pictures.", "13.9 GB", "120 GB", "3.5 billion", "mit", f'"{PAGE}"'):
        assert part in shown, part
    assert ">Download and generate<" in shown and ">Not now<" in shown and 'data-act="agree" data-id="big"' in shown
    assert "commercial" not in shown and "Gated" not in shown and "agree to its terms" not in shown


def test_the_question_warns_where_something_is_forbidden_or_has_to_be_done():
    shown = asking.question(status(gated=True, commercial=False), Offer(9_000_000_000, 1_000_000_000, PAGE, True))
    assert "Not for commercial use" in shown and f'accept its terms on <a href="{PAGE}"' in shown and "HF_TOKEN" in shown
    assert "8.0 GB more have to be free" in shown and "By going on you agree to its terms." in shown


def test_a_model_that_is_here_is_not_downloaded_again():
    shown = asking.question(status(on_disk=True, commercial=False), Offer(0, 10, "", False), "speak")
    assert "has terms to agree to" in shown and ">Agree and speak<" in shown
    assert "To download" not in shown and "Free on disk" not in shown


def test_counts_and_marks_are_said_as_people_say_them():
    assert [words.said_count(one) for one in (36_300_000, 999_000_000, 1_000_000_000, 3_469_000_000, 20_900_000_000)] == [
        "36 million", "999 million", "1 billion", "3.5 billion", "21 billion",
    ]  # fmt: skip
    assert words.said_short(3_469_000_000) == "3.5B" and words.said_short(135_000_000) == "135M"
    assert words.marks(status(gated=True, commercial=False).spec) == ["gated", "not for commercial use"]
    entry = menu.entry(status(gated=True, commercial=False, parameters=135_000_000, size_bytes=270_000_000))
    assert "135M" in entry and "gated, not for commercial use" in entry
    assert "Not for commercial use." in menu.about(status(commercial=False))
    assert "135 million parameters" in menu.about(status(parameters=135_000_000))


def test_a_first_use_is_asked_about_and_then_made_with_what_the_desk_holds(bench, visitor):
    shown = bench.submit(visitor, [], *given(bench, "closed", "a red house"))
    assert "Closed &lt;pictures&gt; has terms" in shown[bench.stage] and "a red house" in shown[bench.about]
    assert bench.studio.jobs() == [] and bench.prompt not in shown and shown[bench.pending] is None
    again = bench.on_stage(clicked(act="agree", id="closed"), visitor, [], None, *given(bench, "here", "a blue house"))
    (job,) = bench.studio.jobs()
    assert (job.model, job.prompt) == ("closed", "a blue house")
    assert "a blue house" in merged(everything(bench.follow(visitor, again[bench.mine])))[bench.about]
    assert bench.mine in bench.submit(visitor, [], *given(bench, "closed", "again")), "it is asked once"
    assert "has terms" in bench.submit(someone("ben"), [], *given(bench, "closed", "again"))[bench.stage]


def test_a_first_download_is_asked_about(bench, visitor):
    shown = bench.submit(visitor, [], *given(bench, "away", "x"))[bench.stage]
    assert "Away has to be downloaded first" in shown and "3.0 GB" in shown and "huggingface.co/nobody/nothing" in shown
    assert bench.studio.jobs() == []
    later = bench.on_stage(clicked(act="later"), visitor, [], None, *given(bench, "away", "x"))
    assert "downloaded" not in later[bench.stage] and bench.studio.jobs() == [] and bench.prompt not in later
    assert not bench.studio._agreements.has(bench.studio.spec("away"), "")


def test_a_wrong_request_is_refused_before_it_is_asked_about(bench, visitor):
    assert "prompt is empty" in bench.submit(visitor, [], *given(bench, "away", " "))[bench.stage]


def test_a_question_stays_while_another_job_runs(bench, visitor):
    slow = bench.studio.submit(Request(model="here", prompt="slow", options={"steps": 500, "delay": 0.02}))
    shown = bench.submit(visitor, [slow.id], *given(bench, "closed", "x"))
    assert "has terms" in shown[bench.stage]
    assert bench.stage not in bench.seen_from("page", {bench.stage: "a preview", bench.halt: 1})
    bench.on_stage(clicked(act="later"), visitor, [slow.id])
    assert bench.stage in bench.seen_from("page", {bench.stage: "a preview"})
    bench.studio.cancel(slow.id)


def test_a_variation_that_was_asked_about_is_the_one_made(bench, visitor):
    bench.studio.agree("closed")
    update = bench.submit(visitor, [], *given(bench, "closed", "the first"))
    everything(bench.follow(visitor, update[bench.mine]))
    (record,) = bench.studio.gallery.list()
    with bench.studio._database.transaction() as connection:
        connection.execute("DELETE FROM agreements")
    asked = bench.on_about(clicked(act="vary", id=record.id), visitor, [])
    assert "has terms" in asked[bench.stage] and asked[bench.pending].prompt == "the first"
    bench.on_stage(clicked(act="agree", id="closed"), visitor, [], asked[bench.pending], *given(bench, "closed", "else"))
    assert bench.studio.jobs()[0].prompt == "the first"


def test_a_talk_waits_for_the_answer_and_loses_no_word(desk, visitor):
    rest = given(desk, "talk", "")[1:]
    asked = desk.send(visitor, text.Talk(), text.CHAT, "", "", "Tell me of the sea", *rest)
    assert "Agree and answer" in asked[desk.pulse] and desk.studio.jobs() == []
    waiting = asked[desk.talk]
    back = desk.on_pulse(clicked(act="later"), visitor, waiting, text.CHAT, "", "", "", *rest)
    assert back[desk.prompt] == "Tell me of the sea" and back[desk.talk].messages == ()
    desk.on_pulse(clicked(act="agree", id="talk"), visitor, waiting, text.CHAT, "", "", "", *rest)
    (job,) = desk.studio.jobs()
    assert job.prompt == "Tell me of the sea"


def test_a_page_of_text_waits_for_the_answer(desk, visitor):
    rest = given(desk, "talk", "")[1:]
    asked = desk.send(visitor, text.Talk(), text.WRITE, "Once upon", "", "", *rest)
    assert "Agree and go on" in asked[desk.pulse]
    desk.on_pulse(clicked(act="agree", id="talk"), visitor, asked[desk.talk], text.WRITE, "Once upon a time", "", "", *rest)
    assert [job.prompt for job in desk.studio.jobs()] == ["Once upon a time"]


def test_the_models_tab_asks_with_its_button(page_of):
    shelf = page_of(lambda page: models.Shelf(page))
    table = shelf.drawing("")[2]
    assert ">Not for commercial use<" in table and "36 million parameters" in table
    assert table.count("data-sure") == 2 and "forbids commercial use. Do you agree to its terms?" in table
    shelf.studio.agree("closed")
    assert shelf.drawing("")[2].count("data-sure") == 1 and shelf.drawing("ben")[2].count("data-sure") == 2
