"""The door: a page to sign in on, and the way out.

Knows one form and one cookie. Does not know what lies behind.
"""

from html import escape
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from studio.access import SESSION_SECONDS, Accounts, Attempts
from studio.guard import COOKIE
from studio.settings import on_space

LONGEST = 10_000  # bytes of a form
PAGE = Path(__file__).with_name("signin.html")


def routes(accounts: Accounts, attempts: Attempts) -> APIRouter:
    """Return `/login` and `/logout`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    def door(next: str = "/") -> HTMLResponse:
        return page(next)

    @router.post("/login")
    async def enter(request: Request, next: str = "/") -> Response:
        form = parse_qs((await request.body())[:LONGEST].decode("utf-8", "replace"))
        name, password = form.get("username", [""])[0].strip(), form.get("password", [""])[0]
        sources = [f"name {name}", *_address(request)]
        if seconds := attempts.wait(*sources):
            answer = page(next, name, f"Too many wrong passwords. Try again in {seconds} seconds.", 429)
            answer.headers["retry-after"] = str(seconds)
            return answer
        attempts.failed(*sources)  # taken back below; many tries at once shall not slip through
        if not await run_in_threadpool(accounts.matches, name, password):
            return page(next, name, "This name and password do not belong together.", 401)
        attempts.succeeded(*sources)
        return _signed_in(request, name, next)

    @router.get("/logout")
    def leave() -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer

    return router


def page(target: str, name: str = "", problem: str = "", status: int = 200) -> HTMLResponse:
    """Return the form; `target` is where a successful sign-in leads."""
    shown = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    content = Template(PAGE.read_text("utf-8")).substitute(target=quote(inside(target), safe=""), name=escape(name[:100]), problem=shown)
    headers = {"cache-control": "no-store", "x-frame-options": "SAMEORIGIN", "referrer-policy": "same-origin"}
    return HTMLResponse(content, status, headers)


def inside(target: str) -> str:
    """Return a target of this site: a path. Anything that could lead elsewhere becomes the front page."""
    return target if target.startswith("/") and target[1:2] not in ("/", "\\") and target.isprintable() else "/"


def _signed_in(request: Request, name: str, target: str) -> Response:
    secure = request.url.scheme == "https"
    # A Space shows the page inside a frame of another site, where only such a cookie is kept.
    site = "none" if on_space() and secure else "lax"
    reads = "text/html" in request.headers.get("accept", "")
    answer = RedirectResponse(inside(target), 303) if reads else JSONResponse({"success": True})  # as gradio's own client expects
    answer.set_cookie(COOKIE, request.app.state.accounts.session(name), SESSION_SECONDS, httponly=True, secure=secure, samesite=site)
    return answer


def _address(request: Request) -> list[str]:
    """Return where a request comes from. Through a tunnel everybody comes from this machine, so that says nothing."""
    host = request.client.host if request.client else ""
    return [] if host in ("", "127.0.0.1", "::1") else [f"address {host}"]
