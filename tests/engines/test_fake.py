import pytest

from studio.engines.fake import Engine, Options
from studio.errors import GenerationFailed
from studio.types import Artifact, Device, ModelSpec, Progress, Request, TextDelta


def run(prompt="one two", seed=3, **options) -> list:
    engine = Engine(ModelSpec(id="f", engine="fake", source="."), Device("cpu", "CPU", 1), ".")
    engine.load(lambda fraction: None)
    return list(engine.run(Request(model="f", prompt=prompt), Options(**options), seed))


def test_pictures_follow_from_the_seed():
    one, two = (run(count=2)[-1].data.tobytes() for _ in range(2))
    assert one == two != run(count=1)[-1].data.tobytes()


def test_text_is_the_prompt_word_by_word():
    assert [event.text for event in run(medium="text") if isinstance(event, TextDelta)] == ["one ", "two "]


def test_sound_is_half_a_second_of_a_tone():
    artifact = run(medium="audio")[-1]
    assert isinstance(artifact, Artifact) and artifact.data.samples.shape == (8000, 1) and artifact.data.rate == 16_000


def test_steps_are_told():
    assert [event.step for event in run(steps=4) if isinstance(event, Progress)] == [1, 2, 3, 4]


def test_trouble_comes_when_asked_for():
    with pytest.raises(GenerationFailed):
        run(trouble="raise")
    with pytest.raises(KeyError):
        run(trouble="bug")
