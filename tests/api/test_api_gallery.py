import pytest

from studio.types import Request


@pytest.fixture
def make(client):
    def run(prompt: str = "a house", model: str = "fake", **options) -> str:
        job = client.studio.submit(Request(model=model, prompt=prompt, options=options))
        list(client.studio.follow(job.id))
        return client.studio.job(job.id).results[0]

    return run


def test_records_are_found_by_words_task_and_model(client, make):
    house, tree, song = make("a red house"), make("a green tree"), make("a song", "fake-music")

    def found(**query) -> list[str]:
        return [record["id"] for record in client.get("/v1/gallery", params=query).json()["data"]]

    assert found() == [song, tree, house]
    assert found(q="gree") == [tree]
    assert found(task="text-to-audio") == [song]
    assert found(model="fake") == [tree, house]


def test_pages_follow_each_other(client, make):
    ids = [make() for _ in range(5)][::-1]
    seen, before = [], None
    for _ in range(3):
        page = client.get("/v1/gallery", params={"limit": 2, **({"before": before} if before else {})}).json()
        seen.append([record["id"] for record in page["data"]])
        before = page["next"]
    assert seen == [ids[:2], ids[2:4], ids[4:]]
    assert before is None


def test_a_record_says_how_it_was_made_and_not_where_it_lies(client, make):
    record = client.get(f"/v1/gallery/{make()}").json()
    names = "id task model prompt seed options created job parents revision seconds mime bytes sha256 url rating tags"
    assert set(names.split()) <= set(record)
    assert not {"path", "user"} & set(record)
    assert len(client.get(record["url"]).content) == record["bytes"]


def test_a_file_comes_in_ranges_and_as_what_it_is(client, make):
    url = f"/v1/gallery/{make()}/file"
    whole, part = client.get(url), client.get(url, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-type"] == "image/png"
    assert client.head(url).headers["content-length"] == str(len(whole.content))


def test_sound_comes_in_another_format_and_a_picture_does_not(client, make):
    sound = client.get(f"/v1/gallery/{make('a song', 'fake-music')}/file", params={"format": "flac"})
    assert sound.headers["content-type"] == "audio/flac" and sound.content[:4] == b"fLaC"
    refused = client.get(f"/v1/gallery/{make()}/file", params={"format": "flac"})
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "format"


def test_a_record_has_a_preview(client, make):
    assert client.get(f"/v1/gallery/{make()}/preview").status_code == 200
    drawn = client.get(f"/v1/gallery/{make('a song', 'fake-music')}/preview", params={"kind": "waveform", "theme": "dark"})
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in drawn.headers["content-security-policy"]


def test_a_record_is_rated_tagged_and_deleted(client, make):
    url = f"/v1/gallery/{make()}"
    changed = client.patch(url, json={"rating": 4, "tags": ["sea", "sea", " blue "]}).json()
    assert (changed["rating"], changed["tags"]) == (4, ["sea", "blue"])
    assert client.patch(url, json={"rating": 9}).json()["error"]["param"] == "rating"
    assert client.delete(url).json()["deleted"] is True
    assert client.get(url).status_code == client.get(f"{url}/file").status_code == 404
