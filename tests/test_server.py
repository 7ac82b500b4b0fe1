import asyncio
import os
import socket
import threading
import time
from pathlib import Path

import gradio
import pytest
from fastapi.testclient import TestClient

from studio import server
from studio.server import PortInUse
from studio.settings import Settings
from studio.types import Request


@pytest.fixture
def settings(tmp_path: Path, catalogue: Path):
    return lambda **given: Settings(
        **{"data": tmp_path / "data", "models": catalogue, "in_process": True, "device": "cpu", "offline": True, **given}
    )


@pytest.fixture
def taken():
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def site(new_studio):
    """Make clients of whole sites."""
    opened = []

    def make(base: str = "http://127.0.0.1", **given) -> TestClient:
        core = new_studio(**given)
        with gradio.Blocks(analytics_enabled=False) as page:
            gradio.Textbox(label="empty")
        client = TestClient(server.build(core, core.settings, page, {}), base_url=base, follow_redirects=False)
        client.studio = core
        opened.append(client.__enter__())
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


def test_a_port_that_was_asked_for_and_is_taken_is_named(settings, taken):
    with pytest.raises(PortInUse, match=f"port {taken} of 127.0.0.1.*--port"):
        server.listen(settings(port=taken))


def test_without_a_wish_the_next_free_port_is_taken(taken):
    wish = Settings.model_construct(_fields_set=set(), host="127.0.0.1", port=taken)
    with server.listen(wish) as opened:
        assert taken < opened.getsockname()[1] < taken + 100


def test_answers_leave_at_once_and_wait_for_no_acknowledgement(settings):
    async def no_delay(opened: socket.socket) -> int:
        """Return whether asyncio lets small packets go, as a server of its own has it."""
        seen = asyncio.get_running_loop().create_future()

        def met(reader, writer):
            seen.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(met, sock=opened):
            _, writer = await asyncio.open_connection(*opened.getsockname())
            found = await seen
            writer.close()
        return found

    with server.listen(settings(port=0)) as opened:
        assert asyncio.run(no_delay(opened))


def test_an_address_that_is_not_this_machines_is_named(settings):
    with pytest.raises(PortInUse, match="203.0.113.1"):
        server.listen(settings(host="203.0.113.1", port=0))


def test_the_page_and_the_routes_share_a_port(site):
    client = site()
    assert client.get("/healthz").json() == {"status": "ok"}
    assert "gradio" in client.get("/").text
    assert client.get("/v1/models").json()["object"] == "list"
    assert client.get("/v1/openapi.json").json()["info"]["title"] == "Studio"


@pytest.mark.parametrize("path", ["/monitoring", "/monitoring/summary", "/gradio_api/runs"])
def test_what_would_watch_the_user_is_off(site, path):
    assert site().get(path).status_code in (403, 404)


def test_only_results_are_handed_out_as_files(site):
    client = site()
    job = client.studio.submit(Request(model="fake", prompt="x"))
    list(client.studio.follow(job.id))
    path = client.studio.folder / client.studio.gallery.list()[0].path
    assert client.get(f"/gradio_api/file={path}").status_code == 200
    for other in ("studio.db", "secret", "outputs/../studio.db", "outputs/%2e%2e/studio.db"):
        assert client.get(f"/gradio_api/file={client.studio.folder}/{other}").status_code == 403
    assert client.get("/gradio_api/file=/etc/passwd").status_code == 403


