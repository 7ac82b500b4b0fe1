"""What the routes take: OpenAI's fields, checked, and any option of the engine beside them.

Knows which of OpenAI's fields mean something here, which are harmless and which cannot be honoured. Does not know the models.
"""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from studio.checking import shown
from studio.errors import BadRequest
from studio.types import MAX_PROMPT, MAX_SEED, Message, Mode

DEEPEST = 20  # levels of a body
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# Fields of OpenAI's that change nothing here whatever they say.
HARMLESS = {
    "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "parallel_tool_calls",
    "moderation", "quality", "style", "output_compression", "partial_images", "reasoning_effort", "verbosity", "best_of",
}  # fmt: skip
# Fields that would change the result, with the values that ask for nothing.
UNHEARD = {
    "tools": (None, []), "tool_choice": (None, "none", "auto"), "functions": (None, []), "function_call": (None, "none", "auto"),
    "response_format": (None, {"type": "text"}), "logit_bias": (None, {}), "logprobs": (None, False, 0), "top_logprobs": (None, 0),
    "presence_penalty": (None, 0), "frequency_penalty": (None, 0), "modalities": (None, ["text"]), "audio": (None,),
    "prediction": (None,), "web_search_options": (None,), "echo": (None, False), "suffix": (None, ""), "instructions": (None, ""),
    "background": (None, "auto", "opaque"), "output_format": (None, "png"), "input_fidelity": (None,), "stream_format": (None, "audio"),
}  # fmt: skip


class Body(BaseModel):
    """A JSON body. What is no field of it is an option of the engine."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, protected_namespaces=())

    model: str | None = Field(None, max_length=200)
    seed: int | None = Field(None, ge=0, le=MAX_SEED)

    @model_validator(mode="before")
    @classmethod
    def plain(cls, body: Any) -> Any:
        """Refuse what no model means and many files cannot hold, wherever in the body it stands."""
        refuse_unprintable(body)
        return body

    def options(self) -> dict[str, Any]:
        """Return the engine's options among the extra fields. Raises BadRequest for what cannot be honoured."""
        extra = self.model_extra or {}
        for name, value in extra.items():
            if name in UNHEARD and value not in UNHEARD[name]:
                raise BadRequest(f"{name} is {shown(value)}: this studio cannot do that. Leave it out.", param=name)
        return {name: value for name, value in extra.items() if name not in HARMLESS and name not in UNHEARD}


def refuse_unprintable(body: Any) -> None:
    """Raise BadRequest for control characters, halves of characters, and bodies nested too deep."""
    rest: list[tuple[str, Any, int]] = [("", body, 0)]
    while rest:
        path, value, depth = rest.pop()
        if depth > DEEPEST:
            raise BadRequest(f"{path[:100]} is nested more than {DEEPEST} deep.", param=path[:100])
        if isinstance(value, str) and (found := UNPRINTABLE.search(value)):
            raise BadRequest(f"{path} is {shown(value)}: the character U+{ord(found[0]):04X} cannot be used. Remove it.", param=path)
        if isinstance(value, dict):
            rest += [(ascii(key), key, depth) for key in value if UNPRINTABLE.search(key)]
            rest += [(f"{path}.{key}" if path else key, item, depth + 1) for key, item in value.items()]
        if isinstance(value, list):
            rest += [(f"{path}.{index}", item, depth + 1) for index, item in enumerate(value)]


