"""The models: `/v1/models`, what there is, and `/v1/registry`, what is in memory.

Knows the catalogue as it goes over the wire. Does not know how models are loaded.
"""

from typing import Any

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from studio.api.caller import Asks, Caller, made
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
    return {**shown(caller.studio.model(model)), "options": options, "defaults": caller.studio.registry.spec(model).options}


def shown(status: ModelStatus) -> dict[str, Any]:
    """Return a model as it goes over the wire."""
    spec = status.spec
    owner = "studio" if spec.starter or "/" not in spec.source or spec.source.startswith("/") else spec.source.partition("/")[0]
    return {
        "id": spec.id, "object": "model", "created": 0, "owned_by": owner, "task": status.task, "title": spec.name,
        "description": spec.description, "license": spec.license, "starter": spec.starter, "loaded": status.loaded,
        "on_disk": status.on_disk, "size_bytes": status.disk_bytes or spec.size_bytes, "memory_bytes": status.memory_bytes,
    }  # fmt: skip


@routes.get("/registry")
def registry(caller: Asks) -> dict[str, Any]:
    """Show what is in memory."""
    return table(caller)


@routes.post("/registry/{model:path}/load", response_model=None)
async def load(model: str, caller: Asks) -> Response:
    """Bring a model into memory; answers once it is there."""
    job = await to_thread.run_sync(caller.studio.submit, Request(model=model), caller.user, "load")
    await caller.results(job.id)
    return JSONResponse(await to_thread.run_sync(table, caller), headers=made(job))


@routes.post("/registry/{model:path}/unload")
def unload(model: str, caller: Asks) -> dict[str, Any]:
    """Free a model's memory."""
    caller.studio.unload(model)
    return table(caller)


def table(caller: Caller) -> dict[str, Any]:
    """Return the memory as it goes over the wire."""
    memory = caller.studio.memory()
    device = {"type": memory.device.type, "name": memory.device.name, "total_bytes": memory.device.total_bytes}
    loaded = [{"id": one.model, "bytes": one.bytes, "leased": one.leased, "idle_seconds": round(one.idle, 1)} for one in memory.models]
    return {"object": "list", "device": device, "budget_bytes": memory.budget, "used_bytes": memory.used, "data": loaded}
