"""A stand-in for the Hugging Face Hub on 127.0.0.1: serves folders as repositories to the real huggingface_hub client.

The client reads HF_ENDPOINT when it is imported, so it runs in a process of its own, with `environment()`.
"""

import hashlib
import json
import os
import re
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_loopback"
BLOCK = 16_384


class LoopbackHub:
    """Repositories by name, each a local folder.

    Attributes:
        gated: names that ask for TOKEN.
        private: names that are not there without TOKEN.
        licences: what a repository's page says of its licence, by name.
        cut: files (`owner/name/path`) of which only half is sent.
        endless: files that go on and on, whatever their size.
        damaged: files whose bytes are changed on the way.
        redirects: files that lie elsewhere, at this address.
        listed: files a repository lists besides those it has, by its name: path -> size.
        break_after: bytes of files after which every connection breaks off and the hub is away, once; None: never.
        away: takes connections and closes them without an answer.
        stalls_after: bytes of each file after which nothing more comes.
        pace: seconds between two blocks of 16 kB.
        silent: takes requests and does not answer.
        requests: what was asked for, as `METHOD path`.
        ranges: for each file sent, its path and the first byte sent.
        tokens: the Authorization of each request, "" for none.
        sent: bytes of files sent.
    """

    def __init__(self, repositories: dict[str, Path]):
        self.repositories = repositories
        self.gated: set[str] = set()
        self.private: set[str] = set()
        self.licences: dict[str, str] = {}
        self.redirects: dict[str, str] = {}
        self.listed: dict[str, dict[str, int]] = {}
        self.break_after: int | None = None
        self.away = False
        self.stalls_after: int | None = None
        self.ranges: list[tuple[str, int]] = []
        self.tokens: list[str] = []
        self.cut: set[str] = set()
        self.endless: set[str] = set()
        self.damaged: set[str] = set()
        self.pace = 0.0
        self.silent = False
        self.requests: list[str] = []
        self.sent = 0

    def __enter__(self) -> "LoopbackHub":
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.silent, self.stalls_after = False, None
        self._server.shutdown()
        self._server.server_close()

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        """Return the environment of a process that takes this for the Hub and keeps its cache under `home`."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING", "STUDIO_"))}
        return {**kept, "HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", **more}


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path, query = unquote(url.path), parse_qs(url.query)
        if self.hub.away:
            self.close_connection = True
            return
        self.hub.requests.append(f"{self.command} {path}")
        self.hub.tokens.append(self.headers.get("Authorization", ""))
        while self.hub.silent:
            time.sleep(0.1)
        if path == "/api/models":
            word, owner = query.get("search", [""])[0].lower(), query.get("author", [""])[0]
            self._json([{"id": name, "modelId": name} for name in self.hub.repositories if word in name.lower() and name.startswith(owner)])
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?/?", path):
            self._listing(*found.groups())
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(*found.groups())
        else:
            self._refuse(404, "EntryNotFound")

    def _listing(self, name: str, kind: str | None, revision: str | None) -> None:
        if not self._open_to(name, revision, gated=False):
            return
        files = [_described(self.hub.repositories[name], file) for file in sorted(self.hub.repositories[name].rglob("*")) if file.is_file()]
        files += [{"rfilename": path, "size": size, "blobId": "0" * 40} for path, size in self.hub.listed.get(name, {}).items()]
        if kind == "tree":
            self._json([{"type": "file", "path": file["rfilename"], "oid": file["blobId"], **file} for file in files])
        else:
            card = {"cardData": {"license": self.hub.licences[name]}} if name in self.hub.licences else {}
            about = {"id": name, "modelId": name, "sha": COMMIT, "private": name in self.hub.private, "tags": [], **card}
            self._json({**about, "siblings": files, "gated": "auto" if name in self.hub.gated else False})

    def _file(self, name: str, revision: str, path: str) -> None:
        if not self._open_to(name, revision, gated=True):
            return
        file = self.hub.repositories[name] / path
        if not file.is_file():
            return self._refuse(404, "EntryNotFound")
        if f"{name}/{path}" in self.hub.redirects and self.command == "GET":
            return self._send_on(self.hub.redirects[f"{name}/{path}"])
        data = file.read_bytes()
        etag = _described(self.hub.repositories[name], file).get("lfs", {}).get("oid") or _git_hash(data)
        first, last = self._range(len(data))
        self.send_response(206 if self.headers.get("Range") else 200)
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        if f"{name}/{path}" in self.hub.endless and self.command == "GET" and not self.headers.get("Range", "").endswith("00"):
            data, last, self.close_connection = data * 50, 50 * len(data) - 1, True
        else:
            headers["Content-Length"] = str(last + 1 - first)
        for header, value in headers.items():
            self.send_header(header, value)
        if self.headers.get("Range"):
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.end_headers()
        if self.command == "GET":
            self.hub.ranges.append((f"{name}/{path}", first))
            with suppress(ConnectionError):  # the client has left
                self._send(f"{name}/{path}", data, first, last + 1)

    def _range(self, size: int) -> tuple[int, int]:
        """Return the first and the last byte asked for."""
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "bytes=0-"))
        return int(asked[1]), min(int(asked[2] or size), size - 1)

    def _send(self, file: str, data: bytes, first: int, end: int) -> None:
        if file in self.hub.damaged:
            data = data[:-1] + bytes([data[-1] ^ 255])
        stop = min(end, len(data) // 2) if file in self.hub.cut else end
        for start in range(first, stop, BLOCK):
            while self.hub.stalls_after is not None and start >= self.hub.stalls_after:
                time.sleep(0.05)
            block = data[start : min(start + BLOCK, stop)]
            self.wfile.write(block)
            self.hub.sent += len(block)
            if self.hub.break_after is not None and self.hub.sent > self.hub.break_after:
                self.hub.break_after, self.hub.away = None, True
            if self.hub.away:
                stop = start
                break
            time.sleep(self.hub.pace)
        if stop < end:
            self.close_connection = True

    def _send_on(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _open_to(self, name: str, revision: str | None, gated: bool) -> bool:
        allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if name not in self.hub.repositories or (name in self.hub.private and not allowed):
            self._refuse(401, "RepoNotFound")
        elif revision not in (None, "main", COMMIT):
            self._refuse(404, "RevisionNotFound")
        elif gated and name in self.hub.gated and not allowed:
            self._refuse(403, "GatedRepo")
        else:
            return True
        return False

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing: tests look at `requests`."""


def _described(root: Path, file: Path) -> dict:
    """Return a file as the Hub lists it: weights lie in its large file storage and are named by their SHA-256."""
    data = file.read_bytes()
    entry = {"rfilename": file.relative_to(root).as_posix(), "size": len(data), "blobId": _git_hash(data)}
    if file.suffix in (".safetensors", ".bin", ".pt", ".ckpt", ".onnx"):
        digest = hashlib.sha256(data).hexdigest()
        entry["lfs"] = {"oid": digest, "sha256": digest, "size": len(data), "pointerSize": 130}
    return entry


def _git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
