"""What the Hub's cache holds, as the Models tab lists it: each repository with its size, and a way to delete it that asks first.

Knows repositories on the disk. Does not know what is in memory.
"""

import time
from datetime import UTC, datetime
from html import escape

from studio.cache import Cached
from studio.studio import Studio
from studio.tabs import _stage as stage
from studio.tabs import _words as words

AGAIN = 5.0  # seconds until the disk is looked at again


class Disk:
    """The section as it was drawn a short while ago: a cache of many files takes a moment to walk through."""

    def __init__(self, studio: Studio):
        self._studio, self._drawn, self._at = studio, "", float("-inf")

    def drawn(self) -> str:
        if time.monotonic() > self._at + AGAIN:
            found = self._studio.cached()
            names = {one.repository: self._studio.made_of(one.repository) for one in found}
            self._drawn = section(found, self._studio.disk_free(), names, self._studio.may_delete)
            self._at = time.monotonic()
        return self._drawn

    def delete(self, repository: str) -> str:
        """Delete a repository and return what to tell. Raises what the studio does."""
        freed = self._studio.remove_cached(repository)
        self._at = float("-inf")
        return f"{repository} is deleted: {words.said_size(freed)} are free again."


def section(found: list[Cached], free: int, names: dict[str, list[str]], may_delete: bool) -> str:
    """Return the section. `names` are the models of the catalogue by the repository they are made of."""
    total = words.said_size(sum(one.bytes for one in found))
    said = f"{total} in {words.plural(len(found), 'repository', 'repositories')}" if found else "Nothing is downloaded"
    rows = "".join(row(one, names.get(one.repository, []), may_delete) for one in found)
    listed = f'<div class="left"><ul>{rows}</ul></div>' if found else ""
    return (
        f'<section class="adding" aria-label="On disk"><h2>On disk</h2><p>{said}; {words.said_size(free)} are free.</p>{listed}</section>'
    )


def row(one: Cached, names: list[str], may_delete: bool) -> str:
    """Return one repository. The question before it goes says what it is for, and that it can come again."""
    used = datetime.fromtimestamp(one.last_used, UTC).isoformat()
    facts = [words.said_size(one.bytes), f"last used {words.said_ago(used)}"]
    facts += [words.plural(len(one.revisions), "revision")] if len(one.revisions) > 1 else []
    facts += [f"{words.said_size(one.unfinished_bytes)} of an unfinished download"] if one.unfinished_bytes else []
    whose = f"for {', '.join(names)}" if names else "not in the catalogue"
    need = f" {', '.join(names)} will have to be downloaded again." if names else " Another program may use it."
    sure = f"Delete {one.repository} from the disk, {words.said_size(one.bytes)}?{need}"
    button = stage.button("Delete", "delete", id=one.repository, sure=sure, label=f"Delete {one.repository}") if may_delete else ""
    return f"<li><div><b>{escape(one.repository)}</b> <span>{escape(whose)}</span><p>{escape(', '.join(facts))}</p></div>{button}</li>"
