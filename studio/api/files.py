"""Files as they are sent: their type said, never guessed by the browser, in ranges where asked.

Knows paths and types. Does not know whose they are.
"""

from pathlib import Path

from fastapi.responses import FileResponse

from studio.media import MIMES

# A file is shown for itself; nothing in it runs and nothing is fetched for it.
SEALED = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; sandbox",
}


def send(path: Path, headers: dict[str, str] | None = None) -> FileResponse:
    """Return a file as an answer."""
    suffix = path.suffix.lstrip(".")
    mime = {"svg": "image/svg+xml", **MIMES}.get(suffix, "application/octet-stream")
    kind = f"{mime}; charset=utf-8" if mime == "text/plain" else mime
    return FileResponse(path, media_type=kind, headers={**SEALED, **(headers or {})}, filename=path.name, content_disposition_type="inline")
