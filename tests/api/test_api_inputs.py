import base64
import re
from io import BytesIO

import numpy
import openai
import pytest
import soundfile
from PIL import Image

from studio import guard
from studio.inputs import MAX_BYTES


def png(colour="#204060", size=(32, 32), mode="RGB"):
    buffer = BytesIO()
    Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def clip(seconds=0.25):
    buffer = BytesIO()
    soundfile.write(buffer, numpy.zeros(int(16_000 * seconds)), 16_000, format="WAV")
    return buffer.getvalue()


def give(client, data, **fields):
    return client.post("/v1/inputs", files={"file": ("a.bin", data)}, data=fields)


def edit(client, image=None, mask=None, **fields):
    files = {name: (f"{name}.png", data) for name, data in (("image", image), ("mask", mask)) if data is not None}
    return client.post("/v1/images/edits", files=files, data={"prompt": "a house", **fields})


def generate(client, inputs):
    return client.post("/v1/images/generations", json={"prompt": "x", "model": "fake", "inputs": inputs})


def pictures(response):
    assert response.status_code == 200, response.text
    return [Image.open(BytesIO(base64.b64decode(one["b64_json"]))) for one in response.json()["data"]]


def test_a_file_is_kept_and_named_in_what_is_asked_for(client):
    answer = give(client, png())
    kept = answer.json()
    assert answer.status_code == 201 and kept["medium"] == "image" and kept["id"] == f"{kept['sha256']}.png" and kept["bytes"] > 50
    made = client.post("/v1/images/generations", json={"prompt": "x", "inputs": {"image": kept["id"]}})
    assert pictures(made)[0].getpixel((0, 0)) == (0x20, 0x40, 0x60)
    record = client.get(f"/v1/gallery/{made.json()['data'][0]['id']}").json()
    assert record["inputs"] == {"image": kept["id"]} and record["parents"] == []
    assert Image.open(BytesIO(client.get(f"/v1/gallery/{record['id']}/input?role=image").content)).size == (32, 32)
    missing = client.get(f"/v1/gallery/{record['id']}/input?role=audio")
    assert missing.status_code == 404 and "from image" in missing.json()["error"]["message"]


def test_a_result_of_the_gallery_is_named_by_its_id(client):
    first = client.post("/v1/images/generations", json={"prompt": "x", "seed": 1}).json()["data"][0]["id"]
    second = client.post("/v1/images/generations", json={"prompt": "y", "inputs": {"image": first}}).json()["data"][0]["id"]
    assert client.get(f"/v1/gallery/{second}").json()["parents"] == [first]


def test_a_clip_is_continued(client):
    kept = give(client, clip()).json()
    assert kept["medium"] == "audio"
    answer = client.post("/v1/audio/music", json={"prompt": "on and on", "inputs": {"audio": kept["id"]}})
    assert soundfile.info(BytesIO(answer.content)).frames == 4000 + 8000


def test_an_edit_in_openais_shape(client):
    response = edit(client, png(), n="2", size="64x32", seed="5", steps="2", response_format="b64_json")
    found = pictures(response)
    assert [picture.size for picture in found] == [(64, 32)] * 2 and {picture.getpixel((0, 0)) for picture in found} == {(0x20, 0x40, 0x60)}
    assert [one["seed"] for one in response.json()["data"]] == [5, 6]
    job = client.studio.job(response.headers["X-Studio-Job"])
    assert job.options["steps"] == 2 and [*job.request.inputs] == ["image"]


@pytest.mark.parametrize("kind", ["transparent where new", "white where new"])
def test_masks_of_both_kinds_say_what_is_made_anew(client, kind):
    clear = kind.startswith("transparent")
    mask = Image.new("RGBA" if clear else "L", (64, 64), (9, 9, 9, 255) if clear else 0)
    mask.paste((9, 9, 9, 0) if clear else 255, (32, 32, 64, 64))
    buffer = BytesIO()
    mask.save(buffer, "PNG")
    pixels = numpy.asarray(pictures(edit(client, png(), buffer.getvalue()))[0])
    assert pixels[40:, :30].max() == 0 and pixels[32:, 32:].std() > 50


def test_the_openai_package_edits(client, tmp_path):
    (tmp_path / "in.png").write_bytes(png())
    package = openai.OpenAI(api_key="none", base_url="http://127.0.0.1/v1", http_client=client)
    with (tmp_path / "in.png").open("rb") as image, (tmp_path / "in.png").open("rb") as mask:
        one = package.images.edit(model="fake", image=image, mask=mask, prompt="a house", n=1, size="256x256")
    assert Image.open(BytesIO(base64.b64decode(one.data[0].b64_json))).getpixel((0, 0)) == (0x20, 0x40, 0x60)
    with (tmp_path / "in.png").open("rb") as image:
        two = package.images.edit(model="fake", image=[image], prompt="a house", response_format="url", extra_body={"seed": 3})
    assert client.get(two.data[0].url).headers["content-type"] == "image/png"


