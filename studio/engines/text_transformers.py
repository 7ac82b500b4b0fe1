"""Text by any causal language model of transformers: answers in a chat, or goes on from a prompt."""

import inspect
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from studio import engines
from studio.engines._decoding import Decoder
from studio.engines._loading import dtype, fitting_threads, following_weights, reading
from studio.engines._placing import quantization
from studio.engines._stream import Emit, Gathered, stream
from studio.engines._thinking import MARKS, Thoughts
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.types import Artifact, Event, Message, Progress, Request, TextDelta

SPEAKERS = {"user": "User", "assistant": "Assistant"}  # of the transcript that a model without a chat template goes on from
NEXT_SPEAKER = "\nUser:"
UNBOUNDED = ("rwkv",)  # its config names the length it was trained on, which is no bound
TOP_P = 0.95  # where neither the request nor the model says


class Options(engines.Options):
    """None leaves a value to the model's own generation settings."""

    system: str = Field(
        "", max_length=20_000, title="System", description="In a chat: who answers, and how", json_schema_extra={"lines": 3}
    )
    max_tokens: int = Field(
        256, ge=1, le=8192, title="Longest answer", description="A token is about three quarters of a word",
        json_schema_extra={"main": True, "unit": "tokens"},
    )  # fmt: skip
    temperature: float = Field(
        0.7, ge=0, le=2, title="Temperature", description="0: always the likeliest word; higher: more surprising",
        json_schema_extra={"main": True, "step": 0.05},
    )  # fmt: skip
    top_p: float | None = Field(None, gt=0, le=1, title="Top p", description="Draw from the likeliest words that together have this chance")
    top_k: int | None = Field(None, ge=0, le=1000, title="Top k", description="Draw from this many of the likeliest words; 0: from all")
    min_p: float | None = Field(
        None, ge=0, le=1, title="Min p", description="Leave out words whose chance is below this share of the likeliest word's"
    )
    repetition_penalty: float | None = Field(
        None, ge=0.5, le=2, title="Repetition penalty", description="Above 1: words already said become less likely"
    )
    stop: list[str] = Field(default_factory=list, max_length=16, title="Stop at", description="The answer ends before any of these")
    thinking: bool = Field(
        False, title="Thinking", description="Think before the answer, where the model can; the thoughts are kept apart from it"
    )


