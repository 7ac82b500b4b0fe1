"""The Hugging Face Hub: what of a model is on this machine, and how the rest comes here.

The only user of huggingface_hub. Knows repositories, the cache and downloads. Does not know engines or memory budgets.
"""

import errno
import glob
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread

from studio import weights
from studio.checking import nearest
from studio.errors import ModelUnavailable, Stopped, StudioError
from studio.types import ModelSpec

Report = Callable[[int, int], None]  # bytes done, of bytes in all (0 while that is not known)
TICK = 0.1  # seconds between two reports
WAIT = 1.0  # seconds between two reports while nothing comes
CHUNK = 2**20  # bytes between two looks at whether to stop; the library's own 10 MB take a slow line half a minute
TOKEN_ADVICE = "give the studio your access token: set HF_TOKEN, or run `hf auth login` once"


@dataclass(frozen=True)
class Hub:
    """Repositories by way of the shared Hugging Face cache.

    Attributes:
        cache: the cache folder; None for the machine's usual one.
        offline: use what is there and never ask the network.
    """

    cache: Path | None = None
    offline: bool = False

    def path(self, spec: ModelSpec) -> Path | None:
        """Return where a model's files lie, if all of them are on this machine. Asks nobody."""
        if is_local(spec.source):
            return Path(spec.source) if Path(spec.source).exists() else None
        snapshot = self._snapshot(spec)
        if snapshot is None:
            return None
        file = split_source(spec.source)[1]
        if file:
            return snapshot / file if (snapshot / file).is_file() else None
        return snapshot if self._whole(spec, snapshot) else None

    def disk_bytes(self, spec: ModelSpec) -> int:
        """Return what of a model lies on this machine's disk, in bytes, whole or not."""
        place = Path(spec.source) if is_local(spec.source) else self._snapshot(spec)
        if place is None or not place.exists():
            return 0
        files = [place] if place.is_file() else place.rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file())

    def weights_bytes(self, path: Path, dtype: str | None) -> int:
        """Return the bytes the weights at `path` take in memory when loaded as `dtype`; None: as they are stored."""
        return weights.bytes_in_memory(path, dtype)

    def fetch(self, spec: ModelSpec, report: Report, stopped: Callable[[], bool] = lambda: False) -> Path:
        """Bring what is missing of a model here and return where it lies. Files that are finished stay when it is stopped.

        `report` is called at once and then a few times a second; it may raise to stop. Raises ModelUnavailable, or Stopped.
        """
        found = self.path(spec)
        if found is not None:
            return found
        if is_local(spec.source):
            raise ModelUnavailable(
                f"{spec.name} should lie in {spec.source}; nothing is there. Put it there, or correct `source`.", "model"
            )
        if self.offline or self._constants().is_offline_mode():
            raise ModelUnavailable(
                f"{spec.name} is not on this machine, and the studio is offline. "
                "Start it without --offline once, or choose a model that is here.",
                "model",
            )
        with _explained(spec):
            _Download(self, spec, report, stopped).run()
        found = self.path(spec)
        if found is None:
            raise ModelUnavailable(f"The download of {spec.name} is incomplete. Try again; what has come is kept.", "model")
        return found

    def remove(self, spec: ModelSpec) -> int:
        """Delete a repository from the cache, all its revisions, and return the bytes this frees. A local folder is left alone."""
        folder = self._repository(spec)
        if is_local(spec.source) or not folder.exists():
            return 0
        freed = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
        shutil.rmtree(folder)
        return freed

    @property
    def folder(self) -> Path:
        """The cache folder."""
        return Path(self.cache or self._constants().HF_HUB_CACHE)

    @staticmethod
    def _constants():
        from huggingface_hub import constants

        return constants

    def _repository(self, spec: ModelSpec) -> Path:
        return self.folder / f"models--{split_source(spec.source)[0].replace('/', '--')}"

    def _snapshot(self, spec: ModelSpec) -> Path | None:
        """Return the cached snapshot of the revision asked for, complete or not."""
        revision = spec.revision or "main"
        reference = self._repository(spec) / "refs" / revision
        commit = reference.read_text().strip() if reference.is_file() else revision
        snapshot = self._repository(spec) / "snapshots" / commit
        return snapshot if snapshot.is_dir() else None

    def _whole(self, spec: ModelSpec, snapshot: Path) -> bool:
        """Tell whether all that is needed is here, by the listing of when it was fetched, or by looks if another program fetched it."""
        from huggingface_hub import get_cached_repo_tree
        from huggingface_hub.errors import CachedRepoTreeNotFoundError

        try:
            tree = get_cached_repo_tree(split_source(spec.source)[0], revision=snapshot.name, cache_dir=self.folder)
        except (CachedRepoTreeNotFoundError, OSError, ValueError):
            return weights.looks_whole(snapshot, takes_pickles(spec))
        wanted = self._wanted(spec, [file.path for file in tree], snapshot)
        return bool(wanted) and all((snapshot / name).is_file() for name in wanted)

    @staticmethod
    def _wanted(spec: ModelSpec, files: list[str], snapshot: Path) -> list[str]:
        """Return which of a repository's files are needed; empty when that cannot be told yet."""
        file = split_source(spec.source)[1]
        if file:
            return [file]
        folders = weights.read_components(snapshot / "model_index.json")
        if folders is None and "model_index.json" in files:
            return []
        return weights.needed(files, folders, pickles=takes_pickles(spec))


