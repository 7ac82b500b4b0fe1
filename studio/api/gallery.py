"""The gallery: `/v1/gallery`, its records, their files and pictures of them.

Knows records as they go over the wire. Does not know how they are kept.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from studio import pictures
from studio.api.bodies import Note
from studio.api.caller import Asks
from studio.api.files import send

routes = APIRouter(prefix="/v1/gallery", tags=["gallery"])


@routes.get("")
def records(
    caller: Asks,
    q: Annotated[str, Query(max_length=1000)] = "",
    task: str | None = None,
    model: str | None = None,
    before: str | None = None,
    rating: Annotated[int | None, Query(ge=0, le=5)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """List records, newest first; `next` is what to give as `before` for the next page."""
    found = caller.studio.gallery.list(q, task, model, before, limit + 1, caller.only, rating)
    more = found[limit - 1].id if len(found) > limit else None
    return {"object": "list", "data": [caller.shown_record(record) for record in found[:limit]], "next": more}


@routes.get("/{record}")
def record(record: str, caller: Asks) -> dict[str, Any]:
    """Show one record."""
    return caller.shown_record(caller.record(record))


@routes.patch("/{record}")
def change(record: str, note: Note, caller: Asks) -> dict[str, Any]:
    """Rate or tag a record."""
    found = caller.record(record)
    if note.rating is not None:
        found = caller.studio.gallery.rate(found.id, note.rating)
    if note.tags is not None:
        found = caller.studio.gallery.tag(found.id, note.tags)
    return caller.shown_record(found)


@routes.delete("/{record}")
def delete(record: str, caller: Asks) -> dict[str, Any]:
    """Remove a record and its files."""
    found = caller.record(record)
    caller.studio.gallery.delete(found.id)
    return {"id": found.id, "object": "record", "deleted": True}


@routes.head("/{record}/file", response_model=None, include_in_schema=False)
@routes.get("/{record}/file", response_model=None)
def file(record: str, caller: Asks, format: str | None = None) -> Response:
    """Send a record's file; sound also in another format."""
    return send(caller.studio.file(caller.record(record), format))


@routes.get("/{record}/input", response_model=None)
def input(record: str, caller: Asks, role: str = "image", small: bool = False) -> Response:
    """Send a file that a record was made from; a picture also small."""
    found = caller.record(record)
    path = caller.studio.input(found, role)
    return send(pictures.small(caller.studio.folder, path, f"{found.id}-{role}") if small and path.suffix == ".png" else path)


@routes.head("/{record}/preview", response_model=None, include_in_schema=False)
@routes.get("/{record}/preview", response_model=None)
def preview(record: str, caller: Asks, kind: str = "thumbnail", theme: Literal["light", "dark"] = "light") -> Response:
    """Send a small picture of a record."""
    return send(pictures.preview(caller.studio.folder, caller.record(record), kind, theme), {"cache-control": "private, max-age=86400"})
