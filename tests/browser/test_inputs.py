"""Files to start from, in Chromium: a picture, a mask painted over it, a clip, and results that are sent on."""

import io

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


def mask_of(server, record):
    answer = httpx.get(f"{server.url}/v1/gallery/{record['id']}/input", params={"role": "mask"}).raise_for_status()
    return Image.open(io.BytesIO(answer.content))


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
    visitor.see(".given .upload button[aria-label='Remove Image']").click()
    visitor.page.locator(".given .upload img").locator("visible=true").wait_for(state="detached")
    make(visitor, "from words alone")
    assert newest(server)["inputs"] == {}


def test_what_is_painted_over_is_the_mask(visit, server, picture):
    visitor = visit()
    start_from(visitor, picture)
    unfold(visitor, "Paint over a part")
    easel = visitor.see(".easel canvas")
    easel.scroll_into_view_if_needed()
    box = easel.bounding_box()
    middle, across = box["y"] + box["height"] / 2, box["x"] + box["width"] / 2
    visitor.page.wait_for_timeout(2000)  # until the picture stands on it
    visitor.page.mouse.move(across - 20, middle)
    visitor.page.mouse.down()
    visitor.page.mouse.move(across + 20, middle, steps=8)
    visitor.page.mouse.up()
    visitor.page.wait_for_timeout(1000)
    make(visitor, "painted over")
    record = newest(server)
    assert record["inputs"].keys() == {"image", "mask"}
    mask = mask_of(server, record)
    left, top, right, bottom = mask.getbbox()
    assert mask.getpixel((mask.width // 2, mask.height // 2)) == 255, "the middle was painted over"
    assert left > 0 and top > 0 and right < mask.width and bottom < mask.height, "the edges were not"


def test_a_result_is_sent_on_to_where_it_can_start_another(visit, server):
    visitor = visit()
    visitor.choose("Echo")
    make(visitor, "the first")
    first = newest(server)
    visitor.see(".about button[data-act=send][data-text=image], .about button:has-text('Start a picture from it')").click()
    visitor.see(".given .upload img")
    make(visitor, "the second")
    second = newest(server)
    assert second["parents"] == [first["id"]] and [*second["inputs"]] == ["image"]
