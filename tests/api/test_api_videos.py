"""Videos as programs ask for them: by the openai package and by plain requests."""

import base64
import io
from datetime import UTC, datetime

import av
import openai
import pytest
from PIL import Image

FIELDS = {
    "id", "object", "model", "prompt", "status", "progress", "created_at", "completed_at", "expires_at", "size", "seconds", "error",
    "remixed_from_video_id", "seed",
}  # fmt: skip


def create(client, **body):
    return client.post("/v1/videos", json={"model": "fake-video", "prompt": "a red house", "size": "32x16", **body})


def finished(client, **body) -> dict:
    video = create(client, **body).json()
    list(client.studio.follow(video["id"]))
    return client.get(f"/v1/videos/{video['id']}").json()


def content(client, video: dict, **how):
    return client.get(f"/v1/videos/{video['id']}/content", **how)


def frames(data: bytes) -> tuple[int, tuple[int, int], int]:
    """Return how many frames a file has, their size, and how many are shown in a second."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        found = [frame.to_image() for frame in container.decode(video=0)]
    return len(found), found[0].size, round(stream.average_rate)


def red() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 16), (250, 0, 0)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def package(client):
    """The openai package, talking to the site."""
    return openai.OpenAI(api_key="none", base_url="http://127.0.0.1/v1", http_client=client_of(client), max_retries=0)


def client_of(client):
    """The package brings its own httpx; what it sends is handed to the test client, byte by byte."""
    import httpx2

    def answer(request: httpx2.Request) -> httpx2.Response:
        kept = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")}
        got = client.request(request.method, str(request.url), content=request.read(), headers=kept)
        return httpx2.Response(got.status_code, headers=dict(got.headers), content=got.content, request=request)

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def test_a_video_is_a_job_that_ends_as_a_file(client):
    answer = create(client, seconds=2, fps=4, seed=7)
    video = answer.json()
    assert set(video) == FIELDS and video["object"] == "video" and video["status"] in ("queued", "in_progress", "completed")
    assert answer.headers["X-Studio-Job"] == video["id"]
    list(client.studio.follow(video["id"]))
    video = client.get(f"/v1/videos/{video['id']}").json()
    assert (video["status"], video["progress"], video["size"], video["seconds"], video["seed"]) == ("completed", 100, "32x16", "2", 7)
    assert 0 <= datetime.now(UTC).timestamp() - video["created_at"] < 600 and video["completed_at"] >= video["created_at"]
    file = content(client, video)
    assert file.headers["content-type"] == "video/mp4" and frames(file.content) == (8, (32, 16), 4)


def test_the_openai_package_makes_and_fetches_one(package, client):
    made = package.videos.create(model="fake-video", prompt="a red house", seconds="2", size="32x16", extra_body={"fps": 8, "seed": 3})
    list(client.studio.follow(made.id))
    video = package.videos.retrieve(made.id)
    assert (video.status, video.progress, video.seconds, video.size, video.error) == ("completed", 100, "2", "32x16", None)
    assert frames(package.videos.download_content(made.id).read()) == (16, (32, 16), 8)
    assert [one.id for one in package.videos.list()] == [made.id]
    assert package.videos.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        package.videos.retrieve(made.id)


def first_frame(client, video: dict) -> tuple[int, int, int]:
    """Return the colour of the upper left quarter, where the fake shows the picture it starts from."""
    with av.open(io.BytesIO(content(client, video).content)) as container:
        picture = next(container.decode(video=0)).to_image()
    return picture.resize((2, 2), Image.Resampling.BOX).getpixel((0, 0))


def test_the_package_sends_the_picture_a_video_starts_from(package, client):
    reference = ("start.png", red(), "image/png")
    made = package.videos.create(model="fake-video", prompt="a house", size="32x16", input_reference=reference)
    list(client.studio.follow(made.id))
    colour = first_frame(client, {"id": made.id})
    assert colour[0] > 180 > 80 > max(colour[1:])


@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize("kept", [False, True])
def test_a_first_picture_may_be_named_or_stand_in_the_body(client, as_form, kept):
    url = "data:image/png;base64," + base64.b64encode(red()).decode()
    name, value = ("file_id", client.studio.inputs.keep(red())) if kept else ("image_url", url)
    body = {"model": "fake-video", "prompt": "a house", "size": "32x16"}
    form = {key: (None, text) for key, text in {**body, f"input_reference[{name}]": value}.items()}
    video = (client.post("/v1/videos", files=form) if as_form else create(client, input_reference={name: value})).json()
    list(client.studio.follow(video["id"]))
    assert first_frame(client, video)[0] > 180


def test_the_same_seed_gives_the_same_bytes(client):
    first, second = (content(client, finished(client, seed=5)).content for _ in range(2))
    assert first == second != content(client, finished(client, seed=6)).content


def test_frames_and_options_of_the_engine_stand_beside_openais(client):
    video = finished(client, frames=5, fps=5, steps=2, quality="high")
    assert client.studio.job(video["id"]).options["steps"] == 2
    assert frames(content(client, video).content)[0] == 5 and video["seconds"] == "1"


def test_frames_that_are_asked_for_outweigh_a_length(client):
    video = finished(client, frames=3, seconds=9, fps=8)
    assert frames(content(client, video).content)[0] == 3


def test_a_part_of_the_file_can_be_had(client):
    video = finished(client)
    whole = content(client, video).content
    part = content(client, video, headers={"range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == whole[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    head = client.head(f"/v1/videos/{video['id']}/content")
    assert (head.status_code, head.content, int(head.headers["content-length"])) == (200, b"", len(whole))


def test_small_pictures_of_it(client):
    video = finished(client, size="64x32", frames=9)
    sizes = [Image.open(io.BytesIO(content(client, video, params={"variant": name}).content)).size for name in ("thumbnail", "spritesheet")]
    assert sizes == [(64, 32), (192 * 9, 96)]


def test_its_file_is_refused_while_it_is_made_and_it_can_be_deleted_then(client):
    video = create(client, steps=1000, delay=0.05).json()
    refused = content(client, video)
    assert refused.status_code == 409 and refused.json()["error"]["code"] == "not_finished"
    assert refused.headers["x-should-retry"] == "false"
    assert client.delete(f"/v1/videos/{video['id']}").json() == {"id": video["id"], "object": "video.deleted", "deleted": True}
    assert client.get(f"/v1/videos/{video['id']}").status_code == 404
    assert client.get("/v1/jobs").json()["data"] == []


def test_progress_is_told_in_percent(client):
    video = create(client, steps=1000, delay=0.02).json()
    following = client.studio.follow(video["id"])
    while client.studio.job(video["id"]).progress < 0.02:
        next(following)
    shown = client.get(f"/v1/videos/{video['id']}").json()
    assert shown["status"] == "in_progress" and 2 <= shown["progress"] < 100 and shown["completed_at"] is None
    client.delete(f"/v1/videos/{video['id']}")


def test_a_failure_says_why_and_has_no_file(client):
    video = finished(client, trouble="raise")
    assert video["status"] == "failed"
    assert video["error"] == {"code": "generation_failed", "message": "The fake engine was asked to fail."}
    refused = content(client, video)
    assert refused.status_code == 409 and refused.json()["error"]["message"] == video["error"]["message"]
    client.delete(f"/v1/videos/{video['id']}")
    assert client.get(f"/v1/videos/{video['id']}").status_code == 404


def test_a_stopped_one_has_failed(client):
    video = create(client, steps=1000, delay=0.05).json()
    client.delete(f"/v1/jobs/{video['id']}")
    assert client.get(f"/v1/videos/{video['id']}").json()["error"]["code"] == "cancelled"


def test_deleting_removes_the_file_and_its_record(client):
    video = finished(client)
    (record,) = client.get("/v1/gallery").json()["data"]
    path = client.studio.folder / client.studio.gallery.get(record["id"]).path
    client.delete(f"/v1/videos/{video['id']}")
    assert not path.exists() and client.get("/v1/gallery").json()["data"] == []


def test_a_video_deleted_in_the_gallery_is_no_longer_listed(client):
    video = finished(client)
    (record,) = client.get("/v1/gallery").json()["data"]
    client.delete(f"/v1/gallery/{record['id']}")
    assert content(client, video).status_code == 404 and client.get("/v1/videos").json()["data"] == []


def test_the_list_comes_in_pages_in_both_orders(client):
    names = [finished(client, frames=2, steps=1)["id"] for _ in range(3)]
    client.post("/v1/images/generations", json={"prompt": "no video"})
    page = client.get("/v1/videos", params={"limit": 2}).json()
    assert [one["id"] for one in page["data"]] == names[:0:-1] and page["has_more"] and page["last_id"] == names[1]
    rest = client.get("/v1/videos", params={"limit": 2, "after": page["last_id"]}).json()
    assert [one["id"] for one in rest["data"]] == names[:1] and not rest["has_more"]
    assert [one["id"] for one in client.get("/v1/videos", params={"order": "asc"}).json()["data"]] == names
    assert client.get("/v1/videos", params={"after": "nothing"}).status_code == 404


def test_a_job_that_is_no_video_is_not_found_here(client):
    picture = client.post("/v1/images/generations", json={"prompt": "a house"}).headers["X-Studio-Job"]
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        assert client.request(method, f"/v1/videos/{picture}{path}").status_code == 404
    assert len(client.get("/v1/gallery").json()["data"]) == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"seconds": "soon"}, "seconds"),
        ({"seconds": 0}, "seconds"),
        ({"size": "large"}, "size"),
        ({"seed": -1}, "seed"),
        ({"model": "fake"}, "model"),
        ({"input_reference": {"image_url": "http://example.com/a.png"}}, "input_reference"),
        ({"input_reference": {"image_url": "data:image/png;base64,????"}}, "input_reference"),
        ({"input_reference": {"image_url": "data:image/png;base64,aGVsbG8="}}, "input_reference"),
        ({"input_reference": {"file_id": "nothing"}}, "inputs.image"),
        ({"background": "transparent"}, "background"),
    ],
)
def test_what_is_wrong_is_named(client, body, param):
    answer = create(client, **body)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == param, answer.text
    assert client.get("/v1/jobs").json()["data"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"words"', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(client, body):
    answer = client.post("/v1/videos", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and "body" in answer.json()["error"]["message"]


def test_videos_of_others_are_not_there(open_site):
    site = open_site(auth=["ann:1", "bob:2"])
    keys = {name: {"authorization": f"Bearer {site.app.state.accounts.key(name)}"} for name in ("ann", "bob")}
    video = site.post("/v1/videos", json={"model": "fake-video", "prompt": "a house"}, headers=keys["ann"]).json()["id"]
    list(site.studio.follow(video))
    asked = [("GET", ""), ("GET", "/content"), ("DELETE", "")]
    assert [site.request(method, f"/v1/videos/{video}{path}", headers=keys["bob"]).status_code for method, path in asked] == [404] * 3
    assert site.get("/v1/videos", headers=keys["bob"]).json()["data"] == []
    assert [site.request(method, f"/v1/videos/{video}{path}", headers=keys["ann"]).status_code for method, path in asked] == [200] * 3
