"""The gallery: one row and one file for everything ever made.

Knows records, their files, search and ratings. Does not know how a thing was made.
"""

from studio.types import Record


class Gallery:
    """Records in SQLite, files in dated folders under the data folder."""

    def add(self, record: Record) -> Record:
        """Write a record down."""

    def get(self, record: str, user: str | None = None) -> Record:
        """Return a record. Raises NotFound."""

    def list(
        self, query: str = "", task: str | None = None, model: str | None = None, before: str | None = None,
        limit: int = 50, user: str | None = None, rating: int | None = None,
    ) -> list[Record]:
        """Return records, newest first; `query` words must all appear (prefixes count) in prompt, model, facts or tags; `before` is the last id of the page before."""

    def count(self, query: str = "", task: str | None = None, model: str | None = None, user: str | None = None) -> int:
        """Return how many records `list` would give in all."""

    def rate(self, record: str, rating: int) -> Record:
        """Set a rating, 0 (none) to 5."""

    def tag(self, record: str, tags: list[str]) -> Record:
        """Replace the tags."""

    def delete(self, record: str) -> None:
        """Remove the row and its files."""
