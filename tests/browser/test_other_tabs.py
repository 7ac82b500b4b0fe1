"""Speech, Faces, Gallery and Models in Chromium: what only a browser can show of them."""

from pathlib import Path

import pytest

WEIGHTS = Path(__file__).resolve().parent.parent.parent / "studio/starters/weights"
TIME = "document.querySelector('.sound audio').currentTime"


def speak(visitor, text: str) -> None:
    visitor.open("Speech")
    visitor.choose("Tones")
    visitor.see("textarea").fill(text)
    visitor.generate()
    visitor.see(f".sound audio[aria-label*='{text}']")


def test_a_recording_plays_and_its_drawing_goes_where_it_is_clicked(visit):
    visitor = visit()
    speak(visitor, "ring twice")
    page = visitor.page
    page.wait_for_function("document.querySelector('.sound audio').duration > 0.4")
    page.wait_for_function("[...document.querySelectorAll('.heat img')].some(one => one.offsetParent && one.naturalWidth === 1200)")
    tracks = visitor.see(".tracks")
    box = tracks.bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 10)
    page.wait_for_function(f"Math.abs({TIME} - 0.4) < 0.02")
    page.wait_for_function("document.querySelector('.tracks').style.getPropertyValue('--played') > 0.7")


@pytest.mark.parametrize("format", ["WAV", "FLAC", "MP3"])
def test_a_recording_is_saved_in_the_format_asked_for(visit, format):
    visitor = visit()
    speak(visitor, f"keep me as {format}")
    with visitor.page.expect_download() as saving:
        visitor.see(f".about a >> text={format}").click()
    assert saving.value.suggested_filename.endswith(format.lower()) and saving.value.path().stat().st_size > 1000


@pytest.mark.skipif(not list((WEIGHTS / "faces").glob("*.safetensors")), reason="the faces starter has no weights yet")
def test_arrow_keys_go_through_the_sheet(visit):
    visitor = visit()
    visitor.open("Faces")
    visitor.see("input[placeholder='A new one each time']").fill("20")
    visitor.see("input[aria-label='number input for How many']").fill("6")
    visitor.generate()
    page = visitor.page
    page.wait_for_function("document.querySelectorAll('.sheet button').length === 6 && !document.querySelector('.faces > i.bar')")
    visitor.see(".sheet button >> nth=0").focus()
    for seed in (21, 22):
        page.keyboard.press("ArrowRight")
        visitor.see(f".large img[alt='Face of seed {seed}']")
    page.keyboard.press("ArrowLeft")
    visitor.see(".large img[alt='Face of seed 21']")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Seed 21"


def test_the_keyboard_opens_rates_and_closes_a_result(visit, server):
    visitor = visit()
    speak(visitor, "find me in the gallery")
    visitor.open("Gallery")
    page = visitor.page
    page.get_by_label("Search").locator("visible=true").fill("find me in the gal")
    item = visitor.see(".item >> text=find me in the gallery")
    page.wait_for_function("document.querySelectorAll('.grid .item').length === 1")
    visitor.see(".item").focus()
    page.keyboard.press("Enter")
    visitor.see(".detail >> text=find me in the gallery")
    page.wait_for_function("document.activeElement.matches('.detail .close')")
    visitor.see(".detail button[aria-label='4 of 5']").click()
    visitor.see(".detail button[aria-label='4 of 5'][aria-pressed=true]")
    assert server.get("/v1/gallery?q=find+me+in&rating=4")["data"]
    page.keyboard.press("Escape")
    page.locator(".detail").wait_for(state="hidden")
    page.wait_for_function("document.activeElement.matches('.grid .item')")
    assert item.is_visible()


def test_a_result_s_settings_open_its_tab(visit):
    visitor = visit()
    speak(visitor, "once more with feeling")
    visitor.see("textarea").fill("something else")
    visitor.open("Gallery")
    visitor.see(".item >> text=once more with feeling").click()
    visitor.see(".detail button >> text=Use these settings").click()
    visitor.page.wait_for_function(
        "[...document.querySelectorAll('textarea')].some(one => one.offsetParent && one.value === 'once more with feeling')"
    )


def test_deleting_asks_first(visit):
    visitor = visit()
    speak(visitor, "not for long")
    visitor.open("Gallery")
    visitor.see(".item >> text=not for long").click()
    questions = []
    answers = iter((False, True))

    def answer(dialog):
        questions.append(dialog.message)
        dialog.accept() if next(answers) else dialog.dismiss()

    visitor.page.on("dialog", answer)
    for _ in range(2):
        visitor.see(".detail button >> text=Delete").click()
        visitor.page.wait_for_timeout(500)
    visitor.page.locator(".detail").wait_for(state="hidden")
    assert len(questions) == 2 and "for good" in questions[0]
    assert visitor.page.locator(".item >> text=not for long").count() == 0


def test_models_shows_what_runs_and_stops_it(visit):
    visitor = visit()
    visitor.choose("Slow pictures")
    visitor.see("textarea").fill("seen from Models")
    visitor.generate()
    visitor.see(".stage img")
    visitor.see("#top .meter").click()
    visitor.see(".queued >> text=seen from Models")
    visitor.see("tr:has-text('Slow pictures') >> text=At work")
    visitor.see(".queued button >> text=Stop").click()
    visitor.see("tr:has-text('Slow pictures') >> text=In memory")
    visitor.see("tr:has-text('Slow pictures') button >> text=Unload").click()
    visitor.see("tr:has-text('Slow pictures') button >> text=Load")


@pytest.mark.parametrize("tab", ["Speech", "Music", "Faces", "Gallery", "Models"])
def test_nothing_stands_out_of_a_phone(visit, tab):
    visitor = visit(width=390, height=844)
    visitor.open(tab)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 390