def test_everybody_sees_what_is_theirs(site, monkeypatch):
    client = site(auth=["ann:pw", "bob:pw"])
    keys = {name: {"authorization": f"Bearer {client.app.state.accounts.key(name)}"} for name in ("ann", "bob")}
    made = client.post("/v1/images/generations", json={"prompt": "x", "response_format": "url"}, headers=keys["ann"])
    job, record = made.headers["X-Studio-Job"], made.json()["data"][0]["id"]
    path = client.studio.folder / client.studio.gallery.get(record).path
    client.get(f"/v1/gallery/{record}/preview", headers=keys["ann"])
    monkeypatch.chdir(client.studio.folder)
    drawn = next((client.studio.folder / "thumbnails").iterdir())
    routes = [f"/v1/jobs/{job}", f"/v1/jobs/{job}/events", *(f"/v1/gallery/{record}{part}" for part in ("", "/file", "/preview"))]
    files = [f"/gradio_api/file={file}" for file in (path, path.relative_to(client.studio.folder), drawn)]
    for address in routes + files:
        assert client.get(address, headers=keys["ann"]).status_code == 200, address
        assert client.get(address, headers=keys["bob"]).status_code == 404, address
        assert client.get(address).status_code == 401, address
    assert client.get("/v1/gallery", headers=keys["bob"]).json()["data"] == client.get("/v1/jobs", headers=keys["bob"]).json()["data"] == []
    for change in (client.delete, client.patch):
        extra = {"json": {"rating": 1}} if change == client.patch else {}
        assert change(f"/v1/gallery/{record}", headers=keys["bob"], **extra).status_code == 404
    assert client.delete(f"/v1/jobs/{job}", headers=keys["bob"]).status_code == 404


def test_what_a_user_sent_is_shown_to_her(site):
    client = site(auth=["ann:pw"])
    client.post("/login", data={"username": "ann", "password": "pw"})
    sent = client.post("/gradio_api/upload", files={"files": ("x.txt", b"hello", "text/plain")}).json()[0]
    assert client.get(f"/gradio_api/file={sent}").content == b"hello"


def test_the_page_knows_who_is_signed_in(site):
    client = site(auth=["ann:pw"])
    client.post("/login", data={"username": "ann", "password": "pw"})
    assert client.get("/config").json()["username"] == "ann"


@pytest.mark.parametrize("given", [{"host": "0.0.0.0"}, {"share": True}])
def test_a_password_is_made_where_others_can_reach_the_page(site, given):
    client = site(base="http://studio.example", **given)
    password = client.app.state.password
    assert client.get("/").status_code == 401
    assert client.post("/login", data={"username": "studio", "password": password}).status_code == 200
    assert client.get("/").status_code == 200
    assert any(password in line for line in server.greeting(client.app, client.studio.settings, 7860))


def test_public_opens_it(site):
    assert site(base="http://studio.example", public=True).get("/v1/jobs").status_code == 200


def test_what_browsers_sent_long_ago_is_removed(tmp_path):
    old, new = tmp_path / "a" / "old.png", tmp_path / "b" / "new.png"
    for file in (old, new):
        file.parent.mkdir()
        file.write_bytes(b"x")
    os.utime(old, (0, 0))
    server.clear_uploads(tmp_path)
    assert not old.exists() and new.exists()


def test_the_public_link_is_said(settings, monkeypatch):
    said = []
    monkeypatch.setattr("gradio.networking.setup_tunnel", lambda host, port, *_: f"https://{host}-{port}.example")
    server.share(settings(share=True, host="0.0.0.0"), 7860, said.append)
    assert said == ["Public link: https://127.0.0.1-7860.example"]


def test_a_link_that_fails_is_said_and_the_studio_goes_on(settings, monkeypatch):
    def fail(*_):
        raise RuntimeError("Could not get share link from Gradio API Server.")

    said = []
    monkeypatch.setattr("gradio.networking.setup_tunnel", fail)
    server.share(settings(share=True), 7860, said.append)
    assert said == ["No public link: Could not get share link from Gradio API Server. The studio goes on without it."]


def test_many_can_wait_at_once(site):
    client = site()
    answers = []

    def ask() -> None:
        answers.append(client.post("/v1/images/generations", json={"prompt": "x", "steps": 1, "delay": 0.01}).status_code)

    threads = [threading.Thread(target=ask) for _ in range(60)]
    blocker = client.studio.submit(Request(model="fake", prompt="x", options={"steps": 1000, "delay": 0.02}))
    for thread in threads:
        thread.start()
    while client.studio.counts()[1] < 60:
        time.sleep(0.05)
    began = time.monotonic()
    assert client.get("/v1/models").status_code == 200
    assert time.monotonic() - began < 2
    client.studio.cancel(blocker.id)
    for thread in threads:
        thread.join()
    assert answers == [200] * 60
