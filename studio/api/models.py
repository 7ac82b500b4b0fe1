"""The models: `/v1/models`, what there is, and `/v1/registry`, what is in memory.

Knows the catalogue as it goes over the wire. Does not know how models are loaded.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from studio.agreements import terms
from studio.api.bodies import Placing
from studio.api.caller import Asks, Caller, made
from studio.cache import Cached
from studio.studio import ModelStatus
from studio.types import Request

routes = APIRouter(prefix="/v1", tags=["models"])


@routes.get("/models")
def models(caller: Asks, task: str | None = None) -> dict[str, Any]:
    """List the catalogue."""
    return {"object": "list", "data": [shown(status) for status in caller.studio.models(task)]}


@routes.get("/models/{model:path}")
def model(model: str, caller: Asks) -> dict[str, Any]:
    """Show one model and, as a JSON schema, its options."""
    options = caller.studio.registry.engine(model).Options.model_json_schema()
    agreed, defaults = caller.studio.agreed(model, caller.user), caller.studio.registry.spec(model).options
    return {**shown(caller.studio.model(model)), "agreed": agreed, "options": options, "defaults": defaults}


def shown(status: ModelStatus) -> dict[str, Any]:
    """Return a model as it goes over the wire."""
    spec = status.spec
    owner = "studio" if spec.starter or "/" not in spec.source or spec.source.startswith("/") else spec.source.partition("/")[0]
    return {
        "id": spec.id, "object": "model", "created": 0, "owned_by": owner, "task": status.task, "title": spec.name,
        "description": spec.description, "license": spec.license, "gated": spec.gated, "commercial": spec.commercial,
        "parameters": spec.parameters, "starter": spec.starter, "loaded": status.loaded,
        "on_disk": status.on_disk, "size_bytes": status.disk_bytes or spec.size_bytes, "memory_bytes": status.memory_bytes,
        "dtype": status.dtype, "mode": status.mode, "modes": status.modes, "dtypes": status.dtypes,
    }  # fmt: skip


@routes.get("/registry/cache")
def cache(caller: Asks) -> dict[str, Any]:
    """List what the Hub's cache holds on this machine, in the catalogue or not."""
    data = [cached(one) for one in caller.studio.cached()]
    total = sum(one["bytes"] for one in data)
    return {"object": "list", "total_bytes": total, "disk_free_bytes": caller.studio.disk_free(), "data": data}


@routes.delete("/registry/cache/{repository:path}")
def remove_cached(repository: str, caller: Asks) -> dict[str, Any]:
    """Delete a repository from the cache; refused while a model made of it is in memory or on its way."""
    return {"id": repository, "deleted": True, "freed_bytes": caller.studio.remove_cached(repository)}


def cached(one: Cached) -> dict[str, Any]:
    """Return a repository of the cache as it goes over the wire."""
    used = datetime.fromtimestamp(one.last_used, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": one.repository, "object": "repository", "bytes": one.bytes, "unfinished_bytes": one.unfinished_bytes,
        "last_used": used, "revisions": one.revisions,
    }  # fmt: skip


@routes.get("/registry/{model:path}/plan")
def plan(model: str, caller: Asks) -> dict[str, Any]:
    """Say what using a model would take: bytes to fetch, on the disk and in memory. Asks the Hub, downloads nothing."""
    found = caller.studio.plan(model)
    return {
        "id": model, "object": "plan", "download_bytes": found.download, "total_bytes": found.total, "disk_free_bytes": found.disk_free,
        "files": found.files, "gated": found.gated, "license": found.licence, "stored_bytes": found.stored,
        "memory_bytes": found.memory, "dtype": found.dtype, "mode": found.mode, "budget_bytes": found.budget, "fits": found.fits,
    }  # fmt: skip


@routes.get("/registry")
def registry(caller: Asks) -> dict[str, Any]:
    """Show what is in memory."""
    return table(caller)


@routes.post("/registry/{model:path}/load", response_model=None)
async def load(model: str, caller: Asks, body: Placing | None = None) -> Response:
    """Bring a model into memory, in the way the body says if there is one; answers once it is there."""
    if body is not None and body.model_fields_set:
        await to_thread.run_sync(partial(caller.studio.choose, model, **body.choice()))
    job = await to_thread.run_sync(caller.studio.submit, Request(model=model), caller.user, "load")
    await caller.results(job.id)
    return JSONResponse(await to_thread.run_sync(table, caller), headers=made(job))


@routes.post("/registry/{model:path}/agree")
def agree(model: str, caller: Asks) -> dict[str, Any]:
    """Agree to a model's terms, once and for good: a gated or non-commercial one is not used before."""
    caller.studio.agree(model, caller.user)
    return {"id": model, "agreed": True, "terms": terms(caller.studio.registry.spec(model))}


@routes.post("/registry/{model:path}/unload")
def unload(model: str, caller: Asks) -> dict[str, Any]:
    """Free a model's memory."""
    caller.studio.unload(model)
    return table(caller)


def table(caller: Caller) -> dict[str, Any]:
    """Return the memory as it goes over the wire."""
    memory = caller.studio.memory()
    device = {"type": memory.device.type, "name": memory.device.name, "total_bytes": memory.device.total_bytes}
    loaded = [
        {
            "id": one.model, "bytes": one.bytes, "dtype": one.dtype, "mode": one.mode, "leased": one.leased,
            "idle_seconds": round(one.idle, 1),
        }
        for one in memory.models
    ]  # fmt: skip
    return {"object": "list", "device": device, "budget_bytes": memory.budget, "used_bytes": memory.used, "data": loaded}
