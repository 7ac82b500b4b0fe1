"""Pages of other sites, names of other hosts."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from studio.access import from_lines
from studio.guard import Guard, is_local_name

HOME = "http://127.0.0.1:7860"


def site(host: str = HOME, local: bool = True, **given) -> TestClient:
    app = FastAPI()
    settings = {"accounts": None, "shared": False, "public": False, "may_read": lambda *_: True, **given}
    app.add_middleware(Guard, local=local, **settings)

    @app.api_route("/{rest:path}", methods=["GET", "POST", "DELETE"])
    def anything() -> str:
        return "in"

    return TestClient(app, base_url=host)


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.1:7860", "localhost:7860", "[::1]:7860", "127.1.2.3", "studio.localhost:1"])
def test_names_of_this_machine(name):
    assert is_local_name(name)


@pytest.mark.parametrize(
    "name",
    ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example", "", "[", "0x7f.1.evil", "notlocalhost"],
)
def test_names_of_others(name):
    assert not is_local_name(name)


def test_a_name_bent_to_this_machine_is_refused():
    refused = site(host="http://evil.example:7860").get("/v1/gallery")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "foreign_host"
    assert site(host="http://evil.example:7860").get("/", headers={"authorization": "Bearer x"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:9999"},
    ],
)
def test_another_sites_page_cannot_act_in_the_readers_name(headers):
    assert site().post("/v1/x", headers=headers).status_code == 403
    assert site().delete("/v1/x", headers=headers).status_code == 403
    assert site().get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"origin": HOME}, {"sec-fetch-site": "same-origin", "origin": HOME}, {"sec-fetch-site": "none"}])
def test_the_page_itself_and_programs_may(headers):
    assert site().post("/v1/x", headers=headers).status_code == 200


def test_a_proxy_that_says_its_name_is_known():
    headers = {"origin": "https://studio.example", "x-forwarded-host": "studio.example"}
    assert site(local=False).post("/v1/x", headers=headers).status_code == 200


def test_an_open_studio_answers_everybody():
    assert (
        site(host="http://ann-studio.hf.space", local=False, public=True).post("/", headers={"origin": "https://x.example"}).status_code
        == 200
    )


def test_with_accounts_any_name_will_do_and_a_key_needs_no_origin():
    accounts = from_lines(["ann:pw"], b"s" * 32)
    key = {"authorization": f"Bearer {accounts.key('ann')}", "origin": "https://x.example"}
    assert site(host="http://studio.example", accounts=accounts).post("/", headers=key).status_code == 200


def test_no_websocket_is_opened():
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), site().websocket_connect("/x"):
        pass