class _Download:
    """One download: the library works in a thread of its own, so that a stop is felt at once even when the network hangs."""

    def __init__(self, hub: Hub, spec: ModelSpec, report: Report, stopped: Callable[[], bool]):
        self._hub, self._spec, self._report, self._stopped = hub, spec, report, stopped
        self._repository, self._file = split_source(spec.source)
        self._done = self._total = 0
        self._told = -WAIT
        self._ending, self._adding = Event(), Lock()

    def run(self) -> None:
        problems: list[BaseException] = []

        def work() -> None:
            try:
                self._fetch()
            except BaseException as problem:  # raised again below
                problems.append(problem)

        thread = Thread(target=work, name="download", daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                self._tell()
                thread.join(TICK)
                if self._stopped():
                    raise Stopped("The download was stopped.")
            self._tell()
        finally:
            self._ending.set()
        if problems:
            raise problems[0]

    def _tell(self) -> None:
        """Report what has come; while nothing has, once in a while, so that a stop is felt though the network is silent."""
        if self._done or time.monotonic() > self._told + WAIT:
            self._told = time.monotonic()
            self._report(self._done, self._total)

    def _fetch(self) -> None:
        from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download

        if "HF_HUB_DISABLE_XET" not in os.environ:
            constants.HF_HUB_DISABLE_XET = True  # its transfers cannot be stopped from here
        constants.DOWNLOAD_CHUNK_SIZE = CHUNK
        revision, cache = self._spec.revision or "main", self._hub.folder
        info = HfApi().model_info(self._repository, revision=revision, files_metadata=True, timeout=10)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings}
        snapshot = cache / f"models--{self._repository.replace('/', '--')}" / "snapshots" / info.sha
        if "model_index.json" in sizes and not self._file:
            hf_hub_download(self._repository, "model_index.json", revision=info.sha, cache_dir=cache)
        wanted = self._checked(list(sizes), snapshot)
        fresh = [name for name in wanted if not (snapshot / name).is_file()]
        self._total = sum(sizes[name] for name in wanted)
        self._check_disk(sum(sizes[name] for name in fresh))
        self._done = self._total - sum(sizes[name] for name in fresh)
        patterns = [glob.escape(name) for name in wanted]
        snapshot_download(self._repository, revision=revision, cache_dir=cache, allow_patterns=patterns, tqdm_class=self._bar_class())
        for name in fresh:
            self._verify(snapshot / name)
        self._done = self._total

    def _add(self, count: int) -> None:
        with self._adding:  # several files come at the same time
            self._done = min(self._done + count, self._total)

    def _checked(self, files: list[str], snapshot: Path) -> list[str]:
        """Return the files to fetch. Raises ModelUnavailable when the model is not there, or there as pickles only."""
        if self._file:
            if self._file not in files:
                raise ModelUnavailable(f"{self._repository} has no file {self._file}.{nearest(self._file, files)}", "model")
            return [self._file]
        folders = weights.read_components(snapshot / "model_index.json")
        bad = None if takes_pickles(self._spec) else weights.missing_weights(files, folders)
        if bad is None:
            return self._hub._wanted(self._spec, files, snapshot)
        place = self._repository if bad == "." else f"{bad}/ of {self._repository}"
        if any(Path(file).suffix in weights.PICKLES for file in files):
            raise ModelUnavailable(
                f"The weights in {place} are pickles only, which can run code when they are opened, so they are refused. "
                "Choose a repository with .safetensors files.",
                "model",
            )
        raise ModelUnavailable(f"{place} holds no weights as .safetensors files. Choose a repository that does.", "model")

    def _check_disk(self, need: int) -> None:
        place = next(folder for folder in (self._hub.folder, *self._hub.folder.parents) if folder.exists())
        free = shutil.disk_usage(place).free
        if need > free:
            raise _disk_too_small(self._spec, need, free, place)

    def _bar_class(self) -> type:
        """Return the class the library shows its progress with; here it counts, and ends the download."""
        from tqdm import tqdm

        download = self

        class Bar(tqdm):
            def __init__(self, *args, **kwargs):
                kwargs["disable"] = True
                super().__init__(*args, **kwargs)
                self._counts = str(kwargs.get("desc", "")).startswith("Reconstructing")  # the bytes on disk, of all files together

            def update(self, n=1):
                if download._ending.is_set():
                    raise Stopped("The download was stopped.")
                if self._counts:
                    download._add(int(n or 0))

        return Bar

    def _verify(self, path: Path) -> None:
        """Compare a fetched file with the hash it is named by in the cache, where it has one. One that differs is deleted and refused."""
        blob = path.resolve()
        if not re.fullmatch(r"[0-9a-f]{64}", blob.name):
            return
        digest = hashlib.sha256()
        with blob.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
                if self._ending.is_set():
                    return
        if digest.hexdigest() != blob.name:
            blob.unlink()
            path.unlink(missing_ok=True)
            raise ModelUnavailable(f"{path.name} of {self._repository} came damaged and was deleted. Try again.", "model")


