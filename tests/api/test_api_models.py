import pytest
import yaml


def test_the_catalogue_is_listed(client):
    models = client.get("/v1/models").json()
    assert models["object"] == "list"
    assert {"id", "object", "created", "owned_by", "task", "loaded", "size_bytes", "license"} <= set(models["data"][0])
    assert [model["id"] for model in client.get("/v1/models", params={"task": "text-to-speech"}).json()["data"]] == ["fake-speech"]


def test_a_model_says_what_it_can_be_asked_for(client):
    model = client.get("/v1/models/fake").json()
    assert model["task"] == "text-to-image"
    assert model["options"]["properties"]["steps"]["maximum"] == 10_000


def test_an_unknown_model_is_not_found(client):
    response = client.get("/v1/models/fakke")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


def test_a_model_is_loaded_and_unloaded(client):
    loaded = client.post("/v1/registry/fake/load")
    assert [model["id"] for model in loaded.json()["data"]] == ["fake"]
    assert client.get("/v1/models/fake").json()["loaded"] is True
    assert client.post("/v1/registry/fake/unload").json()["data"] == []
    registry = client.get("/v1/registry").json()
    assert registry["budget_bytes"] > 0 and registry["used_bytes"] == 0
    assert registry["device"]["type"] == "cpu"


CLOSED = {"engine": "fake", "source": ".", "title": "Closed", "license": "cc-by-nc-4.0", "commercial": False, "gated": True}


def test_a_model_with_terms_answers_409_until_they_are_agreed_to(catalogue, open_site):
    catalogue.write_text(yaml.safe_dump({"closed": CLOSED}))
    client = open_site()
    shown = client.get("/v1/models/closed").json()
    assert (shown["gated"], shown["commercial"], shown["agreed"]) == (True, False, False)
    for path, body in (("/v1/images/generations", {"model": "closed", "prompt": "x"}), ("/v1/registry/closed/load", {})):
        answer = client.post(path, json=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (409, "agreement_required", "model")
        assert "POST /v1/registry/closed/agree" in error["message"] and "cc-by-nc-4.0" in error["message"]
    agreed = client.post("/v1/registry/closed/agree")
    assert agreed.status_code == 200 and agreed.json()["agreed"] is True and "forbids commercial use" in agreed.json()["terms"]
    assert client.get("/v1/models/closed").json()["agreed"] is True
    assert client.post("/v1/images/generations", json={"model": "closed", "prompt": "x"}).status_code == 200


def test_a_model_that_has_to_be_downloaded_is_not_asked_about(catalogue, open_site):
    catalogue.write_text(yaml.safe_dump({"away": {"engine": "fake", "source": "nobody/nothing"}}))
    error = open_site().post("/v1/images/generations", json={"model": "away", "prompt": "x"}).json()["error"]
    assert error["code"] == "model_unavailable"


def test_nobody_agrees_to_a_model_that_is_not_there(client):
    answer = client.post("/v1/registry/fakke/agree")
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "model_not_found"


def test_a_model_is_loaded_in_the_way_asked_for(client):
    loaded = client.post("/v1/registry/fake/load", json={"dtype": "bfloat16"}).json()["data"][0]
    assert (loaded["id"], loaded["dtype"], loaded["mode"]) == ("fake", "bfloat16", "whole")
    assert client.post("/v1/registry/fake/load").json()["data"][0]["dtype"] == "bfloat16"
    assert client.get("/v1/models/fake").json()["dtypes"] == ["float32", "bfloat16"]
    assert client.post("/v1/registry/fake/load", json={"dtype": "auto"}).json()["data"][0]["dtype"] == "float32"


def test_a_way_that_is_not_to_be_had_is_a_bad_request(client):
    for body, param in (({"mode": "offload"}, "mode"), ({"mode": "tiny"}, "mode"), ({"dtype": "int3"}, "dtype"), ({"bits": 3}, "bits")):
        answer = client.post("/v1/registry/fake/load", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the Hub with one repository."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    blob = tmp_path / "hub" / "models--me--words" / "blobs" / "abc"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"x" * 5000)
    blob.with_name("def.incomplete").write_bytes(b"x" * 300)
    return blob.parent.parent


def test_the_cache_is_listed_and_a_repository_deleted(client, cache):
    listed = client.get("/v1/registry/cache").json()
    assert listed["object"] == "list" and listed["total_bytes"] == 5300 and listed["disk_free_bytes"] > 0
    (one,) = listed["data"]
    assert one["id"] == "me/words" and one["bytes"] == 5300 and one["unfinished_bytes"] == 300 and one["last_used"].endswith("Z")
    assert client.delete("/v1/registry/cache/me/words").json() == {"id": "me/words", "deleted": True, "freed_bytes": 5300}
    assert not cache.exists() and client.get("/v1/registry/cache").json()["data"] == []
    again = client.delete("/v1/registry/cache/me/words")
    assert again.status_code == 404 and again.json()["error"]["param"] == "repository"


def test_a_repository_of_a_model_in_memory_is_not_deleted(open_site, catalogue, cache):
    catalogue.write_text("fake: {engine: fake, source: ., vae: me/words}\n")
    snapshot = cache / "snapshots" / "main"
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (snapshot / name).write_text("{}")
    client = open_site()
    assert client.post("/v1/registry/fake/load").status_code == 200
    refused = client.delete("/v1/registry/cache/me/words")
    assert refused.status_code == 400 and "uses me/words and is in memory" in refused.json()["error"]["message"] and cache.exists()
    client.post("/v1/registry/fake/unload")
    assert client.delete("/v1/registry/cache/me/words").status_code == 200


def test_where_everybody_is_let_in_nothing_is_deleted(open_site, cache):
    refused = open_site(public=True).delete("/v1/registry/cache/me/words")
    assert refused.status_code == 403 and refused.json()["error"]["code"] == "forbidden" and cache.exists()


def test_a_plan_says_what_using_a_model_takes(client):
    plan = client.get("/v1/registry/fake/plan").json()
    assert plan["download_bytes"] == 0 and plan["fits"] is True and plan["budget_bytes"] > 0
    assert {"total_bytes", "disk_free_bytes", "memory_bytes", "stored_bytes", "dtype", "mode"} <= set(plan)
    assert client.get("/v1/registry/nothing/plan").status_code == 404


def test_a_plan_of_what_is_not_here_says_so_offline(open_site, catalogue):
    catalogue.write_text("far: {engine: text_transformers, source: me/far}\n")
    refused = open_site().get("/v1/registry/far/plan")
    assert refused.status_code == 409 and "not on this machine, and the studio is offline" in refused.json()["error"]["message"]
