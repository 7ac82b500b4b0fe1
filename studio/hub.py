"""The Hugging Face Hub: what of a model is on this machine, what the rest weighs, and how it comes here.

Knows sources and the cache. Does not know engines or memory budgets. With repository.py, download.py and cache.py the only user of
huggingface_hub.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from studio import cache, weights
from studio.cache import Cached
from studio.download import Download, Report
from studio.errors import ModelUnavailable
from studio.repository import Need, RemoteFile, explained, header_of, need_of
from studio.sources import Source, sources
from studio.types import ModelSpec
from studio.weights import Part


def _unheard(done: int, total: int, rate: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class DownloadPlan:
    """What using a model would bring here.

    Attributes:
        download_bytes: what is still to come, without what an earlier download left.
        total_bytes: all its files.
        disk_free_bytes: what the cache's disk has left.
        files: how many there are.
        gated: its page asks for an agreement.
        licence: as the Hub names it, "" where it does not.
        stored_bytes: its weights as they are stored.
        parts: what its weights are made of, to tell what they take in memory.
    """

    download_bytes: int
    total_bytes: int
    disk_free_bytes: int
    files: int
    gated: bool
    licence: str
    stored_bytes: int
    parts: tuple[Part, ...]

    def memory_bytes(self, dtype: str | None = None) -> int:
        """Return the bytes of the weights once loaded with numbers of `dtype`; None: as they are stored."""
        width = weights.WIDTHS.get(dtype or "")
        return sum(part.floats * width + part.other for part in self.parts) if width else self.stored_bytes


@dataclass(frozen=True)
class Hub:
    """Repositories by way of the shared Hugging Face cache.

    Attributes:
        cache: the cache folder; None for the machine's usual one.
        offline: use what is there and never ask the network.
        dtype: what weights are loaded as where the catalogue does not say: in half precision the smaller fp16 files will do.
    """

    cache: Path | None = None
    offline: bool = False
    dtype: str | None = None

    def path(self, spec: ModelSpec) -> Path | None:
        """Return where a model's own files lie, if all of them and of its other sources are on this machine. Asks nobody."""
        found = [self._found(source) for source in sources(spec, self.dtype)]
        return found[0] if all(found) else None

    def extras(self, spec: ModelSpec) -> dict[str, str]:
        """Return where each other source of a model lies, by the source as the catalogue writes it, for those that are here.

        A file is its path, a repository its folder. A `vae` repository can be a whole pipeline: `weights.autoencoder(path)` is the
        folder that counts.
        """
        found = {source.text: self._found(source) for source in sources(spec, self.dtype)[1:]}
        return {text: str(path) for text, path in found.items() if path}

    def disk_bytes(self, spec: ModelSpec) -> int:
        """Return what of a model lies on this machine's disk, in bytes, whole or not."""
        places = {Path(source.text) if source.local else self._snapshot(source) for source in sources(spec, self.dtype)}
        files = {file for place in places if place and place.exists() for file in ([place] if place.is_file() else place.rglob("*"))}
        return sum(map(cache.size_of, files))

    def parts(self, path: Path) -> tuple[Part, ...]:
        """Return what the model at `path` is made of."""
        return weights.parts(path)

    def fetch(self, spec: ModelSpec, report: Report, stopped: Callable[[], bool] = lambda: False) -> Path:
        """Bring what is missing of a model and its other sources here and return where its own files lie.

        What has come stays when it is stopped, cut off or killed, and the next call goes on from there. `report` is called at once and
        then a few times a second; it may raise to stop. Raises ModelUnavailable, or Stopped.
        """
        found = self.path(spec)
        if found is not None:
            return found
        wanted = self._to_ask_for(spec)
        download = Download(spec.name, self.folder, report, stopped)
        with explained(spec):
            download.run(lambda: download.bring([_asked(spec, source) for source in wanted]))
        found = self.path(spec)
        if found is None:
            raise ModelUnavailable(f"The download of {spec.name} is incomplete. Try again; what has come is kept.", "model")
        return found

    def plan(self, spec: ModelSpec, report: Report = _unheard, stopped: Callable[[], bool] = lambda: False) -> DownloadPlan:
        """Return what using a model would bring here and what it would weigh, without fetching more than headers.

        Asks nobody about a model that is here. `report` is called while the Hub is asked; it may raise to stop. Raises ModelUnavailable
        as `fetch` does, or Stopped.
        """
        found = [self._found(source) for source in sources(spec, self.dtype) if source.role != "config"]
        if self.path(spec) is not None:
            return self._plan(spec, [], found)
        asked, plans = self._to_ask_for(spec), []
        local = [place for place in found if place and not place.is_relative_to(self.folder)]

        def ask() -> None:
            plans.append(self._plan(spec, [_asked(spec, source) for source in asked], local))

        with explained(spec):
            Download(spec.name, self.folder, report, stopped).run(ask)
        return plans[0]

    def _plan(self, spec: ModelSpec, needs: list[Need], places: list[Path]) -> DownloadPlan:
        """Put together what the Hub says of `needs` and what lies in `places`."""
        files = list(dict.fromkeys(file for need in needs for file in need.files))
        local = list(dict.fromkeys(file for place in places for file in weights.weight_files(place)))
        with ThreadPoolExecutor(8) as pool:
            remote = list(pool.map(_part_of, weighty := [file for file in files if weights.is_weights(file.name)]))
        return DownloadPlan(
            download_bytes=sum(max(0, file.size - cache.on_disk(self.folder, file)) for file in files),
            total_bytes=sum(file.size for file in files) + (self.disk_bytes(spec) if not needs else sum(map(cache.size_of, local))),
            disk_free_bytes=self.free_bytes(), files=len(files) or len(local),
            gated=spec.gated or any(need.gated for need in needs),
            licence=next((need.licence for need in needs if need.source.role == "model"), "") or spec.license,
            stored_bytes=sum(file.size for file in weighty) + sum(map(cache.size_of, local)),
            parts=(*remote, *(part for place in dict.fromkeys(places) for part in weights.parts(place))),
        )  # fmt: skip

    def cached(self) -> list[Cached]:
        """Return all repositories of models in the cache, whoever fetched them, and what an unfinished download left; the largest first."""
        return cache.cached(self.folder)

    def remove(self, repository: str) -> int:
        """Delete a repository from the cache, all its revisions and what is unfinished, and return the bytes this frees."""
        return cache.remove(self.folder, repository)

    @property
    def folder(self) -> Path:
        """The cache folder."""
        return Path(self.cache or self._constants().HF_HUB_CACHE)

    def free_bytes(self) -> int:
        """Return what the cache's disk has left."""
        return cache.free_bytes(self.folder)

    def page(self, spec: ModelSpec) -> str:
        """Return the address of a model's page on the Hub, "" for a local one."""
        own = sources(spec)[0]
        return "" if own.local else f"{self._constants().ENDPOINT}/{own.repository}"

    @staticmethod
    def _constants():
        from huggingface_hub import constants

        return constants

    def _to_ask_for(self, spec: ModelSpec) -> list[Source]:
        """Return the sources that are the Hub's. Raises ModelUnavailable when another is missing, or the studio is offline."""
        missing = [source for source in sources(spec, self.dtype) if self._found(source) is None]
        gone = next((source for source in missing if source.local), None)
        if gone:
            what = spec.name if gone.role == "model" else f"The {gone.role} of {spec.name}"
            raise ModelUnavailable(f"{what} should lie in {gone.text}; nothing is there. Put it there, or correct `{gone.key}`.", "model")
        if self.offline or self._constants().is_offline_mode():
            parts = [source.text for source in missing if source.role != "model"]
            what = f"{', '.join(parts)}, part of {spec.name}, is" if parts and len(parts) == len(missing) else f"{spec.name} is"
            raise ModelUnavailable(
                f"{what} not on this machine, and the studio is offline. Start it without --offline once, or choose a model that is here.",
                "model",
            )
        return [source for source in sources(spec, self.dtype) if not source.local]

    def _found(self, source: Source) -> Path | None:
        """Return where a source lies if all of it is here."""
        if source.local:
            return Path(source.text) if Path(source.text).exists() else None
        snapshot = self._snapshot(source)
        if snapshot is None:
            return None
        if source.file:
            return snapshot / source.file if (snapshot / source.file).is_file() else None
        return snapshot if self._whole(source, snapshot) else None

    def _snapshot(self, source: Source) -> Path | None:
        """Return the cached snapshot of the revision asked for, complete or not."""
        folder = self.folder / cache.folder_name(source.repository)
        reference = folder / "refs" / source.revision
        commit = reference.read_text().strip() if reference.is_file() else source.revision
        snapshot = folder / "snapshots" / commit
        return snapshot if snapshot.is_dir() else None

    def _whole(self, source: Source, snapshot: Path) -> bool:
        """Tell whether all that is needed is here, by the listing of when it was fetched, or by looks if another program fetched it."""
        from huggingface_hub import get_cached_repo_tree
        from huggingface_hub.errors import CachedRepoTreeNotFoundError

        try:
            tree = get_cached_repo_tree(source.repository, revision=snapshot.name, cache_dir=self.folder)
        except (CachedRepoTreeNotFoundError, OSError, ValueError):
            return source.looks_whole(snapshot)
        files, folders = [file.path for file in tree], weights.read_components(snapshot / "model_index.json")
        if folders is None and "model_index.json" in files and source.role != "vae":
            return False
        choices = [source.wanted(files, folders, half) for half in (False, True)]  # either will do, whoever fetched it
        return any(wanted and all((snapshot / name).is_file() for name in wanted) for wanted in choices)


def _asked(spec: ModelSpec, source: Source) -> Need:
    with explained(spec, source):
        return need_of(source)


def _part_of(file: RemoteFile) -> Part:
    if not file.name.endswith(".safetensors"):
        return Part(file.name, 0, other=file.size)
    return weights.part(file.name.rpartition("/")[0] or ".", header_of(file))
