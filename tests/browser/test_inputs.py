"""Files to start from, in Chromium: a picture, a mask painted over it, a clip, and results that are sent on."""

import httpx
import pytest
from PIL import Image


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "sea.png"
    Image.new("RGB", (96, 64), "#204060").save(path)
    return path


def newest(server, task="text-to-image"):
    return server.get(f"/v1/gallery?task={task}&limit=1")["data"][0]


def pixels(server, record):
    return Image.open(httpx.get(f"{server.url}/v1/gallery/{record['id']}/file", follow_redirects=True))


def unfold(visitor, title):
    visitor.page.get_by_role("button", name=title).locator("visible=true").first.click()


def give(visitor, path):
    """Give a file to the place that is open, and wait until it stands there."""
    with visitor.page.expect_file_chooser() as chooser:
        visitor.see(".given button:has-text('Click to Upload'), .given button[aria-label*='upload' i]").click()
    chooser.value.set_files(path)


def start_from(visitor, path, model="Echo"):
    visitor.choose(model)
    unfold(visitor, "Start from a picture")
    give(visitor, path)
    visitor.see(".given .upload img")


def make(visitor, words):
    visitor.see("textarea").fill(words)
    visitor.generate()
    visitor.see(f".stage img[alt*='{words}']")


def test_a_picture_is_given_and_stands_beside_its_result(visit, server, picture):
    visitor = visit()
    start_from(visitor, picture)
    make(visitor, "from the sea")
    record = newest(server)
    assert [*record["inputs"]] == ["image"]
    small = visitor.see(".about .from img")
    visitor.page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=small.element_handle())
    visitor.see(".given .upload button[aria-label*='lear' i], .given .upload button[title*='lear' i]").click()
    visitor.page.locator(".given .upload img").locator("visible=true").wait_for(state="detached")
    make(visitor, "from words alone")
    assert newest(server)["inputs"] == {}
