"""The world of the stories starter, its recipe, and the model that is shipped."""

import re
from random import Random

import pytest
import torch

from studio import starters
from studio.starters import stories
from studio.starters.run import Run
from studio.starters.stories import says
from studio.starters.stories_grammar import MOODS, cast, description, episode, poem, story, title
from studio.starters.stories_plots import PLOTS
from studio.starters.stories_talk import description_turn, follow_up, list_turn, poem_turn, story_turn, talk
from studio.starters.stories_words import BEINGS, NAMES, PLACES, THINGS, article
from studio.types import Device, Message, ModelSpec, Request, TextDelta

WEIGHTS = starters.weights("stories")


# The world


def test_every_home_is_a_place():
    assert {being.home for being in BEINGS.values()} <= set(PLACES)
    assert len(BEINGS) == len(THINGS) == 60


@pytest.mark.parametrize("expected", ["a fox", "an old fox", "a unicorn", "an umbrella"])
def test_articles(expected):
    assert article(expected.split(" ", 1)[1]) == expected


@pytest.mark.parametrize("plot", PLOTS)
def test_every_plot_tells_of_its_whole_cast_and_leaves_no_slot(plot):
    rng = Random(plot)
    for length in ("short", "medium", "long"):
        told = cast(rng, mood=next(mood for mood in MOODS if mood in plot.split()), theme=plot.split()[0], length=length)
        text = story(told, rng)
        words = (told.hero, told.name, told.friend, told.friend_name, told.thing, told.look, told.place, told.trait)
        assert all(says(text, word) for word in words)
        assert not re.search(r"[\[\]{}|?](?=\w)", text)
        assert not stories.repeats(text)


def test_a_hero_has_one_pronoun():
    rng = Random(1)
    for _ in range(200):
        told = cast(rng)
        assert told.name in NAMES[told.he] and told.friend_name in NAMES[told.she] and told.name != told.friend_name
        assert BEINGS[told.hero].gender in ("", told.he)


def test_poems_name_what_was_asked_for_and_rhyme_in_pairs_of_lines():
    rng = Random(2)
    told = cast(rng)
    text = poem(told, rng, ("hero", "thing", "place"), 4)
    assert len(text.splitlines()) == 8
    assert all(says(text, word) for word in (told.hero, told.thing, told.place))


def test_there_is_something_to_say_about_every_word():
    rng = Random(3)
    for word in (*BEINGS, *THINGS, *PLACES):
        assert says(description(word, rng), word)


def test_titles_and_episodes_stay_with_the_cast():
    rng = Random(4)
    told = cast(rng)
    assert says(title(told, rng), told.thing)
    assert says(episode(told, rng), told.name)


@pytest.mark.parametrize("maker", [story_turn, poem_turn, description_turn, list_turn])
def test_every_answer_holds_what_was_asked_for(maker):
    rng = Random(maker.__name__)
    for _ in range(300):
        turn = maker(rng)
        assert all(word.lower() in turn.answer.lower() for word in turn.wanted), turn


def test_follow_ups_keep_what_they_should():
    rng = Random(5)
    for _ in range(500):
        turn = follow_up(cast(rng), rng)
        assert turn.request and all(word.lower() in turn.answer.lower() for word in turn.wanted), turn


def test_lists_are_as_long_as_asked_and_repeat_nothing():
    rng = Random(6)
    for _ in range(200):
        lines = list_turn(rng).answer.splitlines()
        assert [line.split(".")[0] for line in lines] == [str(number) for number in range(1, len(lines) + 1)]
        assert len(set(line.split(". ", 1)[1] for line in lines)) == len(lines)


