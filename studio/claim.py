"""One studio at a time on a data folder: two would each take the other's running jobs for interrupted ones.

Knows a lock file, which the system lets go of when its process ends, however it ends. Does not know what lies in the folder.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from studio.errors import StudioError


class FolderInUse(StudioError):
    """Another studio works on the data folder."""

    code = "folder_in_use"
    status = 409


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Hold a data folder. Raises FolderInUse while another process does; a folder that cannot be written is not held."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".studio.lock", timeout=0).acquire()
    except Timeout:
        raise FolderInUse(f"Another studio is at work on {folder}. End it first, or choose another folder with --data.") from None
    except OSError:  # the studio then keeps nothing, and says so
        yield
        return
    with lock:
        yield
