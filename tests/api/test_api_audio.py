from io import BytesIO

import pytest
import soundfile

from studio.engines.fake import Engine


@pytest.mark.parametrize(("format", "mime"), [("wav", "audio/wav"), ("flac", "audio/flac"), ("mp3", "audio/mpeg"), ("opus", "audio/ogg")])
def test_speech_comes_in_every_format(client, format, mime):
    response = client.post("/v1/audio/speech", json={"input": "hello", "voice": "alloy", "response_format": format})
    samples, rate = soundfile.read(BytesIO(response.content))
    assert response.headers["content-type"] == mime
    assert response.headers["x-content-type-options"] == "nosniff"
    assert 0.4 < len(samples) / rate < 0.7
    assert client.studio.job(response.headers["X-Studio-Job"]).prompt == "hello"


def test_music_takes_words_and_options(client):
    response = client.post("/v1/audio/music", json={"prompt": "a slow waltz", "seed": 4, "steps": 1})
    assert client.studio.job(response.headers["X-Studio-Job"]).options["steps"] == 1
    assert client.studio.gallery.get(response.headers["X-Studio-Record"]).seed == 4


def test_notes_of_a_model_that_writes_none_are_refused(client):
    response = client.post("/v1/audio/music", json={"prompt": "a waltz", "response_format": "mid"})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "response_format"
    assert response.headers["X-Studio-Job"]


def test_an_unknown_voice_is_refused_with_the_right_ones(client, monkeypatch):
    voices = [{"id": "vera", "name": "Vera", "language": "en"}, {"id": "otto", "name": "Otto", "language": "de"}]
    monkeypatch.setattr(Engine, "voices", classmethod(lambda *_: voices))
    assert client.get("/v1/audio/voices?model=fake-speech").json() == {"object": "list", "data": voices}
    error = client.post("/v1/audio/speech", json={"input": "hello", "voice": "alloy"}).json()["error"]
    assert error["param"] == "voice"
    assert "'alloy'" in error["message"] and "vera, otto" in error["message"]


def test_a_voice_where_there_is_no_choice_is_refused(client):
    error = client.post("/v1/audio/speech", json={"input": "hello", "voice": "zoe"}).json()["error"]
    assert error["param"] == "voice" and "'zoe'" in error["message"]


def test_the_speed_reaches_the_engine(client):
    response = client.post("/v1/audio/speech", json={"input": "hello", "speed": 1.5})
    assert client.studio.job(response.headers["X-Studio-Job"]).options["speed"] == 1.5
