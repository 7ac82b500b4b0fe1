"""The server: the page, the HTTP interface and the guard on one port.

Knows how the parts are put together and served. Does not know what the page shows or what a route does.
"""

import logging
import re
import secrets
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import anyio.to_thread
import gradio
import gradio.networking
import uvicorn
from fastapi import FastAPI, Request

import studio
from studio import api, signin
from studio.access import Accounts, Attempts, from_lines, kept_secret
from studio.errors import StudioError
from studio.guard import Faults, Guard, Limit
from studio.settings import Settings, on_space
from studio.studio import Studio

SERVED = ("outputs", "thumbnails", "converted", "inputs")  # folders of the data folder that the page may hand out files of
THREADS = 1000  # requests that can wait for their jobs at the same time
GRACE = 1  # s a stream is given to end by itself
MAX_UPLOAD = "256mb"
NEXT_PORTS = 100
ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{20}(?![0-9a-f])")
UPLOADS_KEPT = 24 * 3600  # s


class PortInUse(StudioError):
    """The port cannot be listened on."""

    code = "port_in_use"


def listen(settings: Settings) -> socket.socket:
    """Return a socket on the address. Without a wish for a port the next free one is taken. Raises PortInUse saying what to do."""
    asked = "port" in settings.model_fields_set or on_space()
    ports = [settings.port] if asked else range(settings.port, settings.port + NEXT_PORTS)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    for port in ports:
        # Named as TCP, or asyncio leaves small packets waiting for an acknowledgement: 40 ms more for every answer.
        opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform != "win32":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((settings.host, port))
            return opened
        except OSError as error:
            opened.close()
            reason = error.strerror or str(error)
    where = f"port {ports[0]}" if asked else f"any port from {ports[0]} to {ports[-1]}"
    raise PortInUse(f"Cannot listen on {where} of {settings.host}: {reason}. Choose another with --port, or stop what uses it.")


def accounts_for(settings: Settings) -> tuple[Accounts | None, str | None]:
    """Return who may come in (None: everybody) and, where nobody was named though others can reach the page, the password that was made."""
    if settings.auth:
        return from_lines(settings.auth, kept_secret(settings.data)), None
    if settings.public or not settings.reachable:
        return None, None
    password = secrets.token_urlsafe(9)
    return from_lines([f"studio:{password}"], kept_secret(settings.data)), password


def build(core: Studio, settings: Settings, page: gradio.Blocks, options: dict[str, Any]) -> FastAPI:
    """Return the whole site. `options` are the page's theme, css, js and head."""
    accounts, password = accounts_for(settings)
    clear_uploads(core.folder / "uploads")
    app = FastAPI(
        title="Studio", version=studio.__version__, docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json", lifespan=_lifespan
    )
    app.state.studio, app.state.accounts, app.state.password = core, accounts, password

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    if accounts is not None:
        app.include_router(signin.routes(accounts, Attempts()))
    api.install(app)
    guard = {"accounts": accounts, "shared": password is not None, "local": not settings.reachable, "public": settings.public}
    app.add_middleware(Limit)
    app.add_middleware(Guard, **guard, may_read=partial(may_read, core))
    app.add_middleware(Faults)
    gradio.mount_gradio_app(
        app, page, "/", settings.host, settings.port, auth_dependency=_user, allowed_paths=[str(core.folder / name) for name in SERVED],
        max_file_size=MAX_UPLOAD, run_history=False, show_error=False, enable_monitoring=False, ssr_mode=False, mcp_server=False,
        footer_links=["api"], **options,
    )  # fmt: skip
    return app


def clear_uploads(folder: Path, age: float = UPLOADS_KEPT) -> None:
    """Remove what browsers sent long ago; gradio forgets it when it ends."""
    for file in folder.rglob("*"):
        if file.is_file() and file.stat().st_mtime < time.time() - age:
            file.unlink(missing_ok=True)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


def _user(request: Request) -> str:
    """Tell the page who asks, as the guard found out."""
    return request.state.user


def may_read(core: Studio, path: str, user: str) -> bool:
    """Whether a file of the gallery is this user's. Files elsewhere are gradio's affair, which hands out only what it was sent or allowed.

    The name of an output ends in the id of its job, that of a file drawn or converted from it begins with the id of its record.
    """
    file = Path(path).resolve()
    folder = next((name for name in SERVED if file.is_relative_to((core.folder / name).resolve())), None)
    if folder is None:
        return True
    ids = ID.findall(file.name)
    try:
        return bool(ids) and bool(core.job(ids[-1], user) if folder == "outputs" else core.gallery.get(ids[0], user))
    except StudioError:
        return False


class Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, app: FastAPI, ready: Callable[[], None]):
        trusted = "*" if on_space() else "127.0.0.1"
        super().__init__(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE, forwarded_allow_ips=trusted, server_header=False)
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # What follows are only complaints about pages still open, whose streams are cut.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().handle_exit(sig, frame)


def announce(line: str) -> None:
    print(line, flush=True)


def serve(app: FastAPI, settings: Settings, listening: socket.socket, say: Callable[[str], None] = announce) -> None:
    """Serve until the process is told to end. The addresses, and what is needed to come in, are said once the page is up."""

    def ready() -> None:
        port = listening.getsockname()[1]
        for line in greeting(app, settings, port):
            say(line)
        if settings.share and not on_space():
            threading.Thread(target=share, args=(settings, port, say), name="tunnel", daemon=True).start()
        threading.Thread(target=app.state.studio.start, name="warm-up", daemon=True).start()

    Server(app, ready).run(sockets=[listening])


def greeting(app: FastAPI, settings: Settings, port: int) -> list[str]:
    """Return what a person should read at the start: the address, the way in, and what is amiss."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, f"[{settings.host}]" if ":" in settings.host else settings.host)
    lines = [f"Studio is at http://{host}:{port}  (Ctrl+C ends it)", f"What it makes is kept in {settings.data}"]
    if app.state.password:
        lines.append(
            f"Others can reach it, so sign in as studio with the password {app.state.password}  (--auth sets your own, --public needs none)"
        )
    accounts = app.state.accounts
    for name in accounts.names() if accounts else []:
        lines.append(f"Key of {name} for programs: {accounts.key(name)}")
    return lines + [f"Note: {problem}" for problem in app.state.studio.problems]


def share(settings: Settings, port: int, say: Callable[[str], None]) -> None:
    """Open the public link, and say it or why there is none."""
    host = settings.host if settings.host not in ("0.0.0.0", "::") else "127.0.0.1"
    try:
        say(f"Public link: {gradio.networking.setup_tunnel(host, port, secrets.token_urlsafe(32), None, None)}")
    except Exception as error:  # the tunnel is a program from the network; whatever is wrong with it, the studio goes on
        say(f"No public link: {error} The studio goes on without it.")
