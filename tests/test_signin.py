"""Accounts through the front door: the form, the cookie, the keys, and who sees what."""

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from studio import access, signin
from studio.access import Accounts, Attempts, from_lines
from studio.guard import COOKIE, Guard

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def people() -> Accounts:
    return from_lines(["ann:pw", "bob:pw2"], b"s" * 32)


@pytest.fixture
def site(people: Accounts) -> TestClient:
    """A site with two people, and a route that says who asks."""
    app = FastAPI()
    app.state.accounts = people
    app.include_router(signin.routes(app.state.accounts, Attempts()))
    app.add_middleware(
        Guard, accounts=app.state.accounts, shared=False, local=False, public=False, may_read=lambda path, user: path == user
    )

    @app.api_route("/{rest:path}", methods=["GET", "POST"])
    def anything(request: Request) -> dict[str, str]:
        return {"user": request.state.user}

    return TestClient(app, follow_redirects=False, client=("127.0.0.1", 50000))


def enter(site: TestClient, name: str = "ann", password: str = "pw", target: str = "/"):
    return site.post("/login", params={"next": target}, data={"username": name, "password": password}, headers=HTML)


@pytest.mark.parametrize(
    "path",
    ["/", "/v1/models", "/gradio_api/queue/join", "/gradio_api/file=/x.png", "/assets/x.js", "/config", "//", "/login/x", "/healthz/x"],
)
def test_a_stranger_gets_nothing(site, path):
    assert site.get(path).status_code == 401
    assert site.post(path).status_code == 401


def test_a_browser_is_led_to_the_door_and_back(site):
    led = site.get("/gallery?q=x", headers=HTML)
    assert (led.status_code, led.headers["location"]) == (303, "/login?next=%2Fgallery%3Fq%3Dx")
    assert "<form" in site.get(led.headers["location"]).text
    entered = enter(site, target="/gallery?q=x")
    assert (entered.status_code, entered.headers["location"]) == (303, "/gallery?q=x")
    assert "HttpOnly" in entered.headers["set-cookie"] and "SameSite=lax" in entered.headers["set-cookie"]
    assert site.get("/").json() == {"user": "ann"}
    site.get("/logout")
    assert site.get("/").status_code == 401


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "", "javascript:x", "/\nx"])
def test_the_way_back_never_leads_elsewhere(site, target):
    assert enter(site, target=target).headers["location"] == "/"


def test_a_wrong_password_is_told_without_saying_what_was_wrong(site):
    wrong, unknown = enter(site, password="x"), enter(site, name="<eve>", password="x")
    assert wrong.status_code == unknown.status_code == 401
    assert "do not belong together" in wrong.text and "&lt;eve&gt;" in unknown.text


def test_guessing_has_to_wait_even_with_the_right_word(site, monkeypatch):
    monkeypatch.setattr(access, "FAILURES", 2)
    for _ in range(access.FAILURES):
        enter(site, password="x")
    refused = enter(site)
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
    assert enter(site, "bob", "pw2").status_code == 303


def test_programs_bring_a_key(site):
    key = site.app.state.accounts.key("bob")
    assert site.get("/v1/x", headers={"authorization": f"Bearer {key}"}).json() == {"user": "bob"}
    refused = site.get("/v1/x", headers={"authorization": f"Bearer {key}x"})
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "invalid_api_key"


def test_a_forged_cookie_is_worth_nothing(site):
    assert site.get("/", cookies={COOKIE: "YW5u.99999999999.00"}).status_code == 401


def test_a_file_of_somebody_else_is_not_there(site):
    enter(site)
    assert site.get("/gradio_api/file=ann").status_code == 200
    assert site.get("/gradio_api/file=bob").status_code == 404
    assert site.get("/gradio_api/file/bob").status_code == 404


@pytest.mark.parametrize("form", [b"", b"username=ann", b"\xff\xfe", b"username=%00&password=%ff", b"username=" + b"x" * 100_000])
def test_any_form_is_answered(site, form):
    answer = site.post("/login", content=form, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 401
