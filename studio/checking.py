"""Turns values from outside into pydantic objects, and pydantic's complaints into one sentence that names field, value and remedy."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from studio.errors import BadRequest, StudioError

Kind = TypeVar("Kind", bound=BaseModel)
SHOWN = 60  # characters of a value that a message repeats


def checked(kind: type[Kind], values: Mapping[str, Any], error: type[StudioError] = BadRequest, where: str = "") -> Kind:
    """Return `kind(**values)`. Raises `error` naming the first bad field, its value and what is allowed; `where` begins the message."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "request"
        raise error(where + _sentence(kind, field, first), param=field) from None


def nearest(name: str, names: list[str]) -> str:
    """Return ' Did you mean X?' for the most alike of `names`, or a list of them, or nothing when there are none."""
    alike = get_close_matches(name, names, n=1, cutoff=0.5)
    if alike:
        return f" Did you mean {alike[0]!r}?"
    return f" There are: {', '.join(sorted(names)[:20])}." if names else ""


def _sentence(kind: type[BaseModel], field: str, problem: Mapping[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        return f"{field!r} is not known here.{nearest(field, list(kind.model_fields))}"
    if problem["type"] == "missing":
        return f"{field!r} is missing."
    if problem["type"] == "string_too_long":
        return f"{field!r} has {len(problem['input']):,} characters; {problem['ctx']['max_length']:,} are allowed. Shorten it."
    return f"{field} is {shown(problem['input'])}: {problem['msg'][:1].lower()}{problem['msg'][1:]}."


def shown(value: Any) -> str:
    """Return `value` as a message may repeat it: short, on one line."""
    text = repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
