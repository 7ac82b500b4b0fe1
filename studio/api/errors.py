"""Every error of the HTTP interface in OpenAI's shape: {"error": {"message", "type", "param", "code"}}.

Knows statuses and sentences. Does not know the routes.
"""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from studio import errors
from studio.checking import shown
from studio.errors import QueueFull, StudioError

UNEXPECTED = "Something went wrong inside the studio; its log says what. Nothing that was finished is lost."
_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error", 503: "server_error"}
_SENTENCES = {
    400: "The body is not JSON that can be read.",
    404: "There is no such address here.",
    405: "This address does not take that method.",
}
log = logging.getLogger(__name__)


def body(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """Return an error as it goes over the wire."""
    return {"error": {"message": message, "type": _TYPES.get(status, "invalid_request_error"), "param": param, "code": code}}


def response(
    status: int, message: str, param: str | None = None, code: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an error as an answer. One that would come again is marked so, as the openai package would ask again after a 409."""
    message = message.encode("utf-8", "replace").decode()
    extra = {} if status in (429, 503) else {"x-should-retry": "false"}
    return JSONResponse(body(status, message, param, code), status, {**extra, **(headers or {})})


def status_of(code: str | None) -> int:
    """Return the status that belongs to a StudioError's code; 503 for a fault of the studio itself."""
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, StudioError))
    return {kind.code: kind.status for kind in kinds}.get(code or "", 503)


def install(app: FastAPI) -> None:
    """Make the app answer in this shape whatever its routes raise."""

    @app.exception_handler(StudioError)
    def known(request: Request, error: StudioError) -> JSONResponse:
        headers = {"X-Studio-Job": error.job} if hasattr(error, "job") else {}
        headers |= {"Retry-After": str(error.retry_after)} if isinstance(error, QueueFull) else {}
        code = "model_not_found" if error.code == "not_found" and error.param == "model" else error.code
        return response(error.status, str(error), error.param, code, headers)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return response(400, *explained(error.errors()[0]))

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> JSONResponse:
        message = _SENTENCES.get(error.status_code, f"{error.detail}.")
        return response(error.status_code, message, None, None, error.headers)


def explained(problem: Mapping[str, Any]) -> tuple[str, str | None, str]:
    """Return (sentence, field, code) for one of pydantic's complaints about a body, a path or a query."""
    field = ".".join(str(part) for part in problem["loc"][1:])
    kind, value = problem["type"], problem.get("input")
    if kind == "json_invalid":
        return f"The body is not JSON: {problem['ctx']['error']} at character {problem['loc'][-1]}.", None, "invalid_json"
    if kind == "missing":
        return (
            f"{field or 'the body'} is missing: give it in a JSON body." if not field else f"{field} is missing.",
            field or None,
            "missing",
        )
    if not field:
        return "The body has to be a JSON object, sent with `Content-Type: application/json`.", None, "invalid_json"
    if kind == "string_too_long":
        return f"{field} has {len(value):,} characters; {problem['ctx']['max_length']:,} are allowed.", field, "invalid_value"
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{field} is {shown(value)}: {reason[:1].lower()}{reason[1:]}.", field, "invalid_value"