class Engine(engines.Engine):
    """A causal language model with its tokenizer. A chat whose last message is the assistant's is continued from there."""

    task = "text-generation"
    modes = ("whole", "8bit", "4bit")
    Options = Options

    def load(self, report: engines.Report) -> None:
        import torch  # noqa: F401  (before transformers, whose import is then quicker)
        from transformers import AutoModelForCausalLM, AutoTokenizer

        report(0.05)
        with reading(self.spec, self.source), following_weights(report):
            self._tokenizer = AutoTokenizer.from_pretrained(self.source, local_files_only=True, trust_remote_code=False)
            self._model, found = AutoModelForCausalLM.from_pretrained(
                self.source, dtype=dtype(self.placement), use_safetensors=True, local_files_only=True, trust_remote_code=False,
                output_loading_info=True, device_map=None if self.device.type == "cpu" else self.device.type,
                **quantization(self.placement, Path(self.source)),
            )  # fmt: skip
            self._check(found["missing_keys"])
        report(1.0)

    def _check(self, missing: set[str]) -> None:
        """Weights that are not in the files would be random ones; a tokenizer without its vocabulary reads everything as noise."""
        if missing:
            example = min(missing)
            raise ModelUnavailable(
                f"{self.spec.name} cannot be loaded: {len(missing)} of its weights are not in its files, such as {example}."
            )
        known, expected = len(self._tokenizer), self._model.config.get_text_config().vocab_size
        if known < expected // 2:
            numbers = f"knows {known} tokens, the model {expected}"
            raise ModelUnavailable(f"The tokenizer of {self.spec.name} {numbers}: its vocabulary file is missing.")

    def unload(self) -> None:
        self._model = self._tokenizer = None

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        yield from stream(lambda emit: self._run(request, options, seed, emit))

    def _run(self, request: Request, options: Options, seed: int, emit: Emit) -> None:
        import torch

        prompt, plain = self._prompt(request, options)
        thoughts = self._thoughts(prompt) if request.messages and not plain else None
        room = self._room(len(prompt), options.max_tokens, "messages" if request.messages else "prompt")
        stops = [*options.stop, NEXT_SPEAKER] if plain else options.stop
        emit = Gathered(emit)
        hidden = self._hidden() if thoughts else None
        decoder = Decoder(self._tokenizer, prompt, stops, strip=plain or thoughts is not None, thoughts=thoughts, hidden=hidden)
        writer = _Writer(decoder, self._ends(), room, emit)
        emit(Progress(0, room, "token"))
        torch.manual_seed(seed)
        started = time.monotonic()
        with fitting_threads(self._model):
            self._generate(prompt, self._sampling(options) | {"max_new_tokens": room}, writer)
        facts = {"prompt_tokens": len(prompt), "completion_tokens": writer.count, "finish_reason": writer.finish()}
        facts["tokens_per_second"] = round(writer.count / max(time.monotonic() - started, 1e-6), 1)
        if thoughts is not None and thoughts.text.strip():
            facts["thoughts"] = thoughts.text.strip()
            self._check_answered(writer)
        emit(Artifact("text", writer.text, seed, facts))

    def _check_answered(self, writer: "_Writer") -> None:
        if not writer.text.strip():
            raise GenerationFailed(
                f"{self.spec.name} was still thinking after {writer.count} tokens and gave no answer. "
                "Allow a longer answer, or switch thinking off."
            )

    def _template(self) -> str:
        """Return the model's chat template, "" where it has none."""
        templates = self._tokenizer.chat_template or ""
        return templates if isinstance(templates, str) else str(templates.get("default", ""))

    def _thoughts(self, prompt: list[int]) -> Thoughts | None:
        """Return what parts thoughts from the answer; None for a model that was not taught to think."""
        if not any(mark in self._template() for mark in (*MARKS, "<|channel|>")):
            return None
        begun = self._tokenizer.decode(prompt[-8:], skip_special_tokens=False).rstrip()
        return Thoughts(any(begun.endswith(mark) for mark, thinking in MARKS.items() if thinking and mark != "<|end|><|start|>assistant"))

    def _hidden(self) -> set[int]:
        """Return the special tokens that are no part of the marks around thoughts."""
        specials = zip(self._tokenizer.all_special_tokens, self._tokenizer.all_special_ids, strict=True)
        return {number for token, number in specials if not any(token in mark for mark in MARKS)}

    def _prompt(self, request: Request, options: Options) -> tuple[list[int], bool]:
        """Return the tokens the model goes on from, and whether they are a transcript, which needs an end of its own."""
        if not request.messages:
            tokens, plain = self._tokenizer(request.prompt)["input_ids"], False
        elif self._template():
            tokens, plain = self._chat(request.messages, options), False
        else:
            tokens, plain = self._tokenizer(transcript(with_system(request.messages, options.system)))["input_ids"], True
        if not tokens:
            raise BadRequest("There is nothing to go on from: write a first word.", param="prompt")
        return tokens, plain

    def _chat(self, messages: list[Message], options: Options) -> list[int]:
        """Return the tokens of a chat in the model's own template; where that knows no system message, the first message carries it."""
        from jinja2.exceptions import TemplateError

        messages, settings = with_system(messages, options.system), self._thinking(options)
        try:
            return self._templated(messages, settings)
        except TemplateError as problem:
            if messages[0].role != "system" or len(messages) < 2:
                raise BadRequest(f"{self.spec.name} does not take this conversation: {problem}", param="messages") from problem
        first = Message(role=messages[1].role, content=f"{messages[0].content}\n\n{messages[1].content}")
        try:
            return self._templated([first, *messages[2:]], settings)
        except TemplateError as problem:
            raise BadRequest(f"{self.spec.name} does not take this conversation: {problem}", param="messages") from problem

    def _thinking(self, options: Options) -> dict[str, Any]:
        """Return what the template is told about thinking. Raises BadRequest where thinking is wanted of a model that knows none."""
        template = self._template()
        if "enable_thinking" in template:
            return {"enable_thinking": options.thinking}
        if "reasoning_effort" in template:
            return {"reasoning_effort": "medium" if options.thinking else "low"}
        if options.thinking and "think>" not in template:
            raise BadRequest(f"{self.spec.name} was not taught to think before it answers. Switch thinking off.", param="thinking")
        return {}

    def _templated(self, messages: list[Message], settings: dict[str, Any]) -> list[int]:
        goes_on = messages[-1].role == "assistant"
        chat = [message.model_dump() for message in messages]
        how = {"add_generation_prompt": not goes_on, "continue_final_message": goes_on, "return_dict": True}
        return self._tokenizer.apply_chat_template(chat, **how, **settings)["input_ids"]

    def _room(self, length: int, wanted: int, param: str) -> int:
        """Return how many tokens may follow: `wanted`, or what the model's context leaves. Recurrent models have no such bound."""
        config = self._model.config.get_text_config()
        context = getattr(config, "max_position_embeddings", None)
        if context is None or config.model_type in UNBOUNDED:
            return wanted
        if length >= context:
            what = "conversation" if param == "messages" else "prompt"
            bound = f"{self.spec.name} takes {context}, its answer included"
            raise BadRequest(f"The {what} is {length} tokens long; {bound}. Shorten it or begin anew.", param=param)
        return min(wanted, context - length)

    def _ends(self) -> list[int]:
        """Return the tokens that end an answer: the model's and the tokenizer's, which do not always agree."""
        own = self._model.generation_config.eos_token_id
        ends = {*(own if isinstance(own, list) else [own]), self._tokenizer.eos_token_id}
        return sorted(end for end in ends if end is not None)

    def _sampling(self, options: Options) -> dict[str, Any]:
        """Return the settings of the draw: the request's, else the model's own, else none but `TOP_P`."""
        own = self._model.generation_config
        penalty = options.repetition_penalty or own.repetition_penalty or 1.0
        if options.temperature == 0:
            return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None, "min_p": None, "repetition_penalty": penalty}
        return {
            "do_sample": True,
            "temperature": options.temperature,
            "top_p": options.top_p or own.top_p or TOP_P,
            "top_k": (own.top_k or 0) if options.top_k is None else options.top_k,
            "min_p": own.min_p if options.min_p is None else options.min_p,
            "repetition_penalty": penalty,
        }

    def _generate(self, prompt: list[int], settings: dict[str, Any], writer: "_Writer") -> None:
        import torch

        tokens = torch.tensor([prompt], device=self._model.device)
        inputs = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
        takes = inspect.signature(self._model.forward).parameters
        ends = self._ends()
        self._model.generate(
            **{name: value for name, value in inputs.items() if name in takes}, **settings, num_beams=1, max_length=None,
            eos_token_id=ends or None, pad_token_id=ends[0] if ends else 0, stopping_criteria=[writer],
            logits_processor=[_Numbers(self.spec.name)],
        )  # fmt: skip


