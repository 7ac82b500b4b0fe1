"""Storage: what models take on this machine's disk, what using one would bring, and what of it can go.

Knows the Hub's cache, the catalogue and what memory there is. Does not know who is at work: it is told which models are.
"""

from collections.abc import Collection
from dataclasses import dataclass

import psutil

from studio import fit
from studio.cache import Cached
from studio.errors import BadRequest, NotFound
from studio.hub import Hub
from studio.registry import Registry
from studio.sources import is_local, split_source
from studio.types import Device, ModelSpec


@dataclass(frozen=True)
class Plan:
    """What using a model takes, in bytes.

    Attributes:
        download: still to come. total: all its files. disk_free: left on the cache's disk.
        files: how many files it has.
        gated: its Hub page asks for an agreement.
        licence: as the Hub, or else the catalogue, names it.
        stored: its weights as they are stored.
        memory: what it will take of the device, in the best way that fits the budget, else in the smallest.
        dtype, mode: that way.
        budget: what all models together may take.
        fits: whether it can be loaded at all once the others have left.
    """

    download: int
    total: int
    disk_free: int
    files: int
    gated: bool
    licence: str
    stored: int
    memory: int
    dtype: str
    mode: str
    budget: int
    fits: bool


class Storage:
    """The disk under a studio's models."""

    def __init__(self, hub: Hub, registry: Registry, device: Device):
        self._hub, self._registry, self._device = hub, registry, device

    def plan(self, spec: ModelSpec, budget: int) -> Plan:
        """Return what a model would take. Asks the Hub about one that is not here. Raises ModelUnavailable as its download would."""
        found = self._hub.plan(spec)
        main = psutil.virtual_memory().available
        ways = fit.placements(spec, found.parts, self._registry.engine(spec.id), self._device, main)
        way = next((way for way in ways if way.bytes <= budget), ways[-1])
        return Plan(
            found.download_bytes, found.total_bytes, found.disk_free_bytes, found.files, found.gated, found.licence, found.stored_bytes,
            way.bytes, way.dtype, way.mode, budget, way.bytes <= budget,
        )  # fmt: skip

    def cached(self) -> list[Cached]:
        """Return the repositories in the Hub's cache, in the catalogue or not, the largest first."""
        return self._hub.cached()

    def free_bytes(self) -> int:
        """Return what the cache's disk has left."""
        return self._hub.free_bytes()

    def users(self, repository: str) -> list[ModelSpec]:
        """Return the models of the catalogue that are made of a repository."""
        return [spec for spec in self._registry.specs() if repository in _repositories(spec)]

    def remove(self, repository: str, busy: Collection[str]) -> int:
        """Delete a repository and return the bytes this frees. `busy` models are loaded or on their way.

        Raises NotFound, and BadRequest for one that such a model is made of.
        """
        using = next((spec for spec in self.users(repository) if spec.id in busy), None)
        if using:
            raise BadRequest(f"{using.name} uses {repository} and is in memory or on its way. Unload it or stop its job.", "repository")
        freed = self._hub.remove(repository)
        if not freed:
            raise NotFound(f"The cache holds no repository {repository!r}.", "repository")
        return freed


def _repositories(spec: ModelSpec) -> set[str]:
    return {split_source(source)[0] for source in (spec.source, *spec.extras) if not is_local(source)}
