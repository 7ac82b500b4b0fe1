"""The database: one SQLite file, its schema as an append-only list of migrations.

Knows connections, transactions and the schema. Does not know what the rows mean.
"""

import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from studio.errors import StudioError

# Append only: a studio that is newer than its database runs what is missing, in order.
MIGRATIONS = (
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY, user TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL, task TEXT NOT NULL, model TEXT NOT NULL,
        prompt TEXT NOT NULL, seed INTEGER NOT NULL, options TEXT NOT NULL, request TEXT NOT NULL, created TEXT NOT NULL,
        started TEXT, finished TEXT, error TEXT, code TEXT
    );
    CREATE INDEX jobs_by_state ON jobs (state, id);
    CREATE TABLE records (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, job TEXT NOT NULL, user TEXT NOT NULL, task TEXT NOT NULL, model TEXT NOT NULL,
        revision TEXT NOT NULL, prompt TEXT NOT NULL, seed INTEGER NOT NULL, options TEXT NOT NULL, parents TEXT NOT NULL,
        facts TEXT NOT NULL,
        created TEXT NOT NULL, seconds REAL NOT NULL, medium TEXT NOT NULL, mime TEXT NOT NULL, bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        path TEXT NOT NULL, files TEXT NOT NULL, rating INTEGER NOT NULL DEFAULT 0, tags TEXT NOT NULL DEFAULT '[]'
    );
    CREATE UNIQUE INDEX records_by_path ON records (job, path);
    CREATE INDEX records_by_task ON records (task, id);
    CREATE INDEX records_by_model ON records (model, id);
    CREATE VIRTUAL TABLE words USING fts5 (prompt, about, tags, tokenize = 'unicode61 remove_diacritics 2');
    """,
    """
    ALTER TABLE records ADD COLUMN inputs TEXT NOT NULL DEFAULT '{}';
    CREATE INDEX records_by_file ON records (sha256);
    CREATE TABLE inputs (name TEXT NOT NULL, user TEXT NOT NULL, medium TEXT NOT NULL, created TEXT NOT NULL, PRIMARY KEY (name, user));
    """,
    """
    CREATE TABLE agreements (
        model TEXT NOT NULL, source TEXT NOT NULL, license TEXT NOT NULL, user TEXT NOT NULL, created TEXT NOT NULL,
        PRIMARY KEY (model, source, license, user)
    );
    """,
    """
    CREATE TABLE choices (model TEXT PRIMARY KEY, mode TEXT, dtype TEXT);
    """,
)


class CannotWrite(StudioError):
    """The data folder is full or cannot be written."""

    code = "cannot_write"
    status = 503


class Database:
    """One connection, used by one thread at a time.

    Attributes:
        problem: why nothing can be kept, when the folder cannot be written and the database lives in memory; else "".
    """

    def __init__(self, path: Path):
        self.path = path
        self.problem = ""
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open(str(path))
        except (OSError, sqlite3.OperationalError) as reason:
            self.problem = f"Nothing can be kept: {path.parent} cannot be written ({reason}). Choose another folder with --data."
            self._connection = self._open(":memory:")

    def _open(self, name: str) -> sqlite3.Connection:
        connection = sqlite3.connect(name, check_same_thread=False, isolation_level=None, timeout=10)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        done = connection.execute("PRAGMA user_version").fetchone()[0]
        for number, script in enumerate(MIGRATIONS[done:], done + 1):
            connection.executescript(f"BEGIN IMMEDIATE;{script};PRAGMA user_version = {number};COMMIT;")
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection for one change, kept whole or not at all. Raises CannotWrite when the disk refuses."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as problem:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(problem, sqlite3.OperationalError):
                    raise CannotWrite(
                        f"{self.path.parent} cannot be written: {problem}. Free some space or choose another folder with --data."
                    ) from None
                raise

    def rows(self, query: str, values: tuple = ()) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


_last = 0
_last_lock = threading.Lock()


def new_id() -> str:
    """Return a new id of 20 characters; later ids sort behind earlier ones."""
    global _last
    with _last_lock:
        _last = max(_last + 1, time.time_ns() // 1000)
        return f"{_last:014x}{secrets.token_hex(3)}"


def now() -> str:
    """Return the time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