def is_local(source: str) -> bool:
    """Tell whether a source is a folder or file of this machine: an absolute path."""
    return Path(source).is_absolute()


def split_source(source: str) -> tuple[str, str]:
    """Return a Hub source as repository and the one file meant in it, or "": `owner/name/folder/file.pt`."""
    parts = source.split("/")
    return "/".join(parts[:2]), "/".join(parts[2:])


def takes_pickles(spec: ModelSpec) -> bool:
    """The face engines read tensors, and nothing but tensors, from pickles; their weights exist in no other form."""
    return spec.engine.startswith("face_")


@contextmanager
def _explained(spec: ModelSpec) -> Iterator[None]:
    """Turn what the library raises into one sentence for the user."""
    try:
        yield
    except StudioError:
        raise
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelUnavailable(f"The disk is full: {spec.name} could not be written. Make room and try again.", "model") from problem
        raise ModelUnavailable(_sentence(spec, problem), "model") from problem
    except Exception as problem:
        raise ModelUnavailable(_sentence(spec, problem), "model") from problem


def _sentence(spec: ModelSpec, problem: Exception) -> str:
    from huggingface_hub import constants, errors

    repository = split_source(spec.source)[0]
    page = f"{constants.ENDPOINT}/{repository}"
    if isinstance(problem, errors.GatedRepoError):  # first: it is a RepositoryNotFoundError too
        return f"{spec.name} is gated: open {page}, agree to its terms, then {TOKEN_ADVICE}."
    if isinstance(problem, errors.RepositoryNotFoundError):
        return f"The Hub has no repository {repository!r} open to you.{_similar(repository)} If it is a private one, {TOKEN_ADVICE}."
    if isinstance(problem, errors.RevisionNotFoundError):
        return f"{repository} has no revision {spec.revision!r}. Correct `revision`, or leave it out for the newest."
    if isinstance(problem, errors.HFValidationError):
        return f"{spec.source!r} is neither a Hub repository (owner/name) nor a folder of this machine. Correct `source` of {spec.id}."
    if isinstance(problem, errors.HfHubHTTPError) and problem.response is not None:
        return f"The Hub answered {problem.response.status_code} to the download of {spec.name}. Try again later."
    if "Consistency check failed" in str(problem) or "peer closed" in str(problem):
        return f"A file of {spec.name} came cut off. Try again; the files that are whole are kept."
    cause = f"The Hub at {constants.ENDPOINT} cannot be reached for {spec.name} ({_cause(problem)})."
    return f"{cause} Check the network, or choose a model that is here."


def _cause(problem: BaseException) -> str:
    while problem.__cause__ is not None:
        problem = problem.__cause__
    return str(problem).split("\n")[0][:200] or type(problem).__name__


def _similar(repository: str) -> str:
    """Return ' Did you mean ...?' by asking the Hub for names alike and the owner's others; nothing when it knows none."""
    from huggingface_hub import HfApi

    owner, _, name = repository.rpartition("/")
    try:
        found = [*HfApi().list_models(search=name, limit=20), *HfApi().list_models(author=owner, limit=100)]
    except Exception:  # only a hint: the answer is the same without it
        return ""
    names = sorted({model.id for model in found})
    hint = nearest(repository, names)
    return hint if "Did you mean" in hint else ""


def _disk_too_small(spec: ModelSpec, need: int, free: int, place: Path) -> ModelUnavailable:
    return ModelUnavailable(
        f"{spec.name} needs {need / 1e9:.2f} GB on disk, {free / 1e9:.2f} GB are free in {place}. "
        "Make room, or set HF_HOME to a folder on another disk.",
        "model",
    )
