"""The gallery: one row and one file for everything ever made.

Knows records, their files, search and ratings. Does not know how a thing was made.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.database import Database
from studio.errors import BadRequest, NotFound
from studio.types import Record

_JSON = ("options", "parents", "inputs", "facts", "files", "tags")
_COLUMNS = tuple(Record.model_fields)


class Gallery:
    """Records in SQLite, files in dated folders under `folder`, the data folder."""

    def __init__(self, database: Database, folder: Path):
        self._database, self.folder = database, folder

    def add(self, record: Record) -> Record:
        """Write a record down. One that a job run again makes a second time, at the same path, takes the earlier one's place."""
        row = record.model_dump()
        values = tuple(json.dumps(row[name]) if name in _JSON else row[name] for name in _COLUMNS)
        with self._database.transaction() as connection:
            for old in connection.execute("SELECT number FROM records WHERE job = ? AND path = ?", (record.job, record.path)).fetchall():
                self._forget(connection, old["number"])
            marks = ", ".join("?" * len(_COLUMNS))
            number = connection.execute(f"INSERT INTO records ({', '.join(_COLUMNS)}) VALUES ({marks})", values).lastrowid
            self._index(connection, number, record)
        return record

    def get(self, record: str, user: str | None = None) -> Record:
        """Return a record; with a user, only one of hers. Raises NotFound."""
        rows = self._database.rows("SELECT * FROM records WHERE id = ?", (record,))
        if not rows or user is not None and rows[0]["user"] != user:
            raise NotFound(f"Nothing in the gallery has the id {record[:40]!r}.", param="id")
        return _record(rows[0])

    def of_file(self, sha256: str, medium: str, user: str | None = None) -> Record | None:
        """Return the newest record whose file has this hash; None where there is none."""
        where, values = _conditions("", sha256=sha256, medium=medium, user=user)
        rows = self._database.rows(f"SELECT * FROM records {where} ORDER BY id DESC LIMIT 1", tuple(values))
        return _record(rows[0]) if rows else None

    def list(
        self,
        query: str = "",
        task: str | None = None,
        model: str | None = None,
        before: str | None = None,
        limit: int = 50,
        user: str | None = None,
        rating: int | None = None,
        job: str | None = None,
    ) -> list[Record]:
        """Return records, newest first.

        Args:
            query: words that must all appear in prompt, model, facts or tags; the beginning of a word is enough.
            before: the last id of the page before.
            rating: at least this many stars.
        """
        where, values = _conditions(query, task=task, model=model, user=user, job=job)
        if before:
            where, values = where + " AND records.id < ?", values + [before]
        if rating:
            where, values = where + " AND rating >= ?", values + [rating]
        rows = self._database.rows(f"SELECT records.* FROM records {where} ORDER BY records.id DESC LIMIT ?", (*values, limit))
        return [_record(row) for row in rows]

    def count(self, query: str = "", task: str | None = None, model: str | None = None, user: str | None = None) -> int:
        """Return how many records `list` would give in all."""
        where, values = _conditions(query, task=task, model=model, user=user, job=None)
        return self._database.rows(f"SELECT count(*) FROM records {where}", tuple(values))[0][0]

    def rate(self, record: str, rating: int) -> Record:
        """Set a rating, 0 (none) to 5."""
        if not 0 <= rating <= 5:
            raise BadRequest(f"rating is {rating}: it goes from 0 to 5.", param="rating")
        self.get(record)
        with self._database.transaction() as connection:
            connection.execute("UPDATE records SET rating = ? WHERE id = ?", (rating, record))
        return self.get(record)

    def tag(self, record: str, tags: Sequence[str]) -> Record:
        """Replace the tags."""
        self.get(record)
        with self._database.transaction() as connection:
            connection.execute("UPDATE records SET tags = ? WHERE id = ?", (json.dumps([*tags]), record))
            connection.execute(
                "UPDATE words SET tags = ? WHERE rowid = (SELECT number FROM records WHERE id = ?)", (" ".join(tags), record)
            )
        return self.get(record)

    def delete(self, record: str) -> None:
        """Remove the row and then its files, also those that were drawn or converted from them."""
        found = self.get(record)
        with self._database.transaction() as connection:
            number = connection.execute("SELECT number FROM records WHERE id = ?", (record,)).fetchone()["number"]
            self._forget(connection, number)
        made_of_it = [*self.folder.glob(f"thumbnails/{found.id}-*"), *self.folder.glob(f"converted/{found.id}.*")]
        for path in {self.folder / path for path in (found.path, *found.files.values())}.union(made_of_it):
            path.unlink(missing_ok=True)

    @staticmethod
    def _index(connection: Any, number: int, record: Record) -> None:
        about = " ".join([record.model, record.task, record.medium, str(record.seed), *map(str, record.facts.values())])
        connection.execute(
            "INSERT INTO words (rowid, prompt, about, tags) VALUES (?, ?, ?, ?)", (number, record.prompt, about, " ".join(record.tags))
        )

    @staticmethod
    def _forget(connection: Any, number: int) -> None:
        connection.execute("DELETE FROM words WHERE rowid = ?", (number,))
        connection.execute("DELETE FROM records WHERE number = ?", (number,))


def _conditions(query: str, **equal: str | None) -> tuple[str, list]:
    given = {name: value for name, value in equal.items() if value is not None}
    parts = ["1 = 1"] + [f"{name} = ?" for name in given]
    values: list = list(given.values())
    words = re.findall(r"\w+", query)
    if words:
        parts.append("number IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append(" AND ".join(f'"{word}"*' for word in words))
    return "WHERE " + " AND ".join(parts), values


def _record(row: Any) -> Record:
    return Record(**{name: json.loads(row[name]) if name in _JSON else row[name] for name in _COLUMNS})
