"""Gallery and Models in Chromium, and what a crash leaves behind."""

import time

import httpx


def make(server, prompt: str) -> None:
    """Make a picture through the HTTP interface."""
    body = {"model": "slow", "prompt": prompt, "response_format": "url", "steps": 1, "delay": 0}
    httpx.post(f"{server.url}/v1/images/generations", json=body, timeout=120).raise_for_status()


def test_what_was_made_is_found_opened_rated_and_deleted(visit, server):
    make(server, "a lighthouse to be found")
    make(server, "a windmill to be left alone")
    visitor = visit()
    visitor.open("Gallery")
    visitor.see(".item >> text=lighthouse")
    visitor.page.get_by_label("Search").fill("lightho")
    visitor.page.locator(".item:has-text('windmill')").wait_for(state="hidden")
    visitor.see(".item >> text=lighthouse").click()
    card = visitor.see(".detail .facts")
    assert "a lighthouse to be found" in card.inner_text() and "Seed" in card.inner_text()
    visitor.page.get_by_label("4 of 5").locator("visible=true").click()
    visitor.see(".stars [aria-label='4 of 5'][aria-pressed='true']")
    assert server.get("/v1/gallery?q=lighthouse")["data"][0]["rating"] == 4
    visitor.page.on("dialog", lambda dialog: dialog.accept())
    visitor.see(".detail [data-act='delete']").click()
    visitor.page.locator(".item:has-text('lighthouse')").wait_for(state="hidden")
    assert server.get("/v1/gallery?q=lighthouse")["data"] == []
    assert len(server.get("/v1/gallery?q=windmill")["data"]) == 1


def test_a_result_is_made_again_with_its_seed(visit, server):
    make(server, "a barn to be made twice")
    visitor = visit()
    visitor.open("Gallery")
    visitor.see(".item >> text=barn").click()
    visitor.see(".detail [data-act='again']").click()
    deadline = time.monotonic() + 60
    while len(found := server.get("/v1/gallery?q=barn")["data"]) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len({record["seed"] for record in found}) == 1 and len(found) == 2
    assert len({record["sha256"] for record in found}) == 1


def test_a_model_is_loaded_and_unloaded(visit, server):
    httpx.post(f"{server.url}/v1/registry/failing/unload")
    visitor = visit()
    visitor.open("Models")
    visitor.page.get_by_role("button", name="Load Failing pictures", exact=True).click()
    visitor.page.get_by_role("button", name="Unload Failing pictures").wait_for()
    assert "failing" in [model["id"] for model in server.get("/v1/registry")["data"]]
    visitor.page.get_by_role("button", name="Unload Failing pictures").click()
    visitor.page.get_by_role("button", name="Load Failing pictures", exact=True).wait_for()
    assert "failing" not in [model["id"] for model in server.get("/v1/registry")["data"]]


def test_after_a_crash_unfinished_work_is_listed_and_one_click_runs_it_again(visit, server):
    visitor = visit()
    visitor.choose("Slow pictures")
    visitor.see("textarea").fill("cut short by a crash")
    visitor.generate()
    visitor.see(".stage img")
    job = next(job for job in server.get("/v1/jobs")["data"] if job["prompt"] == "cut short by a crash")
    visitor.context.close()
    visitor.complaints.clear()  # a page whose studio is killed may complain
    server.kill()
    server.start()
    assert server.get(f"/v1/jobs/{job['id']}")["state"] == "interrupted"
    visitor = visit()
    visitor.open("Gallery")
    visitor.see("text=cut short by a crash")
    visitor.page.get_by_role("button", name="Run again").locator("visible=true").first.click()
    deadline = time.monotonic() + 60
    while (now := server.get(f"/v1/jobs/{job['id']}"))["state"] != "running" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert (now["state"], now["seed"]) == ("running", job["seed"])
    httpx.delete(f"{server.url}/v1/jobs/{job['id']}").raise_for_status()
