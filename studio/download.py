"""Bringing files of the Hub into its cache: each goes on where it stopped, whether it was stopped, cut off or killed.

Knows HTTP ranges, retries, hashes and the cache's folders. Does not know which files a model needs.
"""

import hashlib
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from glob import escape
from pathlib import Path
from threading import Event, Thread
from typing import Any

from studio import weights
from studio.cache import folder_name, free_bytes, on_disk, part_of, size_of
from studio.errors import ModelUnavailable, Stopped
from studio.origins import prepare
from studio.repository import Need, RemoteFile, not_weights

Report = Callable[[int, int, float], None]  # bytes done, of bytes in all (0 while not known), bytes a second of late (0 while not known)
TICK = 0.1  # seconds between two reports
WAIT = 1.0  # seconds between two reports while nothing comes
WINDOW = 10.0  # seconds over which the rate is taken
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each new try of a connection that broke; one that brought something starts anew
AT_ONCE = 4  # files that come at the same time
BUSY = (408, 429, 500, 502, 503, 504)  # answers that may be others a little later


class Download:
    """One download, in a thread of its own, so that a stop is felt at once even when the network hangs.

    Args:
        name: what is fetched, for messages.
        cache: the Hub's cache folder.
        report: called at once and then a few times a second; it may raise to stop.
    """

    def __init__(self, name: str, cache: Path, report: Report, stopped: Callable[[], bool]):
        self._name, self._cache, self._report, self._stopped = name, cache, report, stopped
        self._total = self._here = self._received = 0
        self._come: dict[RemoteFile, int] = {}  # bytes on disk of each file that was not here before
        self._told = -WAIT
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._ending = Event()

    def run(self, work: Callable[[], None]) -> None:
        """Do `work`, which calls `bring`, and report meanwhile. Raises what it raises, or Stopped."""
        problems: list[BaseException] = []

        def guarded() -> None:
            try:
                prepare()
                work()
            except BaseException as problem:  # raised again below
                problems.append(problem)

        thread = Thread(target=guarded, name="download", daemon=True)
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
        done = self._here + sum(self._come.values())
        if done or time.monotonic() > self._told + WAIT:
            self._told = time.monotonic()
            self._report(min(done, self._total), self._total, self._rate())

    def _rate(self) -> float:
        now, received = time.monotonic(), self._received
        self._seen.append((now, received))
        while len(self._seen) > 2 and self._seen[0][0] < now - WINDOW:
            self._seen.popleft()
        began, before = self._seen[0]
        return (received - before) / (now - began) if now - began > 0.5 else 0.0

    def bring(self, needs: Iterable[Need]) -> None:
        """Fetch the files that are not here and put each repository's together. Raises ModelUnavailable, or what the network raises."""
        needs = list(needs)
        files = list(dict.fromkeys(file for need in needs for file in need.files))
        fresh = [file for file in files if not self._path(file).is_file()]
        self._come = {file: on_disk(self._cache, file) for file in fresh}
        self._check_disk(sum(file.size for file in fresh) - sum(self._come.values()))
        self._here = sum(file.size for file in files) - sum(file.size for file in fresh)
        self._total = sum(file.size for file in files)
        with ThreadPoolExecutor(AT_ONCE, "download") as pool:
            try:
                list(pool.map(self._fetch, fresh))
            except BaseException:
                self._ending.set()  # the others need not go on
                raise
        for need in needs:
            self._patiently(lambda need=need: self._put_together(need))

    def _put_together(self, need: Need) -> None:
        """Let the library lay the fetched files into a snapshot: it finds each by the hash it is named by."""
        from huggingface_hub import snapshot_download

        patterns = [escape(file.name) for file in need.files]
        snapshot_download(need.source.repository, revision=need.source.revision, cache_dir=self._cache, allow_patterns=patterns)

    def _repository(self, file: RemoteFile) -> Path:
        return self._cache / folder_name(file.repository)

    def _path(self, file: RemoteFile) -> Path:
        return self._repository(file) / "snapshots" / file.commit / file.name

    def _check_disk(self, need: int) -> None:
        free = free_bytes(self._cache)
        if need > free:
            raise ModelUnavailable(
                f"{self._name} needs {need / 1e9:.2f} GB on disk, {free / 1e9:.2f} GB are free in {self._cache}. "
                "Make room, or set HF_HOME to a folder on another disk.",
                "model",
            )

    def _fetch(self, file: RemoteFile) -> None:
        """Bring one file into the cache, whole and with the right hash. One that comes damaged is fetched once more."""
        size, etag = self._patiently(lambda: _described(file))
        blob = self._repository(file) / "blobs" / etag
        blob.parent.mkdir(parents=True, exist_ok=True)
        with self._locked(file, etag):
            damaged = not blob.is_file() and not (self._whole(file, size, blob) or self._whole(file, size, blob))
            self._come[file] = size
        if damaged:
            raise ModelUnavailable(
                f"{file.name} of {file.repository} came damaged or cut off, twice, and was deleted. Try again later.", "model"
            )

    @contextmanager
    def _locked(self, file: RemoteFile, etag: str) -> Iterator[None]:
        """Keep others from writing the same file: the library's own lock, which ends with its process."""
        from filelock import Timeout
        from huggingface_hub.utils import WeakFileLock

        lock = self._cache / ".locks" / folder_name(file.repository) / f"{etag}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(WeakFileLock(lock, timeout=WAIT))
                    break
                except Timeout:
                    self._go_on()
            yield

    def _whole(self, file: RemoteFile, size: int, blob: Path) -> bool:
        """Fetch what is missing of a file; tell whether it is then what it should be. If not, nothing of it is kept."""
        part = part_of(blob)
        complete = self._complete(file, size, part)
        if complete and self._matches(part, blob.name):
            self._check_header(file, part)
            part.replace(blob)
            return True
        part.unlink(missing_ok=True)
        self._come[file] = 0
        return False

    def _complete(self, file: RemoteFile, size: int, part: Path) -> bool:
        """Read a file to its end, over as many connections as it takes; False when the Hub ends it early again and again."""
        part.touch()
        tries = 0
        while (have := size_of(part)) < size:
            problem = self._one_connection(file, size, part)
            tries = 0 if size_of(part) > have else tries + 1
            ended_early = problem is None or "peer closed" in str(problem)
            if ended_early and tries > 1:
                return False
            if tries > len(PAUSES):
                raise problem
            if size_of(part) < size:
                self._pause(PAUSES[max(0, tries - 1)])
        return have == size

    def _one_connection(self, file: RemoteFile, size: int, part: Path) -> Exception | None:
        """Append what one connection brings. Return what broke it, if that may pass."""
        try:
            self._stream(file, size, part)
        except Exception as problem:
            if not _may_pass(problem):
                raise
            return problem
        return None

    def _stream(self, file: RemoteFile, size: int, part: Path) -> None:
        from huggingface_hub import constants, get_session
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

        have = size_of(part)
        headers = {**build_hf_headers(), "Accept-Encoding": "identity", "Range": f"bytes={have}-"}
        with get_session().stream("GET", file.url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as answer:
            hf_raise_for_status(answer)
            with part.open("ab" if answer.status_code == 206 else "wb") as target:  # a Hub without ranges sends all of it again
                self._come[file] = target.tell()
                for block in answer.iter_bytes():
                    self._go_on()
                    target.write(block)
                    self._come[file] += len(block)
                    self._received += len(block)
                    if self._come[file] > size:  # more than was announced: damaged, and without an end perhaps
                        break

    def _matches(self, path: Path, etag: str) -> bool:
        """Compare a file with the hash the Hub names it by: SHA-256 for large files, Git's own for small ones."""
        if re.fullmatch(r"[0-9a-f]{64}", etag):
            digest = hashlib.sha256()
        elif re.fullmatch(r"[0-9a-f]{40}", etag):
            digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        else:
            return True
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                self._go_on()
                digest.update(block)
        return digest.hexdigest() == etag

    def _check_header(self, file: RemoteFile, path: Path) -> None:
        """Refuse what is called a safetensors file and is none, though it is what the repository holds."""
        pointer = weights.is_pointer(path)
        if not pointer and (not file.name.endswith(".safetensors") or weights.is_safetensors(path)):
            return
        path.unlink()
        raise ModelUnavailable(not_weights(file.repository, file.name, pointer), "model")

    def _patiently(self, action: Callable[[], Any]) -> Any:
        """Do something that asks the Hub, and again after a pause when that fails for a reason that may pass."""
        for pause in PAUSES:
            try:
                return action()
            except Exception as problem:
                if not _may_pass(problem):
                    raise
                self._pause(pause)
        return action()

    def _pause(self, seconds: float) -> None:
        self._ending.wait(seconds)
        self._go_on()

    def _go_on(self) -> None:
        if self._ending.is_set():
            raise Stopped("The download was stopped.")


def _described(file: RemoteFile) -> tuple[int, str]:
    """Ask the Hub for a file's size and the name its content has in the cache."""
    from huggingface_hub import get_hf_file_metadata

    found = get_hf_file_metadata(file.url)
    return found.size or file.size, found.etag or file.oid


def _may_pass(problem: Exception) -> bool:
    """Tell whether a problem is the network's, and may be over a little later."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if isinstance(problem, HfHubHTTPError):
        return problem.response is not None and problem.response.status_code in BUSY
    network = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)
    cause = problem.__cause__ if isinstance(problem, LocalEntryNotFoundError) else problem
    return isinstance(cause, network)
