"""The stories starter: a small Llama that learns to write tiny stories, rhymes, descriptions and lists as they are asked for.

Knows the tokenizer, the network, the training and how to judge it. Does not know the texts: stories_talk.py draws them without end.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from zlib import crc32

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from studio.starters.run import Run
from studio.starters.stories_beyond import LIMITS, strange_request
from studio.starters.stories_talk import Talk, Turn, story_turn, talk
from studio.starters.stories_words import BEINGS, LOOKS, PLACES, SMALL, THINGS, TRAITS

VOCABULARY, CONTEXT = 2048, 1024
PAD, END, START = "<|pad|>", "<|end|>", "<|start|>"
ROLES = {role: f"<|{role}|>" for role in ("system", "user", "assistant")}
# Only the last turns are shown to the model, so that a long chat never outgrows its context.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% set talk = messages %}"
    "{% if messages and messages[0]['role'] == 'system' %}"
    "{{ '<|system|>' + messages[0]['content'] + '<|end|>' }}{% set talk = messages[1:] %}{% endif %}"
    "{% set kept = 6 if talk and talk[-1]['role'] == 'assistant' else 5 %}"
    "{% for message in talk[-kept:] %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
TOKENS = 2304  # of one step
POOL = 96  # conversations that are sorted by length together
WORD_WEIGHT = 5
REACH = ((0.25, 56), (0.45, 112), (1.0, CONTEXT))  # until which part of a run how many tokens of a conversation are learned
PEAK_RATE = 2e-3
LONGEST = 400  # tokens of an answer that is judged
IGNORED = -100


def train(run: Run) -> None:
    """Train for the run's time, from random weights or from the saved ones, then save and print the score."""
    tokenizer, model = _resume(run) if run.resume else _start(run)
    model.to(run.device).train()
    print(f"stories: {sum(weight.numel() for weight in model.parameters()):,} parameters, {len(tokenizer)} tokens", flush=True)
    drawn = batches(tokenizer, Random(f"{run.seed} {run.resume}"), lambda: CONTEXT if run.resume else reach(run.fraction()))
    optimizer, step, saved = torch.optim.AdamW(model.parameters(), PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.02), 0, 0.0
    while run.fraction() < 1:
        for group in optimizer.param_groups:
            group["lr"] = run.rate(PEAK_RATE, step, warmup=30, hold=0.5)
        loss = _learn(model, next(drawn).to(run.device), optimizer)
        run.step(step, loss, every=50)
        step += 1
        if run.seconds() - saved > 240:
            saved = run.seconds()
            save(model, tokenizer, run)
    save(model, tokenizer, run)
    print(f"stories: {score(model, tokenizer)}", flush=True)
    _sample_sheet(model, tokenizer, run)


def _start(run: Run) -> tuple[PreTrainedTokenizerFast, LlamaForCausalLM]:
    tokenizer = make_tokenizer(Random(run.seed))
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=256, intermediate_size=640, num_hidden_layers=4, num_attention_heads=8,
        num_key_value_heads=4, max_position_embeddings=CONTEXT, tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return tokenizer, LlamaForCausalLM(config)


def _resume(run: Run) -> tuple[PreTrainedTokenizerFast, LlamaForCausalLM]:
    return AutoTokenizer.from_pretrained(run.weights), AutoModelForCausalLM.from_pretrained(run.weights, dtype=torch.float32)


