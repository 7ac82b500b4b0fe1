"""Tiny random models of the real classes, built on the spot, through the text engine."""

import json
import threading

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, LlamaConfig, MambaConfig, PreTrainedTokenizerFast, RwkvConfig

from studio.engines import _stream
from studio.engines.text_transformers import Engine, Options, transcript
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.types import Artifact, Device, Message, ModelSpec, Progress, Request, TextDelta

CPU = Device("cpu", "CPU", 8 << 30)
TEMPLATE = (
    "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}<|end|>{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)
THINKER = (
    TEMPLATE[: TEMPLATE.index("{% if add")]
    + "{% if add_generation_prompt %}[assistant]{% if enable_thinking is false %}<think></think>{% endif %}{% endif %}"
)
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + TEMPLATE
SIZES = {
    "llama": LlamaConfig(
        vocab_size=260, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=256
    ),
    "gpt2": GPT2Config(vocab_size=260, n_embd=32, n_layer=2, n_head=2, n_positions=256),
    "mamba": MambaConfig(vocab_size=260, hidden_size=32, state_size=4, num_hidden_layers=2),
    "rwkv": RwkvConfig(vocab_size=260, hidden_size=32, attention_hidden_size=32, num_hidden_layers=2, context_length=64),
}


def make_tokenizer(template=None):
    """One token a byte, and <|end|>."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|end|>")
    tokenizer.chat_template = template
    return tokenizer


def make_model(folder, name, template=None, **changes):
    """Save a random model and its tokenizer to `folder`; its weights are larger than usual, so that its texts vary."""
    torch.manual_seed(0)
    config = SIZES[name].__class__(**(SIZES[name].to_dict() | {"eos_token_id": 256, "bos_token_id": None, "pad_token_id": None} | changes))
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4 if weight.ndim == 2 else 1)
    model.save_pretrained(folder)
    make_tokenizer(template).save_pretrained(folder)
    return folder


def loaded(folder, **spec):
    engine = Engine(ModelSpec(id="tiny", engine="text_transformers", source=str(folder), **spec), CPU, str(folder))
    engine.load(lambda fraction: None)
    return engine


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return loaded(make_model(tmp_path_factory.mktemp("llama"), "llama", TEMPLATE))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return loaded(make_model(tmp_path_factory.mktemp("gpt2"), "gpt2"))


def asked(text="hello", **more):
    return Request(model="tiny", messages=[Message(role="user", content=text)], **more)


def events_of(engine, request=None, seed=1, **options):
    return list(engine.run(request or asked(), Options(**{"max_tokens": 24} | options), seed))


def answer(engine, request=None, seed=1, **options):
    return events_of(engine, request, seed, **options)[-1]


@pytest.fixture
def told_each(monkeypatch):
    """Every token is told, however quickly they come."""
    monkeypatch.setattr(_stream, "TELLING", 0)


def test_the_stream_is_the_whole(llama, told_each):
    events = events_of(llama, max_tokens=60)
    artifact = events[-1]
    assert isinstance(artifact, Artifact) and artifact.medium == "text" and artifact.seed == 1
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == artifact.data
    assert artifact.data and artifact.facts["prompt_tokens"] == len("[user]hello[assistant]") + 1
    assert [event.step for event in events if isinstance(event, Progress)] == list(range(artifact.facts["completion_tokens"] + 1))


def test_greedy_text_is_what_generate_writes(llama):
    artifact = answer(llama, temperature=0, max_tokens=40)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(llama.source), AutoTokenizer.from_pretrained(llama.source)
    prompt = tokenizer("[user]hello<|end|>[assistant]", return_tensors="pt")["input_ids"]
    whole = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=40, do_sample=False)[0, prompt.shape[1] :]
    assert artifact.data == tokenizer.decode(whole, skip_special_tokens=True).rstrip("\ufffd")


def test_the_seed_decides(llama):
    texts = [answer(llama, seed=seed, temperature=1.5).data for seed in (5, 5, 6)]
    assert texts[0] == texts[1] != texts[2]


def test_greedy_does_not_depend_on_the_seed(llama):
    assert answer(llama, seed=1, temperature=0).data == answer(llama, seed=2, temperature=0).data


def test_the_length_is_kept_and_said(llama):
    artifact = answer(llama, max_tokens=7)
    assert artifact.facts["completion_tokens"] <= 7
    one = answer(llama, max_tokens=1)
    assert one.facts["completion_tokens"] == 1 and one.facts["finish_reason"] in ("length", "stop")


def test_a_stop_string_ends_the_text_before_it(llama):
    whole = answer(llama, temperature=0, max_tokens=40).data
    stop = whole[5:8]
    artifact = answer(llama, temperature=0, max_tokens=40, stop=["never said", stop])
    assert artifact.data == whole[: whole.index(stop)]
    assert artifact.facts["finish_reason"] == "stop"
    assert artifact.facts["completion_tokens"] < 40


def test_closing_stops_within_one_token(llama, told_each):
    steps = []
    model = llama._model
    hook = model.register_forward_hook(lambda *_: steps.append(1))
    try:
        events = llama.run(asked(), Options(max_tokens=200), 1)
        seen = next(event for event in events if isinstance(event, Progress) and event.step == 3)
        events.close()
    finally:
        hook.remove()
    assert seen.step == 3 and len(steps) <= 5
    assert not [thread for thread in threading.enumerate() if thread.name == "studio-run"]
    assert answer(llama).facts["completion_tokens"] > 0


def test_the_end_token_ends_the_text(llama, monkeypatch):
    first = answer(llama, temperature=0)
    letter = next(letter for letter in first.data[1:] if letter.isascii())
    token = llama._tokenizer(letter)["input_ids"][0]
    monkeypatch.setattr(llama._model.generation_config, "eos_token_id", [token, 256])
    artifact = answer(llama, temperature=0)
    assert artifact.data == first.data[: first.data.index(letter)].rstrip("\ufffd")
    assert artifact.facts["finish_reason"] == "stop"


def test_a_text_that_is_cut_off_says_length(llama):
    artifact = answer(llama, temperature=0, max_tokens=5)
    assert artifact.facts["completion_tokens"] == 5 and artifact.facts["finish_reason"] == "length"


def test_a_system_text_is_part_of_the_chat(llama):
    plain, with_system = answer(llama), answer(llama, system="Speak like a fox.")
    assert with_system.facts["prompt_tokens"] == plain.facts["prompt_tokens"] + len("[system]Speak like a fox.") + 1


def test_a_system_message_of_the_chat_goes_before_the_option(llama):
    chat = [Message(role="system", content="A"), Message(role="user", content="hello")]
    given = answer(llama, Request(model="tiny", messages=chat), system="never read")
    assert given.facts["prompt_tokens"] == len("[system]A[user]hello[assistant]") + 2


def test_the_last_answer_is_continued(llama):
    chat = [Message(role="user", content="hello"), Message(role="assistant", content="Once upon")]
    artifact = answer(llama, Request(model="tiny", messages=chat))
    assert artifact.facts["prompt_tokens"] == len("[user]hello[assistant]Once upon") + 1


def test_a_template_without_system_messages_gets_it_in_the_first_message(tmp_path):
    engine = loaded(make_model(tmp_path, "llama", NO_SYSTEM))
    artifact = answer(engine, system="Be brief.")
    assert artifact.facts["prompt_tokens"] == len("[user]Be brief.\n\nhello[assistant]") + 1


def test_a_chat_the_template_refuses_is_a_bad_request(tmp_path):
    engine = loaded(make_model(tmp_path, "llama", "{{ raise_exception('Roles must alternate') }}"))
    with pytest.raises(BadRequest, match="Roles must alternate") as caught:
        answer(engine, system="Be brief.")
    assert caught.value.param == "messages"


def test_a_plain_prompt_is_gone_on_from(llama):
    artifact = answer(llama, Request(model="tiny", prompt="Once upon a time"))
    assert artifact.facts["prompt_tokens"] == len("Once upon a time")


def test_a_model_without_template_reads_a_transcript(gpt2):
    chat = [Message(role="user", content="hi"), Message(role="assistant", content="yes"), Message(role="user", content="go")]
    artifact = answer(gpt2, Request(model="tiny", messages=chat), system="A story.")
    expected = "A story.\nUser: hi\nAssistant: yes\nUser: go\nAssistant:"
    assert artifact.facts["prompt_tokens"] == len(expected)
    assert transcript(chat[:2]) == "User: hi\nAssistant: yes"


def test_a_transcript_ends_where_the_user_would_speak(gpt2, monkeypatch):
    whole = answer(gpt2, temperature=0, max_tokens=20).data
    monkeypatch.setattr("studio.engines.text_transformers.NEXT_SPEAKER", whole[4:7])
    assert answer(gpt2, temperature=0, max_tokens=20).data == whole[: whole.index(whole[4:7])]


@pytest.mark.parametrize("name", ["mamba", "rwkv"])
def test_recurrent_models_run_and_have_no_bound(tmp_path, name):
    engine = loaded(make_model(tmp_path, name, TEMPLATE))
    first, again = answer(engine, asked("x" * 100)), answer(engine, asked("x" * 100))
    assert first.data == again.data and first.facts["completion_tokens"] > 0


def test_a_prompt_longer_than_the_context_is_refused_with_both_numbers(llama, gpt2):
    with pytest.raises(BadRequest, match="516 tokens long; tiny takes 256") as caught:
        answer(llama, asked("x" * 498))
    assert caught.value.param == "messages"
    with pytest.raises(BadRequest, match="300 tokens long; tiny takes 256") as caught:
        answer(gpt2, Request(model="tiny", prompt="y" * 300))
    assert caught.value.param == "prompt"


def test_the_answer_gets_what_the_context_leaves(gpt2):
    artifact = answer(gpt2, Request(model="tiny", prompt="y" * 250), max_tokens=100, temperature=0)
    assert artifact.facts["completion_tokens"] <= 6
    events = events_of(gpt2, Request(model="tiny", prompt="y" * 250), max_tokens=100)
    assert events[0] == Progress(0, 6, "token")


def test_nothing_to_go_on_from_is_refused(gpt2):
    with pytest.raises(BadRequest, match="nothing to go on from"):
        answer(gpt2, Request(model="tiny", prompt=""))


def test_unicode_goes_in_and_only_whole_characters_come_out(llama):
    events = events_of(llama, asked("ræven 🦊 løb"), temperature=2.0, max_tokens=120)
    deltas = [event.text for event in events if isinstance(event, TextDelta)]
    assert not deltas[-1].endswith("\ufffd")
    assert events[-1].data.encode().decode() == events[-1].data


def test_the_model_s_own_settings_hold_where_the_request_says_nothing(llama, monkeypatch):
    monkeypatch.setattr(llama._model.generation_config, "top_k", 1)
    likeliest = answer(llama, temperature=0).data
    assert answer(llama, temperature=2.0).data == likeliest
    assert answer(llama, temperature=2.0, top_k=0).data != likeliest


def test_a_repetition_penalty_changes_the_text(llama):
    assert answer(llama, temperature=0, max_tokens=60).data != answer(llama, temperature=0, max_tokens=60, repetition_penalty=1.9).data


def test_min_p_of_one_leaves_the_likeliest_word(llama):
    assert answer(llama, temperature=2.0, min_p=1.0).data == answer(llama, temperature=0).data


def test_the_pace_is_told(llama):
    assert answer(llama).facts["tokens_per_second"] > 0


@pytest.mark.parametrize("temperature", [0, 0.7])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_numbers_that_are_none_fail_in_words(tmp_path, value, temperature):
    engine = loaded(make_model(tmp_path, "llama", TEMPLATE))
    with torch.no_grad():
        engine._model.lm_head.weight.fill_(float(value))
    with pytest.raises(GenerationFailed, match="dtype"):
        answer(engine, temperature=temperature)


@pytest.fixture(scope="module")
def thinker(tmp_path_factory):
    return loaded(make_model(tmp_path_factory.mktemp("thinker"), "llama", THINKER))


@pytest.fixture
def writes(thinker, monkeypatch):
    """Let the model write a given text, whatever it is asked."""

    def write(text, engine=thinker, end=256):
        tokens = iter([*engine._tokenizer(text)["input_ids"], end])

        def likeliest(self, prompt, scores):
            return torch.full_like(scores, -1e9).index_fill_(1, torch.tensor([next(tokens)]), 0)

        monkeypatch.setattr("studio.engines.text_transformers._Numbers.__call__", likeliest)

    return write


def test_thoughts_stand_apart_from_the_answer(thinker, writes):
    writes("<think>\nTwo and two\n</think>\n\nFour.")
    events = events_of(thinker, thinking=True, max_tokens=100, stop=["two"])
    assert events[-1].data == "Four." == "".join(event.text for event in events if isinstance(event, TextDelta))
    assert events[-1].facts["thoughts"] == "Two and two" and events[-1].facts["finish_reason"] == "stop"


def test_a_stop_string_holds_after_the_thoughts(thinker, writes):
    writes("<think>one</think>one two three")
    assert answer(thinker, thinking=True, max_tokens=100, stop=["two"]).data == "one "


def test_thoughts_without_an_answer_are_a_failure_that_says_what_to_do(thinker, writes):
    writes("<think>" + "so many thoughts " * 9)
    with pytest.raises(GenerationFailed, match="still thinking after 20 tokens.*longer answer"):
        answer(thinker, thinking=True, max_tokens=20)


def test_the_template_is_told_whether_to_think(thinker, writes):
    asked_to, not_to = (answer(thinker, thinking=thinking).facts["prompt_tokens"] for thinking in (True, False))
    assert not_to - asked_to == len("<think></think>")


def test_a_prompt_that_opens_the_thought_begins_in_it(tmp_path, writes):
    engine = loaded(make_model(tmp_path, "llama", TEMPLATE.replace("[assistant]", "[assistant]<think>")))
    writes("hm</think>Yes.", engine)
    artifact = answer(engine, max_tokens=60)
    assert artifact.data == "Yes." and artifact.facts["thoughts"] == "hm"


def test_special_tokens_around_thoughts_are_read(tmp_path, writes):
    engine = loaded(make_model(tmp_path, "llama", THINKER))
    engine._tokenizer.add_special_tokens({"additional_special_tokens": ["<think>", "</think>"]})
    engine._model.resize_token_embeddings(len(engine._tokenizer))
    writes("<think>hm</think>Yes.<|end|>", engine)
    artifact = answer(engine, thinking=True, max_tokens=60)
    assert artifact.data == "Yes." and artifact.facts["thoughts"] == "hm"


def test_the_channels_of_a_model_are_thought_and_answer(tmp_path, writes, monkeypatch):
    engine = loaded(make_model(tmp_path, "llama", TEMPLATE + "{# <|channel|> {{ reasoning_effort }} #}"))
    monkeypatch.setattr(engine, "_ends", lambda: [0])  # <|end|> ends a message there, not the answer
    writes("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Yes.", engine, end=0)
    artifact = answer(engine, thinking=True, max_tokens=120)
    assert artifact.data == "Yes." and artifact.facts["thoughts"] == "hm"


def test_a_model_that_cannot_think_says_so(llama):
    with pytest.raises(BadRequest, match="not taught to think") as caught:
        answer(llama, thinking=True)
    assert caught.value.param == "thinking"


def test_loading_reports_up_to_the_end(tmp_path):
    folder, reported = make_model(tmp_path, "llama", TEMPLATE), []
    engine = Engine(ModelSpec(id="tiny", engine="text_transformers", source=str(folder)), CPU, str(folder))
    engine.load(reported.append)
    assert reported == sorted(reported) and reported[-1] == 1.0 and len(reported) > 10
    engine.unload()
    assert engine._model is None


def test_the_catalogue_s_dtype_is_used(tmp_path):
    engine = loaded(make_model(tmp_path, "llama", TEMPLATE), dtype="bfloat16")
    assert engine._model.dtype == torch.bfloat16
    assert answer(engine).data


def test_pickles_alone_are_refused(tmp_path):
    folder = make_model(tmp_path, "llama", TEMPLATE)
    weights = folder / "model.safetensors"
    torch.save({"a": torch.zeros(1)}, folder / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(ModelUnavailable, match="pickles"):
        loaded(folder)


def test_a_cut_file_is_refused(tmp_path):
    folder = make_model(tmp_path, "llama", TEMPLATE)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelUnavailable, match="tiny cannot be loaded"):
        loaded(folder)


def test_weights_that_are_not_there_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = make_model(tmp_path, "llama", TEMPLATE)
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelUnavailable, match="model.layers.1.mlp.up_proj.weight"):
        loaded(folder)


def test_a_tokenizer_without_its_vocabulary_is_refused(tmp_path):
    folder = make_model(tmp_path, "llama", TEMPLATE)
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"] = dict(list(content["model"]["vocab"].items())[:20])
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(ModelUnavailable, match="vocabulary"):
        loaded(folder)


def test_a_folder_that_wants_to_run_its_own_code_is_refused(tmp_path):
    folder = make_model(tmp_path, "llama", TEMPLATE)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "strange", "architectures": ["Strange"], "auto_map": {"AutoModelForCausalLM": "strange.Strange"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "strange.py").write_text("raise SystemExit('this code ran')")
    with pytest.raises(ModelUnavailable):
        loaded(folder)
