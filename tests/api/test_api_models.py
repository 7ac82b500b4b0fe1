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