class Text(Body):
    """What both ways of asking for text share."""

    n: Literal[1] | None = None
    stream: bool = False
    stream_options: dict[str, Any] | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)

    @property
    def with_usage(self) -> bool:
        return bool((self.stream_options or {}).get("include_usage"))

    def choices(self) -> dict[str, Any]:
        """Return the engine's options, OpenAI's own among them."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop
        given = {"stop": stop, "max_tokens": self.max_tokens, "temperature": self.temperature, "top_p": self.top_p}
        return {**self.options(), **{name: value for name, value in given.items() if value is not None}}


class Chat(Text):
    messages: list[dict[str, Any]] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)

    def choices(self) -> dict[str, Any]:
        longest = self.max_completion_tokens
        return {**super().choices(), **({} if longest is None else {"max_tokens": longest})}

    def turns(self) -> list[Message]:
        """Return the conversation. Raises BadRequest for a turn that is no text."""
        return [turn(f"messages.{number}", message) for number, message in enumerate(self.messages)]


def turn(where: str, message: dict[str, Any]) -> Message:
    """Return one turn of a chat, whose content may stand in parts."""
    role = {"developer": "system"}.get(str(message.get("role")), message.get("role"))
    if role not in ("system", "user", "assistant"):
        raise BadRequest(f"{where}.role is {shown(role)}: it has to be system, user or assistant.", param=f"{where}.role")
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    if not isinstance(parts, list) or not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in parts):
        raise BadRequest(f"{where}.content is {shown(content)}: it has to be text.", param=f"{where}.content")
    text = "".join(part["text"] for part in parts)
    if len(text) > MAX_PROMPT:
        raise BadRequest(f"{where}.content has {len(text):,} characters; {MAX_PROMPT:,} are allowed.", param=f"{where}.content")
    return Message(role=role, content=text)


class Completion(Text):
    prompt: str | list[str] = ""

    @field_validator("prompt")
    @classmethod
    def is_one(cls, prompt: str | list[str]) -> str | list[str]:
        if isinstance(prompt, list) and len(prompt) != 1:
            raise ValueError("only one text at a time")
        return prompt

    @property
    def words(self) -> str:
        return self.prompt if isinstance(self.prompt, str) else self.prompt[0]


class Sized(Body):
    size: str | None = None

    @field_validator("size")
    @classmethod
    def is_size(cls, size: str | None) -> str | None:
        if size and size != "auto" and not re.fullmatch(r"\d{1,5}x\d{1,5}", size):
            raise ValueError("must be WIDTHxHEIGHT in pixels, such as 512x512, or auto")
        return size

    def measures(self) -> dict[str, int]:
        """Return width and height in pixels; nothing where the model is to choose."""
        if self.size in (None, "auto"):
            return {}
        width, height = map(int, self.size.split("x"))
        return {"width": width, "height": height}


class Placing(BaseModel):
    """How a model is to lie in memory from now on; null, or the word auto, leaves it to the studio."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["auto", Mode] | None = None
    dtype: Literal["float32", "float16", "bfloat16", "auto"] | None = None

    def choice(self) -> dict[str, Any]:
        return {name: None if value == "auto" else value for name, value in self.model_dump().items()}


class Images(Sized):
    prompt: str = Field("", max_length=MAX_PROMPT)
    inputs: dict[str, str] = Field({}, max_length=10, description="files to start from, by role: a gallery id, or the id /v1/inputs gave")
    n: int | None = Field(None, ge=1)
    response_format: Literal["b64_json", "url"] | None = None
    stream: Literal[False] | None = None
    parents: list[str] = Field([], max_length=100)


class Videos(Sized):
    prompt: str = Field("", max_length=MAX_PROMPT)
    inputs: dict[str, str] = Field({}, max_length=10, description="as of pictures")
    seconds: float | None = Field(None, gt=0, description="length of the video; else its frames can be given")
    frames: int | None = Field(None, ge=1)
    input_reference: dict[str, str] | None = Field(None, description="the first picture, where it is not sent as a file")
    parents: list[str] = Field([], max_length=100)

    def lengths(self) -> dict[str, float | None]:
        """Return the length as options of the engine: of two that were given the frames, as they are exact."""
        if self.frames is not None:
            return {"frames": self.frames, "duration": None}
        return {} if self.seconds is None else {"duration": self.seconds}

    def starts(self) -> dict[str, str]:
        """Return the inputs, with the kept file that `input_reference` names among them."""
        file = (self.input_reference or {}).get("file_id")
        return {**self.inputs, **({"image": file} if file else {})}


SoundFormat = Literal["wav", "flac", "mp3", "opus"]


class Speech(Body):
    input: str = Field(min_length=1, max_length=MAX_PROMPT)
    voice: str | None = None
    speed: float | None = None
    response_format: SoundFormat = "wav"


class Music(Body):
    prompt: str = Field("", max_length=MAX_PROMPT)
    inputs: dict[str, str] = Field({}, max_length=10, description="as of pictures")
    duration: float | None = Field(None, gt=0)
    response_format: Literal["wav", "flac", "mp3", "opus", "mid"] = "wav"
    parents: list[str] = Field([], max_length=100)


class Note(BaseModel):
    """What a person says of a record."""

    model_config = ConfigDict(extra="forbid")

    rating: int | None = Field(None, ge=0, le=5)
    tags: list[str] | None = Field(None, max_length=100)

    @field_validator("tags")
    @classmethod
    def are_short(cls, tags: list[str] | None) -> list[str] | None:
        for tag in tags or []:
            refuse_unprintable({"tags": tag})
            if not 0 < len(tag.strip()) <= 100:
                raise ValueError("a tag has 1 to 100 characters")
        return tags and list(dict.fromkeys(tag.strip() for tag in tags))
