"""The page as a whole: its tabs, its header, what it asks of the browser, and its own API."""

import re
from pathlib import Path

import gradio as gr
import pytest
import yaml
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio_client import Client

from studio import tabs, ui
from studio.types import Request

FOLLOWERS = {"follow", "ask", "api_chat", "api_complete"}


@pytest.fixture(scope="module")
def found() -> list[tabs.Tab]:
    return tabs.find()


@pytest.fixture
def page(studio) -> gr.Blocks:
    return ui.build(studio)


def test_one_file_is_one_tab(found):
    files = {path.stem for path in Path(tabs.__file__).parent.glob("[!_]*.py")}
    assert {tab.id for tab in found} == files
    assert [tab.title for tab in found][:2] == ["Image", "Text"] and len({tab.place for tab in found}) == len(found)


def test_every_tab_stands_on_the_page(page, found):
    drawn = [block.label for block in page.blocks.values() if isinstance(block, gr.Tab)]
    assert drawn[: len(found)] == [tab.title for tab in found]


def test_a_tab_stands_or_falls_with_the_models_it_needs(new_studio, catalogue):
    entries = yaml.safe_load(catalogue.read_text())
    catalogue.write_text(yaml.safe_dump({name: entry for name, entry in entries.items() if entry.get("task") != "text-to-video"}))
    drawn = [block.label for block in ui.build(new_studio()).blocks.values() if isinstance(block, gr.Tab)]
    assert "Video" not in drawn and "Music" in drawn and "Faces" in drawn


def test_no_event_covers_the_page_with_gradio_s_own_progress(page):
    assert {fn.show_progress for fn in page.fns.values() if fn.api_visibility != "public"} == {"hidden"}


def test_followers_never_wait_for_one_another(page):
    limits = {fn.name: fn.concurrency_limit for fn in page.fns.values() if fn.name in FOLLOWERS}
    assert limits.keys() >= FOLLOWERS and set(limits.values()) == {None}


def test_a_newer_follower_can_begin_while_an_older_one_goes_on(page):
    assert {fn.trigger_mode for fn in page.fns.values() if fn.name in ("follow", "submit")} == {"multiple"}


def test_every_control_can_be_used(page):
    kinds = (gr.Textbox, gr.Number, gr.Slider, gr.Radio, gr.Dropdown, gr.Checkbox)
    assert [block.label for block in page.blocks.values() if isinstance(block, kinds) and not block.interactive] == []


def test_every_control_has_a_label(page):
    kinds = (gr.Textbox, gr.Number, gr.Slider, gr.Radio, gr.Dropdown, gr.Checkbox, gr.Chatbot)
    assert all(block.label for block in page.blocks.values() if isinstance(block, kinds))


def test_the_header_says_what_runs(studio, finish):
    assert ui.standing(studio)["running"] == "Idle"
    job = studio.submit(Request(model="fake", prompt="x", options={"steps": 200, "delay": 0.02}))
    next(iter(studio.follow(job.id)))
    waiting = studio.submit(Request(model="fake", prompt="x"))
    shown = ui.standing(studio)
    assert shown["busy"] == "busy" and "1" in shown["running"] + shown["waiting"]
    studio.cancel(waiting.id)
    studio.cancel(job.id)
    finish(studio, job.id)


@pytest.mark.parametrize(("count", "said"), [(0, "0"), (50e6, "0.05"), (1.64e9, "1.64"), (12e9, "12"), (2e9, "2")])
def test_memory_is_short(count, said):
    assert ui.gigabytes(count) == said


def test_problems_of_the_start_are_shown(new_studio, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("bad: {engine: nonesuch, source: <b>x</b>}\n")
    page = ui.build(new_studio(models=path))
    (notice,) = [block for block in page.blocks.values() if block.elem_id == "problems"]
    assert "nonesuch" in notice.value and "<b>x" not in notice.value


def test_a_catalogue_without_models_still_gives_a_page(new_studio, tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("{}\n")
    assert ui.build(new_studio(models=path)).fns


def test_styles_keep_to_what_gradio_lets_through():
    assert not re.search(r":(is|not)\([^)]*,", ui.styles()), "gradio cuts such commas apart"
    for media in re.findall(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", ui.styles()):
        assert not re.search(r"(^|[\s,}]):root|(^|[\s,}])body\b", media.split("{", 1)[1]), "neither matches inside @media"


@pytest.mark.parametrize("root", ["", "/studio"])
def test_the_page_is_served_behind_a_root_path_too(studio, page, root):
    app = gr.mount_gradio_app(FastAPI(), page, "/", root_path=root or None, **ui.page_options(studio))
    with TestClient(app) as client:
        assert '"title":"Studio"' in client.get("/").text
        assert f"{root}/" in client.get("/config").json()["root"] + "/"


def test_files_are_named_relative_to_the_page(page, studio, finish):
    finish(studio, studio.submit(Request(model="fake", prompt="x")).id)
    assert 'src="/' not in str(page.get_config_file())


def test_gradio_s_own_api(page, studio):
    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **ui.page_options(studio))
    try:
        client = Client(address, verbose=False)
        names = set(client.view_api(return_format="dict")["named_endpoints"])
        assert {"/image", "/chat", "/complete"} <= names
        made = client.predict(prompt="x", model="fake", seed=5, options={}, api_name="/image")
        assert made["state"] == "done" and made["results"][0]["seed"] == 5
        pieces = client.submit(message="one two", model="fake-text", api_name="/chat")
        assert list(pieces)[-1] == "one two"
    finally:
        page.close()
