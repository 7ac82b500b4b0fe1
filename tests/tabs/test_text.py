"""The Text tab: a chat, a page to go on writing, and the earlier talks read from their jobs."""

from dataclasses import replace

import gradio as gr
import pytest

from studio.tabs import _talk as talks
from studio.tabs import call, text
from studio.tabs._talk import Talk
from studio.types import Message
from tests.tabs.conftest import clicked, everything, merged, someone


@pytest.fixture
def desk(page_of):
    def draw(page):
        made = text.TextDesk(page)
        made.build()
        return made

    return page_of(draw)


def values(desk, message="", seed=None, **options):
    """What the controls hold: system prompt, message, model, seed, options."""
    defaults = desk.controls.defaults(desk.studio.model("fake-text").spec) | options
    return ["", message, "fake-text", seed, *(defaults[name] for name in desk.controls.families["fake"].controls)]


def finished(desk, visitor, update) -> dict:
    return merged([update, *everything(desk.follow(visitor, update[desk.talk], text.CHAT))])


def said(desk, visitor, message, talk=None, **how) -> dict:
    return finished(desk, visitor, desk.send(visitor, talk or Talk(), text.CHAT, "", *values(desk, message, **how)))


def spoken(talk: Talk) -> list[tuple[str, str]]:
    return [(one.role, one.content) for one in talk.messages]


def test_a_message_is_answered_and_kept(desk, visitor):
    shown = said(desk, visitor, "one two three")
    assert spoken(shown[desk.talk]) == [("user", "one two three"), ("assistant", "one two three")]
    assert shown[desk.prompt] == "" and shown[desk.go].interactive is True
    (record,) = desk.studio.gallery.list()
    assert record.medium == "text" and shown[desk.talk].parent == record.id
    assert "3 tokens" in shown[desk.pulse] and "one two three" in shown[desk.list]


def test_while_it_writes_the_answer_grows(desk, visitor):
    update = desk.send(visitor, Talk(), text.CHAT, "", *values(desk, "one two", steps=5, delay=0.1))
    assert update[desk.chat].value[-1] == {"role": "assistant", "content": ""} or update[desk.chat].value
    assert "writing" in update[desk.chat].elem_classes
    assert update[desk.go].interactive is False and update[desk.halt].interactive is True
    finished(desk, visitor, update)


def test_the_next_answer_knows_the_talk_before_it(desk, visitor):
    first = said(desk, visitor, "one")
    second = said(desk, visitor, "two", first[desk.talk])
    job = desk.studio.jobs()[0]
    assert [message.content for message in job.request.messages] == ["one", "one", "two"]
    assert job.request.parents == [first[desk.talk].parent]
    assert len(second[desk.talk].messages) == 4


def test_instructions_go_first(desk, visitor):
    _, *rest = values(desk, "hello")
    finished(desk, visitor, desk.send(visitor, Talk(), text.CHAT, "", "Be brief.", *rest))
    (job,) = desk.studio.jobs()
    assert job.request.messages[0] == Message(role="system", content="Be brief.")
    assert talks.instructions_of(job) == "Be brief."


def test_a_double_click_asks_once(desk, visitor):
    desk.send(visitor, Talk(), text.CHAT, "", *values(desk, "once", steps=5, delay=0.1))
    assert desk.talk not in desk.send(visitor, Talk(), text.CHAT, "", *values(desk, "once"))
    assert len(desk.studio.jobs()) == 1


def test_write_anew_edit_and_go_on(desk, visitor):
    talk = said(desk, visitor, "one")[desk.talk]
    anew = finished(desk, visitor, desk.again(visitor, talk, text.CHAT, "", *values(desk)))
    assert spoken(anew[desk.talk]) == spoken(talk)
    edit = gr.EditData(None, {"index": 0, "value": "other", "previous_value": "one"})
    edited = finished(desk, visitor, desk.edited(edit, visitor, talk, text.CHAT, "", *values(desk)))
    assert spoken(edited[desk.talk]) == [("user", "other"), ("assistant", "other")]
    longer = finished(desk, visitor, desk.on_pulse(clicked(act="on"), visitor, talk, text.CHAT, "", *values(desk)))
    assert spoken(longer[desk.talk]) == [("user", "one"), ("assistant", "oneone")]


def test_stop_keeps_the_question(desk, visitor):
    update = desk.send(visitor, Talk(), text.CHAT, "", *values(desk, "one", steps=500, delay=0.05))
    desk.stop(update[desk.talk], visitor)
    shown = finished(desk, visitor, update)
    assert "Stopped" in shown[desk.pulse] and spoken(shown[desk.talk]) == [("user", "one")]
    assert shown[desk.go].interactive is True


