import json

import pytest

CHAT, WORDS, IMAGE = "/v1/chat/completions", "/v1/completions", "/v1/images/generations"
SPEECH, MUSIC = "/v1/audio/speech", "/v1/audio/music"
HELLO = {"messages": [{"role": "user", "content": "hello"}]}

BAD = [
    # route, body, the field and a piece of the value that the message has to name
    (CHAT, {}, "messages", "missing"),
    (CHAT, {"messages": []}, "messages", "[]"),
    (CHAT, {"messages": "hello"}, "messages", "'hello'"),
    (CHAT, {"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role", "'tool'"),
    (CHAT, {"messages": [{"role": "user", "content": 5}]}, "messages.0.content", "5"),
    (CHAT, {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0.content", "image_url"),
    (CHAT, {"messages": [{"role": "user", "content": " "}]}, "messages", "empty"),
    (CHAT, {"messages": [{"role": "user", "content": "a\u0000b"}]}, "messages.0.content", "U+0000"),
    (CHAT, {**HELLO, "n": 2}, "n", "2"),
    (CHAT, {**HELLO, "temperature": -1}, "temperature", "-1"),
    (CHAT, {**HELLO, "top_p": 0}, "top_p", "0"),
    (CHAT, {**HELLO, "max_tokens": 0}, "max_tokens", "0"),
    (CHAT, {**HELLO, "max_tokens": 10**9}, "max_tokens", "1000000000"),
    (CHAT, {**HELLO, "stream": "perhaps"}, "stream", "'perhaps'"),
    (CHAT, {**HELLO, "stop": {"a": 1}}, "stop", "{'a': 1}"),
    (CHAT, {**HELLO, "tools": [{"type": "function"}]}, "tools", "function"),
    (CHAT, {**HELLO, "response_format": {"type": "json_object"}}, "response_format", "json_object"),
    (CHAT, {**HELLO, "seed": 2**70}, "seed", str(2**70)),
    (CHAT, {**HELLO, "seed": -1}, "seed", "-1"),
    (CHAT, {**HELLO, "seed": "x"}, "seed", "'x'"),
    (CHAT, {**HELLO, "model": "nobody"}, "model", "'nobody'"),
    (CHAT, {**HELLO, "model": "fake"}, "model", "'fake'"),
    (CHAT, {**HELLO, "model": 7}, "model", "7"),
    (CHAT, {**HELLO, "warmth": 7}, "warmth", "'warmth'"),
    (WORDS, {"prompt": ["a", "b"]}, "prompt", "['a', 'b']"),
    (WORDS, {"prompt": ""}, "prompt", "empty"),
    (WORDS, {"prompt": "x", "echo": True}, "echo", "True"),
    (IMAGE, {"prompt": "x", "size": "big"}, "size", "'big'"),
    (IMAGE, {"prompt": "x", "size": "99999x64"}, "width", "99999"),
    (IMAGE, {"prompt": "x", "size": "65x64"}, "width", "65"),
    (IMAGE, {"prompt": "x", "n": 0}, "n", "0"),
    (IMAGE, {"prompt": "x", "n": 10_000}, "count", "10000"),
    (IMAGE, {"prompt": "x", "steps": 0}, "steps", "0"),
    (IMAGE, {"prompt": "x", "delay": float("nan")}, "delay", "nan"),
    (IMAGE, {"prompt": "x", "delay": float("inf")}, "delay", "inf"),
    (IMAGE, {"prompt": "x", "response_format": "gif"}, "response_format", "'gif'"),
    (IMAGE, {"prompt": "x", "background": "transparent"}, "background", "'transparent'"),
    (IMAGE, {"prompt": "x", "medium": "vid\x07eo"}, "medium", "U+0007"),
    (IMAGE, {"prompt": "x", "a\ud800": 1}, "a", "U+D800"),
    (IMAGE, {"prompt": "half \ud83d"}, "prompt", "U+D83D"),
    (IMAGE, {"prompt": "x" * 100_001}, "prompt", "100,001"),
    (IMAGE, {"prompt": ["x"]}, "prompt", "['x']"),
    (IMAGE, {"prompt": "  "}, "prompt", "empty"),
    (IMAGE, {"prompt": "x", "parents": "abc"}, "parents", "'abc'"),
    (SPEECH, {"input": ""}, "input", "''"),
    (SPEECH, {"voice": "alloy"}, "input", "missing"),
    (SPEECH, {"input": "x", "response_format": "aac"}, "response_format", "'aac'"),
    (SPEECH, {"input": "x", "speed": 99}, "speed", "99"),
    (SPEECH, {"input": "x", "speed": "fast"}, "speed", "'fast'"),
    (SPEECH, {"input": "x", "speed": float("nan")}, "speed", "nan"),
    (SPEECH, {"input": "x", "instructions": "shout"}, "instructions", "'shout'"),
    (SPEECH, {"input": "x", "voice": 3}, "voice", "3"),
    (MUSIC, {"prompt": "x", "duration": -1}, "duration", "-1"),
    (MUSIC, {"prompt": "x", "duration": 3, "tempo": 1}, "tempo", "'tempo'"),
]


@pytest.mark.parametrize(("route", "body", "field", "value"), BAD)
def test_a_bad_value_is_named(steady, route, body, field, value):
    response = steady.post(route, content=json.dumps(body), headers={"content-type": "application/json"})
    error = response.json()["error"]
    assert 400 <= response.status_code < 500
    assert set(error) == {"message", "type", "param", "code"}
    assert field in error["message"] + str(error["param"])
    assert value in error["message"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"5",
        b'"words"',
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"seed": ' + b"9" * 5000 + b"}",
        b'{"a":' * 500 + b"1" + b"}" * 500,
    ],
)
@pytest.mark.parametrize("route", [CHAT, IMAGE])
def test_what_is_no_json_object_is_refused(steady, route, content):
    response = steady.post(route, content=content, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


def test_a_form_is_refused_with_the_right_type(steady):
    response = steady.post(IMAGE, data={"prompt": "x"})
    assert response.status_code == 400
    assert "application/json" in response.json()["error"]["message"]


def test_a_body_too_large_is_refused(steady):
    for content in (b" " * 4_000_001, iter([b" " * 1_000_000] * 5)):
        response = steady.post(IMAGE, content=content, headers={"content-type": "application/json"})
        assert response.status_code == 413
        assert "4,000,000" in response.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/v1/chat", "/v1/jobs/nobody", "/v1/gallery/nobody", "/v1/gallery/a/b/c"])
def test_an_unknown_address_is_not_found(steady, path):
    response = steady.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["type"] == "not_found_error"


def test_a_wrong_method_is_refused_with_the_right_one(steady):
    response = steady.get(CHAT)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST" and "POST" in response.json()["error"]["message"]


STEPS = ["..%2f..%2fstudio.db", "%2e%2e", "..", "%00", "a%0ab", "%ff", "'; DROP TABLE jobs", "*", "x" * 3000]


@pytest.mark.parametrize("id", STEPS)
@pytest.mark.parametrize("path", ["/v1/gallery/{}/file", "/v1/gallery/{}/preview", "/v1/jobs/{}", "/v1/jobs/{}/events", "/v1/models/{}"])
def test_no_id_leads_anywhere_else(steady, path, id):
    assert steady.get(path.format(id)).status_code in (404, 405)


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/v1/gallery", {"limit": 0}, "limit"),
        ("/v1/gallery", {"limit": 2**70}, "limit"),
        ("/v1/gallery", {"limit": "x"}, "limit"),
        ("/v1/gallery", {"rating": 6}, "rating"),
        ("/v1/gallery", {"q": "x" * 2000}, "q"),
        ("/v1/jobs", {"state": "asleep"}, "state"),
        ("/v1/jobs", {"limit": -1}, "limit"),
        ("/v1/audio/voices", {"model": "fake"}, "model"),
        ("/v1/audio/voices", {"model": "nobody"}, "model"),
    ],
)
def test_a_bad_query_is_named(steady, path, query, field):
    response = steady.get(path, params=query)
    assert 400 <= response.status_code < 500
    assert field in response.json()["error"]["message"]


@pytest.mark.parametrize("query", ['"', "'", "a OR", "NEAR(", "*", "^", "(", "{col}:x", "\x00", "%"])
def test_any_words_can_be_searched_for(steady, query):
    assert steady.get("/v1/gallery", params={"q": query}).status_code == 200


def test_a_fault_of_the_studio_is_told_in_shape_and_logged(steady, monkeypatch, caplog):
    monkeypatch.setattr(steady.studio, "jobs", lambda *_: 1 / 0)
    response = steady.get("/v1/jobs")
    assert response.status_code == 503
    assert response.json()["error"]["type"] == "server_error"
    assert "ZeroDivisionError" in caplog.text


def test_a_bug_in_an_engine_is_no_server_error(steady):
    response = steady.post(IMAGE, json={"prompt": "x", "trouble": "bug"})
    assert response.status_code == 409
    assert "KeyError" in response.json()["error"]["message"]