def make_tokenizer(rng: Random, talks: int = 8000) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer of `VOCABULARY` tokens that knows the words of the world, with its chat template."""
    texts = [message["content"] for _ in range(talks) for message in talk(rng).messages()]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = [PAD, END, START, *ROLES.values()]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    bpe.post_processor = processors.TemplateProcessing(single=f"{START} $A", special_tokens=[(START, bpe.token_to_id(START))])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=START, eos_token=END, pad_token=PAD, model_max_length=CONTEXT,
        additional_special_tokens=list(ROLES.values()), clean_up_tokenization_spaces=False, padding_side="left",
    )  # fmt: skip
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def held_out(turn: Turn) -> bool:
    """Whether a request asks for a pair of words that is kept away from training, one pair in sixteen."""
    return len(turn.wanted) > 1 and crc32(" ".join(sorted(turn.wanted[:2])).encode()) % 16 == 0


def encode(tokenizer: PreTrainedTokenizerFast, drawn: Talk) -> tuple[list[int], list[int]]:
    """Return the tokens of a conversation and its labels: only the assistant's words and their end are learned."""
    tokens, labels = [tokenizer.bos_token_id], [IGNORED]
    for message in drawn.messages():
        role = tokenizer.convert_tokens_to_ids(ROLES[message["role"]])
        words = tokenizer.encode(message["content"], add_special_tokens=False) + [tokenizer.eos_token_id]
        tokens += [role, *words]
        labels += [IGNORED, *(words if message["role"] == "assistant" else [IGNORED] * len(words))]
    return tokens, labels


def _texts(tokenizer: PreTrainedTokenizerFast, rng: Random) -> Iterator[tuple[list[int], list[int]]]:
    """Draw conversations without end, one in twenty a bare story for plain completion."""
    while True:
        if rng.random() < 0.05:
            words = tokenizer.encode(story_turn(rng).answer) + [tokenizer.eos_token_id]
            yield words, words
            continue
        drawn = talk(rng)
        if not any(held_out(turn) for turn in drawn.turns):
            yield encode(tokenizer, drawn)


def word_tokens(tokenizer: PreTrainedTokenizerFast) -> set[int]:
    """Return the tokens of the names, nouns and adjectives of the world."""
    words = (*BEINGS, *THINGS, *PLACES, *TRAITS, *LOOKS, *SMALL["names"])
    return {token for word in words for token in tokenizer.encode(f" {word}", add_special_tokens=False)}


def weigh(tokens: list[int], words: set[int]) -> list[int]:
    """Return how much each token counts: `WORD_WEIGHT` for a word of the world that was said before, 1 for the rest.

    Such a word can be known: it was asked for, or belongs to the story. Others are chance, and counting them more would only be noise.
    """
    said: set[int] = set()
    weights = []
    for token in tokens:
        weights.append(WORD_WEIGHT if token in words and token in said else 1)
        said.add(token)
    return weights


def reach(done: float) -> int:
    """Return how many tokens of a conversation are learned when `done` of the run is over.

    At first only its beginning: with little else to look at, the network soon finds out that it must take its words from the request.
    From whole conversations it learns the plots by heart and takes the words by chance.
    """
    return next(tokens for part, tokens in REACH if done <= part)


def batches(tokenizer: PreTrainedTokenizerFast, rng: Random, longest: Callable[[], int]) -> Iterator[torch.Tensor]:
    """Yield int64 tensors of shape (3, conversations, length), tokens, labels and weights, of about `TOKENS` tokens, cut to `longest()`.

    Each conversation has a row of its own: laid end to end, the names of one would be mistaken for those of the next.
    """
    texts, words = _texts(tokenizer, rng), word_tokens(tokenizer)
    while True:
        pool = [(tokens, labels, weigh(tokens, words)) for tokens, labels in islice(texts, POOL)]
        drawn = sorted(pool, key=lambda text: len(text[0]))
        made = []
        while drawn:
            length = min(longest(), len(drawn[-1][0]))
            count = max(1, TOKENS // length)
            made.append(_padded(drawn[-count:], length, tokenizer.pad_token_id))
            del drawn[-count:]
        rng.shuffle(made)
        yield from made


def _padded(texts: list[tuple[list[int], list[int], list[int]]], length: int, pad: int) -> torch.Tensor:
    fillers = (pad, IGNORED, 0)
    return torch.tensor([[(text[part] + [filler] * length)[:length] for text in texts] for part, filler in enumerate(fillers)])


def _learn(model: LlamaForCausalLM, batch: torch.Tensor, optimizer: torch.optim.Optimizer) -> float:
    """Take one step and return the weighted loss in nats per token."""
    tokens, labels, weights = batch[0, :, :-1], batch[1, :, 1:], batch[2, :, 1:]
    learned = labels != IGNORED
    with torch.autocast(tokens.device.type, torch.bfloat16):
        hidden = model.model(input_ids=tokens, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[learned])
    loss = (F.cross_entropy(logits.float(), labels[learned], reduction="none") * weights[learned]).sum() / weights[learned].sum()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, run: Run) -> None:
    """Write config, float16 weights and tokenizer in the layout `from_pretrained` reads."""
    half = LlamaForCausalLM(model.config).to(torch.float16)
    half.load_state_dict(model.state_dict())
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    half.generation_config.update(do_sample=True, temperature=0.7, top_p=0.95, **ends)
    half.save_pretrained(run.weights)
    tokenizer.save_pretrained(run.weights)


