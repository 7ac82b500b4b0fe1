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
