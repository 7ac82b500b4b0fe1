"""The door: a page to sign in on, and the way out.

Knows one form and one cookie. Does not know what lies behind.
"""

from html import escape
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from studio.access import SESSION_SECONDS, Accounts, Attempts
from studio.guard import COOKIE
from studio.settings import on_space

LONGEST = 10_000  # bytes of a form
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in - Studio</title><style>
:root {{ color-scheme: light dark; --ink: #1c211e; --soft: #59625c; --paper: #fff; --back: #eef0ed; --line: #a3aca6; --go: #0c6b58; --bad: #a3231c }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #eef0ed; --soft: #a3aca6; --paper: #191d1b; --back: #0b0d0c; --line: #59625c; --go: #12735f; --bad: #ff9d94 }} }}
* {{ box-sizing: border-box }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }}
form {{ width: min(22rem, calc(100vw - 2rem)); padding: 2rem; border-radius: 12px; background: var(--paper) }}
h1 {{ margin: 0 0 1rem; font-size: 1.4rem }} label {{ display: block; margin-bottom: 1rem; color: var(--soft) }}
input, button {{ width: 100%; margin-top: .25rem; padding: .6rem .7rem; border-radius: 8px; border: 1px solid var(--line); font: inherit; color: var(--ink);
 background: transparent }}
button {{ border: 0; background: var(--go); color: #fff; cursor: pointer }} p {{ color: var(--bad) }}
:focus-visible {{ outline: 3px solid var(--go); outline-offset: 2px }}
</style></head><body><main><form method="post" action="/login?next={target}"><h1>Sign in to Studio</h1>{problem}
<label>Name <input name="username" value="{name}" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button></form></main></body></html>"""


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
    content = PAGE.format(target=quote(inside(target), safe=""), name=escape(name[:100]), problem=shown)
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
