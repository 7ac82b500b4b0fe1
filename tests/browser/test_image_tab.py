"""The Image tab in Chromium: from words to a picture, stop, failure, reload, keyboard."""

import re


def test_words_become_a_picture_with_its_settings(visit, server):
    visitor = visit()
    visitor.see("textarea").fill("a red circle on a blue background")
    visitor.generate()
    shown = visitor.see(".stage img[alt*='red circle']")
    visitor.page.wait_for_function("image => image.complete && image.naturalWidth >= 64", arg=shown.element_handle())
    facts = visitor.see(".facts").inner_text()
    assert "a red circle on a blue background" in facts and re.search(r"Seed\s+\d+", facts)
    newest = server.get("/v1/gallery?task=text-to-image&limit=1")["data"][0]
    assert str(newest["seed"]) in facts and newest["prompt"] == "a red circle on a blue background"


def test_ctrl_enter_generates_and_escape_stops(visit):
    visitor = visit()
    visitor.choose("Slow pictures")
    visitor.see("textarea").fill("slow one")
    visitor.page.keyboard.press("Control+Enter")
    visitor.see(".stage img")  # the preview
    visitor.see("button.halt:not([disabled])")
    visitor.page.keyboard.press("Escape")
    visitor.see(".stage >> text=Stopped")


def test_a_page_that_is_loaded_again_finds_its_job(visit, server):
    visitor = visit()
    visitor.choose("Slow pictures")
    visitor.see("textarea").fill("found again")
    visitor.generate()
    visitor.see(".stage img")
    visitor.reload()
    visitor.see(".stage img")
    visitor.see(".result >> text=found again")
    running = [job for job in server.get("/v1/jobs")["data"] if job["state"] == "running"]
    assert [job["prompt"] for job in running] == ["found again"]
    visitor.stop()
    visitor.see(".stage >> text=Stopped")
    assert server.get(f"/v1/jobs/{running[0]['id']}")["state"] == "cancelled"


def test_a_second_page_sees_the_queue_and_waits_its_turn(visit):
    first, second = visit(), visit()
    first.choose("Slow pictures")
    first.see("textarea").fill("the first")
    first.generate()
    first.see(".stage img")
    second.see("textarea").fill("a green star on a white background")
    second.generate()
    second.see(".chip.queue >> text=1 waiting")
    first.stop()
    second.see(".stage img[alt*='green star']")


def test_a_failure_says_why_and_offers_a_way_on(visit):
    visitor = visit()
    visitor.choose("Failing pictures")
    visitor.see("textarea").fill("never")
    visitor.generate()
    visitor.see(".stage >> text=asked to fail")
    assert visitor.see(".stage button").is_enabled()


def test_an_empty_prompt_is_answered_in_words(visit):
    visitor = visit()
    visitor.see("textarea").fill("")
    visitor.generate()
    visitor.page.get_by_text(re.compile("prompt is empty", re.IGNORECASE)).first.wait_for()


def test_the_settings_of_a_result_can_be_used_again(visit, server):
    visitor = visit()
    visitor.see("textarea").fill("two yellow stars over a green hill at night")
    visitor.generate()
    visitor.see(".stage img[alt*='yellow stars']")
    visitor.see("textarea").fill("something else")
    visitor.page.get_by_role("button", name="Use these settings").locator("visible=true").first.click()
    visitor.page.wait_for_function("() => [...document.querySelectorAll('textarea')].some(box => box.value.startsWith('two yellow stars'))")


def test_a_starter_names_the_words_it_does_not_know(visit):
    visitor = visit()
    visitor.see("textarea").fill("a purple crocodile on a blue background")
    visitor.see(".first >> text=crocodile")
