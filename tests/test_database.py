import sqlite3
from pathlib import Path

import pytest

from studio.database import MIGRATIONS, CannotWrite, Database, new_id, now


def test_ids_sort_by_their_age():
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids) and len(set(ids)) == 1000
    assert {len(id) for id in ids} == {20}


def test_the_time_is_utc():
    assert now().endswith("Z") and "T" in now()


def test_a_change_is_kept_whole_or_not_at_all(tmp_path):
    database = Database(tmp_path / "d" / "studio.db")
    with pytest.raises(RuntimeError), database.transaction() as connection:
        connection.execute("INSERT INTO words (rowid, prompt) VALUES (1, 'half')")
        raise RuntimeError
    assert database.rows("SELECT * FROM words") == []


def test_a_second_start_finds_the_schema_done(tmp_path):
    for _ in range(2):
        database = Database(tmp_path / "studio.db")
        assert database.rows("PRAGMA user_version")[0][0] == len(MIGRATIONS)
        database.close()


def test_a_disk_that_refuses_is_named(tmp_path):
    database = Database(tmp_path / "studio.db")
    with pytest.raises(CannotWrite, match="--data"), database.transaction() as connection:
        raise sqlite3.OperationalError("database or disk is full")
    assert not database._connection.in_transaction
    assert connection is database._connection


def test_a_folder_that_cannot_be_written_leaves_a_studio_without_memory():
    database = Database(Path("/proc/nothing/studio.db"))
    assert "/proc/nothing" in database.problem and "--data" in database.problem
    with database.transaction() as connection:
        connection.execute("INSERT INTO words (rowid, prompt) VALUES (1, 'kept for now')")
    assert len(database.rows("SELECT * FROM words")) == 1
