import json
import time

import pytest

CHAT = {"model": "fake-text", "messages": [{"role": "user", "content": "one two three"}], "seed": 7}


def chunks(response) -> list:
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) if line != "[DONE]" else line for line in lines]


def test_a_chat_is_answered_whole(client):
    response = client.post("/v1/chat/completions", json=CHAT)
    answer = response.json()
    assert response.status_code == 200
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "one two three ", "refusal": None}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
    assert client.studio.job(response.headers["X-Studio-Job"]).seed == 7


def test_a_chat_is_streamed(client):
    response = client.post("/v1/chat/completions", json={**CHAT, "stream": True})
    pieces = chunks(response)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["X-Studio-Job"]
    assert pieces[-1] == "[DONE]"
    assert pieces[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(piece["choices"][0]["delta"].get("content", "") for piece in pieces[:-1]) == "one two three "
    assert pieces[-2]["choices"][0]["finish_reason"] == "stop"
    assert not any("usage" in piece for piece in pieces[:-1])


def test_a_stream_ends_with_the_usage_when_asked(client):
    pieces = chunks(client.post("/v1/chat/completions", json={**CHAT, "stream": True, "stream_options": {"include_usage": True}}))
    assert pieces[-2]["choices"] == []
    assert pieces[-2]["usage"]["total_tokens"] == 6
    assert all(piece["usage"] is None for piece in pieces[:-2])


def test_a_text_is_gone_on_with(client):
    answer = client.post("/v1/completions", json={"model": "fake-text", "prompt": "once upon"}).json()
    assert answer["object"] == "text_completion"
    assert answer["choices"][0]["text"] == "once upon "
    pieces = chunks(client.post("/v1/completions", json={"prompt": ["once upon"], "stream": True}))
    assert "".join(piece["choices"][0]["text"] for piece in pieces[:-1]) == "once upon "


def test_the_first_text_model_is_taken_where_none_is_named(client):
    answer = client.post("/v1/chat/completions", json={"messages": CHAT["messages"]}).json()
    assert answer["model"] == "fake-text"


def test_parts_and_developers_are_understood(client):
    parts = [{"role": "developer", "content": "be kind"}, {"role": "user", "content": [{"type": "text", "text": "hello"}]}]
    response = client.post("/v1/chat/completions", json={"messages": parts})
    request = client.studio.job(response.headers["X-Studio-Job"]).request
    assert [(turn.role, turn.content) for turn in request.messages] == [("system", "be kind"), ("user", "hello")]


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_the_longest_answer_reaches_the_engine(client, field):
    response = client.post("/v1/chat/completions", json={**CHAT, field: 9})
    assert client.studio.job(response.headers["X-Studio-Job"]).options["max_tokens"] == 9


def test_harmless_fields_of_openai_change_nothing(client):
    harmless = {
        "user": "ann",
        "metadata": {"a": "b"},
        "tools": [],
        "logit_bias": {},
        "response_format": {"type": "text"},
        "n": 1,
        "store": False,
    }
    assert client.post("/v1/chat/completions", json={**CHAT, **harmless}).status_code == 200


def test_a_job_that_fails_says_why(client):
    response = client.post("/v1/chat/completions", json={**CHAT, "trouble": "raise"})
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "generation_failed"
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["X-Studio-Job"]


def test_a_stream_that_fails_ends_with_the_error(client):
    pieces = chunks(client.post("/v1/chat/completions", json={**CHAT, "stream": True, "trouble": "raise"}))
    assert pieces[-1]["error"]["code"] == "generation_failed"


def test_a_job_that_is_stopped_answers_409(client):
    import threading

    def stop() -> None:
        while not (running := client.studio.jobs(states=("running",))):
            time.sleep(0.02)
        client.studio.cancel(running[0].id)

    thread = threading.Thread(target=stop)
    thread.start()
    response = client.post("/v1/chat/completions", json={**CHAT, "steps": 500, "delay": 0.05})
    thread.join()
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "cancelled"
