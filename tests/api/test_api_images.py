import base64
from io import BytesIO

import pytest
from PIL import Image


def generate(client, **body):
    return client.post("/v1/images/generations", json={"prompt": "a red house", **body})


def test_pictures_come_in_the_answer(client):
    response = generate(client, n=2, size="64x32", seed=5)
    data = response.json()["data"]
    pictures = [Image.open(BytesIO(base64.b64decode(one["b64_json"]))) for one in data]
    assert [picture.size for picture in pictures] == [(64, 32)] * 2
    assert [one["seed"] for one in data] == [5, 6]
    assert client.studio.job(response.headers["X-Studio-Job"]).results == [one["id"] for one in data]


def test_pictures_come_by_address(client):
    url = generate(client, response_format="url").json()["data"][0]["url"]
    answer = client.get(url)
    assert url.startswith("http://127.0.0.1/v1/gallery/")
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(BytesIO(answer.content)).size == (64, 64)


def test_the_same_seed_gives_the_same_bytes(client):
    first, second = (generate(client, model="fake", seed=3).json()["data"][0]["b64_json"] for _ in range(2))
    assert first == second


def test_options_of_the_engine_stand_beside_openais(client):
    response = generate(client, steps=2, quality="high", user="ann", size="auto")
    assert client.studio.job(response.headers["X-Studio-Job"]).options["steps"] == 2


def test_faces_are_pictures_too(client):
    response = generate(client, model="fake-faces")
    assert client.studio.job(response.headers["X-Studio-Job"]).task == "unconditional-image-generation"


@pytest.mark.parametrize(("model", "words"), [("fake-speech", "speech, not pictures"), ("fakee", "Did you mean 'fake'?")])
def test_a_model_that_makes_none_is_refused_with_those_that_do(client, model, words):
    response = generate(client, model=model)
    assert response.status_code in (400, 404)
    assert words in response.json()["error"]["message"]
    assert response.json()["error"]["param"] == "model"