def test_conversations_have_answers_to_everything():
    rng = Random(7)
    for _ in range(500):
        messages = talk(rng).messages()
        roles = [message["role"] for message in messages if message["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert all(message["content"].strip() for message in messages)
        assert not any(re.search(r"NUMBER|NOISE|LIMITS|EXAMPLE|\bANY\b", message["content"]) for message in messages)


# The recipe


@pytest.fixture(scope="module")
def tokenizer():
    return stories.make_tokenizer(Random(0), talks=300)


def test_training_reads_a_conversation_as_the_chat_template_writes_it(tokenizer):
    drawn = talk(Random(8))
    drawn.turns = drawn.turns[:3]
    tokens, labels = stories.encode(tokenizer, drawn)
    assert tokens == tokenizer.apply_chat_template(drawn.messages())["input_ids"]
    learned = tokenizer.decode([label for label in labels if label != stories.IGNORED])
    assert learned == "".join(turn.answer + stories.END for turn in drawn.turns)


def test_the_template_shows_the_last_turns_of_a_long_chat(tokenizer):
    chat = [{"role": "system", "content": "S"}]
    chat += [{"role": role, "content": f"{role} {number}"} for number in range(9) for role in ("user", "assistant")]
    asked = tokenizer.apply_chat_template([*chat, {"role": "user", "content": "more"}], tokenize=False, add_generation_prompt=True)
    assert asked.startswith("<|start|><|system|>S<|end|><|user|>user 7<|end|>") and asked.endswith("<|user|>more<|end|><|assistant|>")
    goes_on = tokenizer.apply_chat_template(chat, tokenize=False, continue_final_message=True)
    assert goes_on.startswith("<|start|><|system|>S<|end|><|user|>user 6<|end|>") and goes_on.endswith("<|assistant|>assistant 8")


def test_a_plain_prompt_begins_with_the_start(tokenizer):
    assert tokenizer("Once upon a time")["input_ids"][0] == tokenizer.bos_token_id


def test_one_pair_in_sixteen_is_held_out():
    rng = Random(9)
    turns = [turn for turn in (story_turn(rng) for _ in range(4000)) if len(turn.wanted) > 1]
    assert 0.04 < sum(stories.held_out(turn) for turn in turns) / len(turns) < 0.09


def test_a_batch_has_a_row_for_each_conversation(tokenizer):
    drawn = stories.batches(tokenizer, Random(1), lambda: stories.CONTEXT)
    for _ in range(20):
        tokens, labels, weights = next(drawn)
        assert tokens.shape == labels.shape == weights.shape and tokens.numel() <= max(stories.TOKENS, stories.CONTEXT)
        assert (tokens[:, 0] == tokenizer.bos_token_id).all() and (tokens[:, 1:] != tokenizer.bos_token_id).all()
        assert (labels[tokens == tokenizer.pad_token_id] == stories.IGNORED).all()
        assert 0.2 < (labels != stories.IGNORED).float().mean() < 0.98


def test_a_run_begins_with_beginnings(tokenizer):
    assert [stories.reach(done) for done in (0, 0.3, 1)] == [56, 112, stories.CONTEXT]
    assert next(stories.batches(tokenizer, Random(1), lambda: 56)).shape[2] <= 56


def test_words_said_before_count_more(tokenizer):
    words = stories.word_tokens(tokenizer)
    tokens = tokenizer.encode("a brave fox. The brave", add_special_tokens=False)
    weights = stories.weigh(tokens, words)
    assert weights[-1] == stories.WORD_WEIGHT and set(weights[:-1]) == {1}


def test_repeats():
    assert stories.repeats("The fox went home today. Then it slept. The fox went home today.")
    assert not stories.repeats("Oh no! The fox went home today. Oh no!")


def test_a_short_run_writes_a_model_that_loads_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(stories, "TOKENS", 256)
    monkeypatch.setattr(stories, "SHEET", ("Hello",))
    monkeypatch.setattr(stories, "LONGEST", 4)
    monkeypatch.setattr(stories, "score", lambda *_: {})
    monkeypatch.setattr(stories, "make_tokenizer", lambda rng, make=stories.make_tokenizer: make(rng, 200))
    for resume in (False, True):
        run = Run("stories", 0.01, "cpu", resume, tmp_path / "run", tmp_path / "weights", threads=1)
        run.prepare()
        stories.train(run)
    assert (tmp_path / "run" / "samples.txt").read_text().startswith("> Hello")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in (tmp_path / "weights").iterdir()}


# What is shipped


@pytest.fixture(scope="module")
def shipped():
    from studio.engines.text_transformers import Engine

    engine = Engine(ModelSpec(id="stories", engine="text_transformers", source=str(WEIGHTS)), Device("cpu", "CPU", 8 << 30), str(WEIGHTS))
    engine.load(lambda fraction: None)
    return engine


def said(engine, *chat, seed=1, **options):
    from studio.engines.text_transformers import Options

    messages = [Message(role="user" if number % 2 == 0 else "assistant", content=text) for number, text in enumerate(chat)]
    events = list(engine.run(Request(model="stories", messages=messages), Options(**options), seed))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == events[-1].data
    return events[-1]


def test_the_shipped_model_is_small():
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) <= 10_000_000


@pytest.mark.parametrize("hero, thing", [("fox", "lamp"), ("dragon", "violin"), ("queen", "rocket")])
def test_the_shipped_model_tells_of_what_was_asked_for(shipped, hero, thing):
    artifact = said(shipped, f"Tell me a story about a {hero} and a {thing}.", temperature=0)
    assert says(artifact.data, hero) and says(artifact.data, thing)
    assert artifact.facts["finish_reason"] == "stop" and not stories.repeats(artifact.data)


def test_the_shipped_model_lists_rhymes_and_describes(shipped):
    assert re.match(r"1\. \w+\n2\. \w+\n3\. \w+", said(shipped, "List three animals.", temperature=0).data)
    assert says(said(shipped, "Write a poem about a cat.", temperature=0).data, "cat")
    assert says(said(shipped, "Describe a dragon.", temperature=0).data, "dragon")


@pytest.mark.parametrize("request_", ["What is 12 + 30?", "What is the capital of France?"])
def test_the_shipped_model_says_what_it_cannot_do(shipped, request_):
    assert "starter model" in said(shipped, request_, temperature=0).data


def test_the_shipped_model_goes_on_with_its_story(shipped):
    first = said(shipped, "Tell me a story about a fox and a lamp.", temperature=0).data
    names = set(re.findall(r"\b(" + "|".join((*NAMES["he"], *NAMES["she"])) + r")\b", first))
    more = said(shipped, "Tell me a story about a fox and a lamp.", first, "What happened next?", temperature=0).data
    assert more != first and any(says(more, name) for name in names)


def test_the_shipped_model_goes_on_from_a_prompt(shipped):
    from studio.engines.text_transformers import Options

    artifact = list(shipped.run(Request(model="stories", prompt="Once upon a time, there was a"), Options(temperature=0), 1))[-1]
    assert artifact.data.startswith(" ") and len(artifact.data.split()) > 20


def test_the_shipped_weights_are_finite_halves():
    from safetensors.torch import load_file

    tensors = load_file(WEIGHTS / "model.safetensors")
    assert all(tensor.dtype == torch.float16 and tensor.isfinite().all() for tensor in tensors.values())
