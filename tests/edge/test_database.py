"""One file, migrated in order."""

from pathlib import Path

import pytest

from edge import database
from edge.errors import StorageError


def test_each_step_runs_once_and_rooms_do_not_mix(tmp_path: Path) -> None:
    db = database.connect(tmp_path)
    database.migrate(db, "one", ["CREATE TABLE a (x); CREATE TABLE b (x)"])
    database.migrate(db, "one", ["CREATE TABLE a (x); CREATE TABLE b (x)", "ALTER TABLE a ADD COLUMN y"])
    database.migrate(db, "two", ["CREATE TABLE c (x)"])
    assert set(db.table_names()) == {"migrations", "a", "b", "c"}
    assert [column.name for column in db["a"].columns] == ["x", "y"]
    db.conn.close()


def test_a_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    db = database.connect(tmp_path)
    database.migrate(db, "one", ["CREATE TABLE a (x)", "CREATE TABLE b (x)"])
    with pytest.raises(StorageError, match="newer Vedette"):
        database.migrate(db, "one", ["CREATE TABLE a (x)"])
    db.conn.close()


def test_a_folder_that_cannot_be_made_names_itself(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        database.connect(tmp_path / "file" / "data")


def test_a_file_that_is_no_database_names_itself(tmp_path: Path) -> None:
    (tmp_path / database.NAME).write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match=database.NAME):
        database.connect(tmp_path)


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    db = database.connect(tmp_path)
    database.migrate(db, "one", ["CREATE TABLE a (x UNIQUE)"])
    with pytest.raises(StorageError), database.transaction(db) as connection:
        connection.executemany("INSERT INTO a VALUES (?)", [[1], [1]])
    assert db["a"].count == 0
    db.conn.close()