def test_a_result_that_is_edited_is_a_parent(client):
    first = client.post("/v1/images/generations", json={"prompt": "x"}).json()["data"][0]["id"]
    file = client.get(f"/v1/gallery/{first}/file").content
    second = edit(client, file).json()["data"][0]["id"]
    assert client.get(f"/v1/gallery/{second}").json()["parents"] == [first]


@pytest.mark.parametrize(
    ("ask", "status", "param", "words"),
    [
        (lambda c: c.post("/v1/images/edits", files={"other": b"x"}, data={"prompt": "x"}), 400, "image", "image is missing"),
        (lambda c: edit(c, b"no picture at all"), 400, "image", "no picture"),
        (lambda c: edit(c, b""), 400, "image", "empty"),
        (lambda c: edit(c, png(), b"no mask at all"), 400, "mask", "no picture"),
        (lambda c: edit(c, png(), model="fake-music"), 400, "model", "music, not pictures"),
        (lambda c: edit(c, png(), n="0"), 400, "n", "n is '0'"),
        (lambda c: edit(c, png(), n="many"), 400, "n", "n is 'many'"),
        (lambda c: edit(c, png(), size="huge"), 400, "size", "512x512"),
        (lambda c: edit(c, png(), wishes="1"), 400, "wishes", "not known"),
        (lambda c: edit(c, png(), prompt=""), 400, "prompt", "prompt is empty"),
        (lambda c: c.post("/v1/images/edits", json={"prompt": "x"}), 400, None, "multipart/form-data"),
        (lambda c: c.post("/v1/images/edits", content=b"-", headers={"content-type": "multipart/form-data"}), 400, None, "form"),
        (lambda c: c.post("/v1/images/edits", files=[("image", png()), ("image", png())], data={"prompt": "x"}), 400, "image", "2 times"),
        (lambda c: c.post("/v1/images/edits", files={"x": b""}, data={"prompt": "x", "image": "words"}), 400, "image", "has to be a file"),
        (lambda c: c.post("/v1/inputs", files={"other": b"x"}), 400, "file", "file is missing"),
        (lambda c: give(c, clip(), medium="image"), 400, "file", "no picture"),
        (lambda c: give(c, clip(), medium="video"), 400, "medium", "'video'.*image, audio"),
        (lambda c: generate(c, {"image": "nothing"}), 400, "inputs.image", "'nothing'"),
        (lambda c: generate(c, ["a"]), 400, "inputs", "inputs is"),
        (lambda c: generate(c, {"a": "b"}), 400, "inputs.a", "no input of"),
        (lambda c: c.get("/v1/gallery/none/input"), 404, "id", "'none'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_answered_in_words_and_makes_no_job(steady, ask, status, param, words):
    answer = ask(steady)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param), error
    assert re.search(words, error["message"]), error
    assert steady.studio.jobs() == []


def test_too_large_uploads_are_refused_in_the_same_shape(steady, monkeypatch):
    answer = give(steady, b"\0" * (MAX_BYTES + 1))
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "too_large" and "64 MB" in answer.json()["error"]["message"]
    monkeypatch.setattr(guard, "MAX_FORM", 1000)
    said = give(steady, b"\0" * 2000)
    head = {"content-type": "multipart/form-data; boundary=x"}
    unsaid = steady.post("/v1/inputs", content=iter([b"--x\r\n" + b"\0" * 2000]), headers=head)
    assert [one.status_code for one in (said, unsaid)] == [413, 413]
    assert "1,000 are allowed" in said.json()["error"]["message"] and "1,000 are allowed" in unsaid.json()["error"]["message"]


def test_files_of_others_cannot_be_named(open_site):
    site = open_site(auth=["ann:1", "bob:2"])
    keys = {name: {"authorization": f"Bearer {site.app.state.accounts.key(name)}"} for name in ("ann", "bob")}
    kept = site.post("/v1/inputs", files={"file": png()}, headers=keys["ann"]).json()["id"]
    ask = {"prompt": "x", "inputs": {"image": kept}}
    assert site.post("/v1/images/generations", json=ask, headers=keys["bob"]).status_code == 400
    hers = site.post("/v1/images/generations", json=ask, headers=keys["ann"]).json()["data"][0]["id"]
    assert site.get(f"/v1/gallery/{hers}/input", headers=keys["bob"]).status_code == 404
    assert site.get(f"/v1/gallery/{hers}/input", headers=keys["ann"]).status_code == 200
