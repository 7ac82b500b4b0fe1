"""What every request passes before a route sees it: who asks, from where, and how much.

Knows ASGI, headers and accounts. Does not know routes, the page or jobs.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.access import Accounts
from studio.api import errors
from studio.inputs import MAX_BYTES

COOKIE = "studio_session"
MAX_BODY = 4_000_000  # bytes of a body that is no upload
MAX_FORM = 2 * MAX_BYTES + MAX_BODY  # a picture, its mask and words
OPEN = ("/healthz", "/login")  # what everybody may ask
SAFE = ("GET", "HEAD", "OPTIONS")
FILES = ("/gradio_api/file=", "/gradio_api/file/")
ELSEWHERE = (
    "This studio answers as 127.0.0.1 or localhost only. To serve it under another name, start it with --auth, "
    "or with --public to let everybody in."
)
ENDED = "The studio has ended. Unfinished work is listed and can be run again."
MayRead = Callable[[str, str], bool]
log = logging.getLogger(__name__)


class Faults:
    """Turns what nobody expected into an answer, and writes it to the log."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except asyncio.CancelledError:
            if scope["type"] == "http" and not started:
                await errors.response(503, ENDED, code="interrupted")(scope, receive, send)
            raise
        except Exception:
            if scope["type"] != "http":
                raise
            log.exception("%s %s failed", scope["method"], scope["path"])
            if not started:
                await errors.response(503, errors.UNEXPECTED, code="internal")(scope, receive, send)


class Limit:
    """Refuses bodies above `MAX_BODY`, and forms with files above `MAX_FORM`; the page's own uploads have gradio's limit."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        form = headers.get("content-type", "").startswith("multipart/form-data")
        if scope["type"] != "http" or form and not scope["path"].startswith("/v1/"):
            return await self.app(scope, receive, send)
        length, most = headers.get("content-length", ""), MAX_FORM if form else MAX_BODY
        if length.isdigit() and int(length) > most:
            return await errors.response(413, _too_large(int(length), most), code="too_large")(scope, receive, send)
        await self.app(scope, _counted(receive, most), send)


def _too_large(size: int, most: int) -> str:
    return f"The body has {size:,} bytes or more; {most:,} are allowed."


def _counted(receive: Receive, most: int) -> Receive:
    """Return `receive`, which raises once more than `most` bytes have come without their number being said before."""
    total = 0

    async def counting() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            raise HTTPException(413, _too_large(total, most)[:-1])
        return message

    return counting


class Guard:
    """Lets in who may come in, and puts the name into `request.state.user` ("" where there are no accounts).

    Args:
        accounts: None where nobody has to sign in.
        shared: everybody who signs in is the one owner of the studio.
        local: only this machine is to reach the studio, so a strange Host is another site's page asking through the reader's browser.
        may_read: whether a path that the page asks for by name may be read by this user.
    """

    def __init__(self, app: ASGIApp, accounts: Accounts | None, shared: bool, local: bool, public: bool, may_read: MayRead):
        self.app, self.accounts, self.shared = app, accounts, shared
        self.local, self.public, self.may_read = local, public, may_read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        request = Request(scope)
        refusal = self._foreign(request) or self._stranger(request)
        await (refusal or self.app)(scope, receive, send)

    def _foreign(self, request: Request) -> Response | None:
        """Return a refusal for what another site's page asks in the reader's name."""
        if self.public or self.accounts and "authorization" in request.headers:
            return None
        if self.local and self.accounts is None and not is_local_name(request.headers.get("host", "")):
            return errors.response(403, ELSEWHERE, code="foreign_host")
        if request.method not in SAFE and crosses_sites(request.headers):
            return errors.response(403, "Another site's page may not ask this; use an API key.", code="foreign_origin")
        return None

    def _stranger(self, request: Request) -> Response | None:
        """Return a refusal for who is not signed in; else remember who asks."""
        request.state.user = user = self._user(request)
        if user is None and request.url.path not in OPEN:
            return _sign_in(request)
        path = request.scope["path"]
        for prefix in FILES:
            if user and path.startswith(prefix) and not self.may_read(path.removeprefix(prefix), user):
                return errors.response(404, "There is no such file of yours.", code="not_found")
        return None

    def _user(self, request: Request) -> str | None:
        """Return who asks, "" for the owner of a studio without accounts, None for a stranger."""
        if self.accounts is None:
            return ""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        bearer = scheme.lower() == "bearer"
        name = self.accounts.owner(key.strip()) if bearer else self.accounts.holder(request.cookies.get(COOKIE, ""))
        return "" if name is not None and self.shared else name


def _sign_in(request: Request) -> Response:
    """Send a browser to the door, and tell a program what to bring."""
    if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
        target = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="")
        return RedirectResponse(f"/login?next={target}", 303)
    message = "Sign in, or send the key the studio printed at its start as `Authorization: Bearer KEY`."
    return errors.response(401, message, code="invalid_api_key", headers={"www-authenticate": "Bearer"})


def is_local_name(host: str) -> bool:
    """Whether a Host header names this machine by a name that no other site can own."""
    try:
        return ipaddress.ip_address(urlsplit(f"//{host}").hostname or "").is_loopback
    except ValueError:
        return host.partition(":")[0].lower().rpartition(".")[2] == "localhost"


def crosses_sites(headers: Headers) -> bool:
    """Whether a browser says that a page of another origin asks."""
    site = headers.get("sec-fetch-site")
    if site:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    own = {headers.get("host"), headers.get("x-forwarded-host")}
    return origin is not None and urlsplit(origin).netloc not in own
