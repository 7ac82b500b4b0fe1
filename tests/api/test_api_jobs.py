import json

import pytest

from studio.types import Request


@pytest.fixture
def job(client):
    made = client.studio.submit(Request(model="fake", prompt="a house", options={"count": 2}))
    list(client.studio.follow(made.id))
    return made.id


def events(text: str) -> list[dict]:
    fields = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    return [{**json.loads(field["data"]), "id": int(field["id"]), "event": field["event"]} for field in fields]


def test_a_job_is_shown_without_its_owner(client, job):
    shown = client.get(f"/v1/jobs/{job}").json()
    names = "id state task model prompt seed options created started finished position progress error results"
    assert set(names.split()) <= set(shown)
    assert not {"user", "request"} & set(shown)
    assert shown["state"] == "done" and len(shown["results"]) == 2
    assert client.get("/v1/jobs", params={"state": "done"}).json()["data"] == [shown]
    assert client.get("/v1/jobs", params={"state": "running"}).json()["data"] == []


def test_what_happened_can_be_followed_afterwards(client, job):
    told = events(client.get(f"/v1/jobs/{job}/events").text)
    assert [event["id"] for event in told] == list(range(1, len(told) + 1))
    assert {"state", "progress", "result"} <= {event["type"] for event in told}
    assert told[-1]["state"] == "done"


def test_following_goes_on_where_it_broke_off(client, job):
    every = events(client.get(f"/v1/jobs/{job}/events").text)
    rest = events(client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "3"}).text)
    assert rest == every[3:]
    assert client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(len(every))}).status_code == 204
    assert events(client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "nonsense"}).text) == every


def test_a_running_job_is_stopped(client):
    running = client.studio.submit(Request(model="fake", prompt="x", options={"steps": 1000, "delay": 0.05}))
    waiting = client.studio.submit(Request(model="fake", prompt="x"))
    assert client.delete(f"/v1/jobs/{waiting.id}").json()["state"] == "cancelled"
    assert client.delete(f"/v1/jobs/{running.id}").json()["state"] == "cancelled"


def test_stopping_what_has_ended_changes_nothing(client, job):
    assert client.delete(f"/v1/jobs/{job}").json()["state"] == "done"


def test_a_job_runs_again_with_its_seed(client, job):
    again = client.post(f"/v1/jobs/{job}/rerun")
    assert again.json()["seed"] == client.studio.job(job).seed
    assert again.headers["X-Studio-Job"] == again.json()["id"] != job