def test_a_failure_says_why_and_offers_to_try_again(desk, visitor):
    shown = said(desk, visitor, "one", trouble="raise")
    assert "asked to fail" in shown[desk.pulse] and 'data-act="again"' in shown[desk.pulse] and 'role="alert"' in shown[desk.pulse]


def test_completion_goes_on_with_the_page_and_can_be_undone(desk, visitor):
    update = desk.send(visitor, Talk(), text.WRITE, "Once upon ", *values(desk))
    shown = merged([update, *everything(desk.follow(visitor, update[desk.talk], text.WRITE))])
    assert shown[desk.page_text].value == "Once upon Once upon "
    undone = desk.on_pulse(clicked(act="undo"), visitor, shown[desk.talk], text.WRITE, "", *values(desk))
    assert undone[desk.page_text].value == "Once upon "


def test_nothing_to_go_on_from_is_said(desk, visitor):
    shown = desk.send(visitor, Talk(), text.WRITE, "", *values(desk))
    assert "prompt is empty" in shown[desk.pulse]


def test_earlier_talks_are_found_and_opened_again(desk, visitor):
    first = said(desk, visitor, "the first talk")
    said(desk, visitor, "and more", first[desk.talk])
    said(desk, visitor, "the second talk")
    listed = talks.earlier(desk.studio, text.TASK, "", "")
    assert listed.count('data-act="open"') == 2 and listed.index("second talk") < listed.index("first talk")
    job = talks.heads(desk.studio.jobs())[1]
    opened = desk.on_list(clicked(act="open", id=job.id), visitor, text.CHAT)
    assert [content for _, content in spoken(opened[desk.talk])] == ["the first talk", "the first talk", "and more", "and more"]
    assert opened[desk.talk].parent == job.results[0]


def test_a_reloaded_page_finds_the_answer_that_is_being_written(desk):
    update = desk.send(someone(page="before"), Talk(), text.CHAT, "", *values(desk, "one", steps=10, delay=0.05))
    after = desk.arrive(someone(page="after"))
    assert after[desk.talk].job == update[desk.talk].job
    shown = finished(desk, someone(page="after"), after)
    assert spoken(shown[desk.talk])[-1] == ("assistant", "one")


def test_a_new_talk_is_empty(desk, visitor):
    shown = desk.on_list(clicked(act="new"), visitor, text.CHAT)
    assert shown[desk.talk] == Talk() and shown[desk.hello].visible is True


def test_other_people_s_talks_are_theirs(desk, visitor):
    said(desk, someone("anna"), "a secret")
    assert "a secret" not in talks.earlier(desk.studio, text.TASK, "ben", "")
    (job,) = desk.studio.jobs()
    with pytest.warns(UserWarning):
        assert desk.on_list(clicked(act="open", id=job.id), someone("ben"), text.CHAT).keys() == {desk.halt}


def test_the_gallery_opens_a_talk(desk, visitor):
    said(desk, visitor, "one")
    (record,) = desk.studio.gallery.list()
    assert len(desk.called(visitor, call("text", record=record.id))[desk.talk].messages) == 2


def test_answers_fetch_nothing_and_run_nothing():
    shown = talks.harmless('![x](http://a/b.png) <img src="http://a/b.png"> `<b>` 1 < 2\n```html\n<p>![y](z)</p>\n```')
    assert "![x]" not in shown and "<img" not in shown
    assert "`<b>`" in shown and "1 < 2" in shown and "<p>![y](z)</p>" in shown
    assert talks.plain(talks.harmless("![x](y) <b>")) == "![x](y) <b>"


def test_pieces_go_on_an_answer_that_was_begun():
    asked = Talk().saying("q")
    begun = asked.with_piece("An ")
    assert spoken(begun.with_piece("answer")) == [("user", "q"), ("assistant", "An answer")]
    assert asked.with_piece("") == asked
    assert replace(Talk(), before="a", text="a").with_piece("b").text == "ab"


def test_the_api_of_gradio_streams_text(desk, visitor):
    history = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert everything(desk.api_chat("one two", history, "Be brief.", "fake-text", 3, {}, visitor))[-1] == "one two"
    assert everything(desk.api_complete("three", "fake-text", request=visitor))[-1] == "three"
    with pytest.raises(gr.Error, match="No model is called"):
        everything(desk.api_complete("three", "nothing", request=visitor))
