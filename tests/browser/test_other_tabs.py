"""Text, Speech, Music and Faces in Chromium, on the shipped starters."""

import json
import re

import httpx

PLAYABLE = "player => player.readyState >= 1 && player.duration > 0.5"


def downloads(visitor, name: str) -> httpx.Response:
    """Fetch what the download link of that name leads to."""
    link = visitor.page.get_by_role("link", name=re.compile(name, re.IGNORECASE)).locator("visible=true").first
    return httpx.get(link.evaluate("link => link.href"), follow_redirects=True)


def test_a_chat_is_answered_as_it_is_written(visit, server):
    visitor = visit()
    visitor.open("Text")
    visitor.see("textarea").fill("Tell me a story about a cat.")
    visitor.page.keyboard.press("Control+Enter")
    visitor.see(".talk .bot")
    visitor.page.wait_for_function("() => (document.querySelector('.talk .bot') || {innerText: ''}).innerText.length > 40")
    visitor.see("text=Write it anew")
    record = server.get("/v1/gallery?task=text-generation&limit=1")["data"][0]
    assert record["prompt"] == "Tell me a story about a cat." and record["facts"]["completion_tokens"] > 5
    assert len(visitor.see(".talk .bot").inner_text().split()) > 10


def test_an_answer_can_be_written_anew(visit, server):
    visitor = visit()
    visitor.open("Text")
    visitor.see("textarea").fill("List five animals.")
    visitor.generate()
    visitor.see("text=Write it anew").click()
    visitor.page.wait_for_timeout(500)
    visitor.see("text=Write it anew")
    two = server.get("/v1/gallery?task=text-generation&limit=2")["data"]
    assert [record["prompt"] for record in two] == ["List five animals."] * 2 and two[0]["seed"] != two[1]["seed"]


def test_a_sentence_is_spoken_and_can_be_had_as_mp3(visit):
    visitor = visit()
    visitor.open("Speech")
    visitor.see("textarea").fill("The cat sat on the mat.")
    visitor.generate()
    player = visitor.see(".stage audio")
    visitor.page.wait_for_function(PLAYABLE, arg=player.element_handle())
    mp3 = downloads(visitor, "mp3")
    assert mp3.headers["content-type"].startswith("audio/mpeg") and len(mp3.content) > 1000


def test_a_waltz_is_played_drawn_and_had_as_midi(visit):
    visitor = visit()
    visitor.open("Music")
    visitor.see("textarea").fill("a happy waltz for accordion")
    visitor.generate()
    player = visitor.see(".stage audio")
    visitor.page.wait_for_function(PLAYABLE, arg=player.element_handle())
    assert downloads(visitor, "mid").content[:4] == b"MThd"


def test_faces_fill_a_sheet_and_one_stands_large(visit):
    visitor = visit()
    visitor.open("Faces")
    visitor.see("input[aria-label*='How many']").fill("4")
    visitor.generate()
    visitor.see(".sheet button:nth-child(4) img")
    large = visitor.see(".faces .large img")
    visitor.page.wait_for_function("image => image.complete && image.naturalWidth >= 64", arg=large.element_handle())
    first = large.get_attribute("alt")
    visitor.see(".sheet button:nth-child(3)").click()
    visitor.page.wait_for_function("before => document.querySelector('.faces .large img').alt !== before", arg=first)


def test_a_walk_between_two_faces_is_a_video(visit, server):
    visitor = visit()
    visitor.open("Faces")
    visitor.page.get_by_role("button", name=re.compile("^Walk")).locator("visible=true").first.click()
    visitor.page.get_by_label("From seed").fill("1")
    visitor.page.get_by_label("To seed").fill("2")
    visitor.page.get_by_label(re.compile("Frames")).locator("visible=true").first.fill("8")
    visitor.page.get_by_role("button", name="Walk between them").click()
    film = visitor.see(".stage video")
    visitor.page.wait_for_function("player => player.readyState >= 1 && player.videoWidth >= 64", arg=film.element_handle())
    record = server.get("/v1/gallery?task=unconditional-image-generation&limit=1")["data"][0]
    assert record["mime"] == "video/mp4" and record["options"]["walk_to"] == 2, json.dumps(record)
