"""The shipped models.yaml: it can be read, says what it must, and the starters' words are what they know."""

import re
from pathlib import Path
from random import Random

import pytest

from studio.registry import Registry

CATALOGUE = Path(__file__).resolve().parent.parent / "models.yaml"
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
STARTERS = ["starter-scenes", "starter-stories", "starter-voice", "starter-tunes", "starter-faces"]


@pytest.fixture(scope="module")
def registry():
    return Registry(CATALOGUE)


def words_of(text):
    return {word.lower() for word in WORD.findall(text)}


def test_every_entry_can_be_used(registry):
    assert registry.problems == []


def test_the_starters_come_first_one_for_every_task(registry):
    assert [spec.id for spec in registry.specs() if spec.starter] == STARTERS == [spec.id for spec in registry.specs()[:5]]
    tasks = {registry.task(starter) for starter in STARTERS}
    assert tasks == {registry.task(spec.id) for spec in registry.specs()}
    assert {spec.source for spec in registry.specs()[:5]} == {
        str(CATALOGUE.parent / "studio" / "starters" / "weights" / name) for name in ("scenes", "stories", "voice", "tunes", "faces")
    }


def test_every_entry_says_what_it_is_good_for_and_under_which_terms(registry):
    for spec in registry.specs():
        assert spec.title and spec.license and spec.description.endswith("."), spec.id
        assert spec.starter or re.fullmatch(r"[\w.-]+/[\w.-]+(/[\w./-]+)?", spec.source), spec.id
    titles = [spec.title for spec in registry.specs()]
    assert len(titles) == len(set(titles))


def test_starters_offer_ten_examples_made_of_words_they_know(registry):
    for spec in registry.specs()[:4]:
        assert len(set(spec.prompts)) == 10 and spec.world, spec.id
        for prompt in spec.prompts if spec.words else ():
            assert words_of(prompt) <= set(spec.words), f"{spec.id}: {prompt}"


def test_the_words_of_the_scenes_are_those_of_their_captions(registry):
    from studio.starters.scenes_drawing import picture

    assert words_of(" ".join(picture(seed)[1] for seed in range(1500))) == set(registry.spec("starter-scenes").words)


def test_the_words_of_the_tunes_are_those_its_prompts_are_read_by(registry):
    from studio.engines._tune_prompt import FILLERS
    from studio.starters.tunes_words import prompt_words

    known = words_of(" ".join([*prompt_words(), *FILLERS]))
    keys = set("abcdefg") | {"sharp", "flat", "bpm", "beats", "per", "minute"}
    assert set(registry.spec("starter-tunes").words) == known | keys


def test_the_words_of_the_stories_are_those_of_its_world(registry):
    from studio.starters.stories_beyond import small_talk
    from studio.starters.stories_talk import KINDS, follow_up, story_turn

    rng, drawn = Random(1), []
    for _ in range(3000):
        turns = [kind(rng) for kind in KINDS] + [follow_up(story_turn(rng).cast, rng)]
        drawn += [f"{turn.request} {turn.answer}" for turn in turns] + [" ".join(small_talk(rng)[:2])]
    missing = set(registry.spec("starter-stories").words) - words_of(" ".join(drawn))
    assert not missing
