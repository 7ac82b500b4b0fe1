"""The Hub's cache on this machine: where a repository's files lie in it, which repositories there are, and how they go.

Knows the folders and nothing of the network.
"""

import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from studio.repository import RemoteFile

UNFINISHED = ".incomplete"  # how the name of a file ends that has not come whole


@dataclass(frozen=True)
class Cached:
    """A repository in the cache.

    Attributes:
        repository: owner/name.
        bytes: all it takes on the disk, what is unfinished included.
        unfinished_bytes: files that have not come whole; a download goes on from them.
        last_used: when a file of it was last read or written, in seconds since 1970.
        revisions: the commits there are, the newest first.
    """

    repository: str
    bytes: int
    unfinished_bytes: int
    last_used: float
    revisions: tuple[str, ...]


def cached(folder: Path) -> list[Cached]:
    """Return the repositories of models in a cache folder, the largest first."""
    found = [_cached(place) for place in folder.glob("models--*") if place.is_dir()]
    return sorted((one for one in found if one.bytes), key=lambda one: -one.bytes)


def _cached(place: Path) -> Cached:
    files = _files(place)
    status = {file: file.stat() for file in files}
    revisions = sorted((path for path in place.glob("snapshots/*") if path.is_dir()), key=lambda path: -path.stat().st_mtime)
    return Cached(
        repository=place.name.removeprefix("models--").replace("--", "/"),
        bytes=sum(one.st_size for one in status.values()),
        unfinished_bytes=sum(one.st_size for file, one in status.items() if file.name.endswith(UNFINISHED)),
        last_used=max((max(one.st_atime, one.st_mtime) for one in status.values()), default=0.0),
        revisions=tuple(path.name for path in revisions),
    )


def remove(folder: Path, repository: str) -> int:
    """Delete a repository from the cache and return the bytes this frees; 0 when it is not there."""
    place = folder / folder_name(repository)
    if ".." in place.name or place.parent != folder or not place.is_dir():
        return 0
    freed = sum(file.stat().st_size for file in _files(place))
    shutil.rmtree(place)
    shutil.rmtree(folder / ".locks" / place.name, ignore_errors=True)
    return freed


def _files(place: Path) -> list[Path]:
    return [file for file in place.rglob("*") if file.is_file() and not file.is_symlink()]


def folder_name(repository: str) -> str:
    """Return the folder of a repository inside the cache."""
    return f"models--{repository.replace('/', '--')}"


def part_of(blob: Path) -> Path:
    """Return where a file lies while it is not whole. The Hub's library gives its own unfinished files other names."""
    return blob.with_name(blob.name + UNFINISHED)


def size_of(path: Path) -> int:
    """Return the bytes of a file, 0 where there is none, or none any more."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def on_disk(folder: Path, file: RemoteFile) -> int:
    """Return the bytes of a file that are here, whole or not."""
    blob = folder / folder_name(file.repository) / "blobs" / (file.oid or "?")
    return size_of(blob) or size_of(part_of(blob))


def free_bytes(folder: Path) -> int:
    """Return what is left on the disk of a folder that may not exist yet."""
    place = next(one for one in (folder, *folder.parents) if one.exists())
    return shutil.disk_usage(place).free
