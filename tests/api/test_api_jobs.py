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


def slow() -> Request:
    return Request(model="fake", prompt="x", options={"steps": 1000, "delay": 0.05})


def test_a_full_queue_is_refused_with_the_time_to_ask_again(open_site):
    site = open_site(queue_each=2)
    jobs = [site.studio.submit(slow()) for _ in range(1)]
    while site.studio.counts() != (1, 0):
        pass
    jobs += [site.studio.submit(slow()) for _ in range(2)]
    answer = site.post("/v1/images/generations", json={"model": "fake", "prompt": "one more"})
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1
    error = answer.json()["error"]
    assert error["code"] == "queue_full" and error["type"] == "rate_limit_error" and "2 of your jobs wait already" in error["message"]
    for job in reversed(jobs):
        site.delete(f"/v1/jobs/{job.id}")
    assert site.post("/v1/images/generations", json={"model": "fake", "prompt": "one more"}).status_code == 200


def test_a_paused_queue_begins_nothing_until_it_goes_on(client):
    assert client.post("/v1/jobs/pause").json() == {"paused": True}
    waiting = client.studio.submit(Request(model="fake", prompt="x"))
    assert client.get("/v1/jobs").json()["paused"] is True
    assert client.studio.counts() == (0, 1) and client.get(f"/v1/jobs/{waiting.id}").json()["state"] == "queued"
    assert client.post("/v1/jobs/resume").json() == {"paused": False}
    assert events(client.get(f"/v1/jobs/{waiting.id}/events").text)[-1]["state"] == "done"


def test_waiting_jobs_change_places_and_say_how_long_they_wait(client):
    list(client.studio.follow(client.studio.submit(Request(model="fake", prompt="x", options={"steps": 4, "delay": 0.1})).id))
    client.post("/v1/jobs/pause")
    first, second = (client.studio.submit(Request(model="fake", prompt=name)).id for name in ("first", "second"))
    shown = client.get(f"/v1/jobs/{second}").json()
    assert shown["position"] == 1 and 0.3 < shown["wait"] < 30
    moved = client.post(f"/v1/jobs/{second}/move", params={"place": 0}).json()
    assert (moved["position"], moved["wait"]) == (0, 0.0) and client.get(f"/v1/jobs/{first}").json()["position"] == 1
    assert client.post(f"/v1/jobs/{second}/move", params={"place": -1}).status_code == 400
    client.post("/v1/jobs/resume")
    ended = [client.get(f"/v1/jobs/{job}/events") and client.get(f"/v1/jobs/{job}").json()["finished"] for job in (second, first)]
    assert ended == sorted(ended)
    assert client.post(f"/v1/jobs/{second}/move").status_code == 404


def test_users_take_turns_and_only_the_owner_pauses(open_site):
    site = open_site(auth=["me:1", "ann:2", "bob:3"])
    keys = {name: {"authorization": f"Bearer {site.app.state.accounts.key(name)}"} for name in ("me", "ann", "bob")}
    refused = site.post("/v1/jobs/pause", headers=keys["ann"])
    assert refused.status_code == 403 and "Only the owner" in refused.json()["error"]["message"]
    assert site.post("/v1/jobs/pause", headers=keys["me"]).status_code == 200
    names = ("ann", "ann", "ann", "bob", "me")
    jobs = [(name, site.studio.submit(Request(model="fake", prompt=name), name).id) for name in names]
    assert [site.studio.job(job).position for _, job in jobs] == [1, 3, 4, 2, 0]
    assert site.post(f"/v1/jobs/{jobs[0][1]}/move", headers=keys["bob"]).status_code == 404, "nobody moves another's job"
    site.post("/v1/jobs/resume", headers=keys["me"])
    for _, job in jobs:
        list(site.studio.follow(job))
    ran = sorted(jobs, key=lambda job: site.studio.job(job[1]).finished)
    assert [name for name, _ in ran] == ["me", "ann", "bob", "ann", "ann"]


def test_nobody_pauses_a_studio_that_is_open_to_all(open_site):
    site = open_site(share=True, public=True)
    assert site.post("/v1/jobs/pause").status_code == 403