def answers(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, requests: list[str], seed: int = 0) -> list[str]:
    """Return an answer to each request, all made together; one that does not end by itself lacks the closing token."""
    model.eval()
    torch.manual_seed(seed)
    chats = [[{"role": "user", "content": request}] for request in requests]
    inputs = tokenizer.apply_chat_template(chats, add_generation_prompt=True, padding=True, return_dict=True, return_tensors="pt")
    with torch.inference_mode():
        made = model.generate(**inputs.to(model.device), max_new_tokens=LONGEST, do_sample=True, temperature=0.7, top_p=0.95, top_k=0)
    model.train()
    texts = tokenizer.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=False)
    return [text.replace(PAD, "") for text in texts]


def score(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, count: int = 100, seed: int = 0) -> dict[str, float]:
    """Return shares: of stories about pairs of words never trained on that name all asked for, end and repeat nothing; of the words
    asked for that appear; of requests from outside the world that are declined."""
    rng, turns = Random(f"score {seed}"), []
    while len(turns) < count:
        turn = story_turn(rng)
        turns += [turn] if held_out(turn) else []
    texts = answers(model, tokenizer, [turn.request for turn in turns], seed)
    named = [[says(text, word) for word in turn.wanted] for turn, text in zip(turns, texts, strict=True)]
    declined = answers(model, tokenizer, [strange_request(rng)[0] for _ in range(count)], seed)
    return {
        "everything asked for appears": sum(map(all, named)) / count,
        "words asked for that appear": round(sum(map(sum, named)) / sum(map(len, named)), 3),
        "ends by itself": sum(END in text for text in texts) / count,
        "no sentence twice": sum(not repeats(text) for text in texts) / count,
        "strange requests declined": sum(LIMITS in text for text in declined) / count,
    }


def says(text: str, word: str) -> bool:
    """Whether `word` stands in `text`, whole."""
    return bool(re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE))


def repeats(text: str) -> bool:
    """Whether a sentence of more than three words stands twice in `text`."""
    sentences = [sentence.strip() for sentence in re.split(r"[.!?\n]", text) if len(sentence.split()) > 3]
    return len(sentences) > len(set(sentences))


SHEET = (
    "Tell me a story about a fox and a lamp.", "write a sad story about a robot", "A funny story about a pig who finds a golden crown.",
    "Tell me a long story about a brave mouse and a queen in the castle.", "Write a poem about a cat and a star.", "Describe a dragon.",
    "List five animals", "Three ideas for a story", "Hello", "Who are you?", "What is 12 + 30?",
    "Write a Python function that adds two numbers.", "Who is the king of Spain?", "Tell me a story about a spaceship.",
    "Thank you!", "a bedtime story with a bear",
)  # fmt: skip


def _sample_sheet(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, run: Run) -> None:
    pairs = zip(SHEET, answers(model, tokenizer, list(SHEET), run.seed), strict=True)
    sheet = "\n\n".join(f"> {request}\n{answer}" for request, answer in pairs)
    (run.folder / "samples.txt").write_text(sheet + "\n")
    print(sheet, flush=True)