class _Numbers:
    """Looks at the chances of the next token before they are shaped. Raises GenerationFailed where no choice can be made of them.

    A class with a call of its own: transformers looks up the arguments at each token, which takes longer for a function than a small
    model takes for a tenth of the token.
    """

    def __init__(self, name: str):
        self._name = name

    def __call__(self, tokens: Any, scores: Any) -> Any:
        if not math.isfinite(scores.max().item()):  # the largest is NaN where any is
            raise GenerationFailed(
                f"{self._name} computed no valid number for the next word. Another dtype in the catalogue (float32, bfloat16) may help."
            )
        return scores


class _Writer:
    """Generation asks it after each token whether to stop; it passes on the text. What `emit` raises ends the generation."""

    def __init__(self, decoder: Decoder, ends: list[int], room: int, emit: Emit):
        self._decoder, self._ends, self._room, self._emit = decoder, ends, room, emit
        self._ended = False
        self.count, self.text = 0, ""

    def __call__(self, tokens: Any, scores: Any, **_: Any) -> Any:
        import torch

        self.count += 1
        token = int(tokens[0, -1])
        self._ended = token in self._ends
        if not self._ended:
            self._say(self._decoder.take(token))
        self._emit(Progress(self.count, self._room, "token"))
        return torch.full((1,), self._ended or self._decoder.stopped, device=tokens.device)

    def finish(self) -> str:
        """Say what was held back and return why the text ends, in OpenAI's words."""
        self._say(self._decoder.rest())
        return "stop" if self._ended or self._decoder.stopped else "length"

    def _say(self, text: str) -> None:
        if text:
            self.text += text
            self._emit(TextDelta(text))


def with_system(messages: list[Message], system: str) -> list[Message]:
    """Return the chat with `system` before it, unless it has a system message of its own."""
    if not system or messages[0].role == "system":
        return messages
    return [Message(role="system", content=system), *messages]


def transcript(messages: list[Message]) -> str:
    """Return a chat as plain text that ends where the assistant speaks."""
    lines = [message.content if message.role == "system" else f"{SPEAKERS[message.role]}: {message.content}" for message in messages]
    return "\n".join(lines) + ("" if messages[-1].role == "assistant" else "\nAssistant:")
