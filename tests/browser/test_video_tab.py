"""The Video tab in Chromium: what is asked for, what one sees while it is made, and that it plays."""

import pytest

CLIP = "document.querySelector('#panel-video .shot.video video')"


@pytest.fixture
def visitor(visit):
    made = visit()
    made.open("Video")
    made.choose("Drifting")
    return made


def make(visitor, words: str) -> None:
    visitor.see("textarea").fill(words)
    visitor.generate()
    visitor.see(f".shot.video video[aria-label*='{words}']")


def test_a_video_is_made_with_a_preview_and_plays(visitor):
    visitor.see("textarea").fill("a boat that drifts")
    visitor.generate()
    visitor.see(".shot.making img[alt^='Preview at step']")
    visitor.see(".shot.video video[aria-label*='a boat that drifts']")
    page = visitor.page
    page.wait_for_function(f"{CLIP}.readyState >= 1 && Math.abs({CLIP}.duration - 3) < 0.2")
    assert page.evaluate(f"[{CLIP}.videoWidth, {CLIP}.videoHeight, {CLIP}.poster.includes('kind=thumbnail')]") == [192, 128, True]
    page.evaluate(f"{CLIP}.muted = true; {CLIP}.play()")
    page.wait_for_function(f"{CLIP}.currentTime > 0.3")
    assert visitor.complaints == []


def place(visitor, selector: str) -> list[int]:
    """Return where the first match stands, as soon as it is there."""
    box = f"document.querySelector('{selector}')?.getBoundingClientRect()"
    found = visitor.page.wait_for_function(f"(box => box && [box.x, box.y, box.width, box.height].map(Math.round))({box})")
    return found.json_value()


def test_the_player_keeps_the_place_of_the_preview(visitor):
    visitor.see("textarea").fill("keep the place")
    visitor.generate()
    before = place(visitor, "#panel-video .shot.making")
    visitor.see(".shot.video video[aria-label*='keep the place']")
    assert place(visitor, "#panel-video .shot.video") == before


def test_it_is_saved_as_mp4_and_its_settings_stand_under_it(visitor):
    make(visitor, "save me")
    about = visitor.see("#panel-video .about").inner_text()
    assert "Drifting" in about and "3.0 s" in about and "192 x 128" in about
    with visitor.page.expect_download() as saving:
        visitor.see(".about a >> text=Download MP4").click()
    assert saving.value.suggested_filename.endswith(".mp4") and saving.value.path().stat().st_size > 1000


def test_shape_and_length_say_what_they_ask_for_and_get_it(visitor):
    page = visitor.page
    page.locator("#panel-video").get_by_label("Tall", exact=True).check()
    page.get_by_text("128 x 192 pixels").locator("visible=true").wait_for()
    length = page.locator("#panel-video input[type=number][aria-label*='Length']").locator("visible=true").first
    length.fill("1.5")
    length.press("Tab")
    page.get_by_text("12 frames, 8 a second").locator("visible=true").wait_for()
    make(visitor, "tall and short")
    page.wait_for_function(f"{CLIP}.videoWidth === 128 && Math.abs({CLIP}.duration - 1.5) < 0.15")


def test_the_gallery_shows_and_plays_it(visitor):
    make(visitor, "seen in the gallery")
    visitor.open("Gallery")
    item = visitor.see(".grid .item.video")
    assert "3.0 s" in item.inner_text()
    item.click()
    visitor.see(".detail video")
    page = visitor.page
    page.wait_for_function("document.querySelector('.detail video').readyState >= 1")
    visitor.see(".detail button >> text=Use these settings").click()
    visitor.see("#panel-video textarea")
    page.wait_for_function("document.querySelector('#panel-video textarea').value === 'seen in the gallery'")


def test_stop_ends_it(visitor):
    visitor.see("textarea").fill("never ends")
    visitor.see("#panel-video .label-wrap >> text=Advanced").click()
    visitor.page.locator("#panel-video").get_by_label("Seconds a step (s)").locator("visible=true").first.fill("30")
    visitor.generate()
    visitor.see("#panel-video .card >> text=Making the video")
    visitor.see("button.halt").click()
    visitor.see("#panel-video .card >> text=Stopped")


def test_where_there_is_no_model_yet_the_stage_says_what_it_takes(visit, server):
    on_disk = [one for one in server.get("/v1/models?task=text-to-video")["data"] if one["on_disk"] and one["id"] != "film"]
    assert on_disk == []
    visitor = visit()
    visitor.open("Video")
    visitor.choose("AnimateDiff")
    assert "7.3 GB" in visitor.see("#panel-video .world").inner_text()
