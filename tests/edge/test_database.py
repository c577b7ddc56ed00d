"""One file, migrated in order."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge import database
from edge.collections import Collections
from edge.errors import StorageError


def test_each_step_runs_once_and_rooms_do_not_mix(tmp_path: Path) -> None:
    db = database.connect(tmp_path)
    database.migrate(db, "one", ["CREATE TABLE a (x); CREATE TABLE b (x)"])
    database.migrate(db, "one", ["CREATE TABLE a (x); CREATE TABLE b (x)", "ALTER TABLE a ADD COLUMN y"])
    database.migrate(db, "two", ["CREATE TABLE c (x)"])
    assert set(db.table_names()) == {"migrations", "a", "b", "c"}
    assert [column.name for column in db["a"].columns] == ["x", "y"]
    db.conn.close()


def test_a_step_may_make_triggers(tmp_path: Path) -> None:
    db = database.connect(tmp_path)
    step = """
        CREATE TABLE a (x); CREATE TABLE b (x);
        CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b VALUES (new.x); DELETE FROM b WHERE x = ';'; END;
        CREATE TABLE c (x)
    """
    database.migrate(db, "one", [step])
    db.conn.executescript("INSERT INTO a VALUES (1); INSERT INTO a VALUES (';')")
    assert db.conn.execute("SELECT x FROM b").fetchall() == [(1,)]
    assert "c" in db.table_names()
    db.conn.close()


def test_a_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    db = database.connect(tmp_path)
    database.migrate(db, "one", ["CREATE TABLE a (x)", "CREATE TABLE b (x)"])
    with pytest.raises(StorageError, match=f"{database.NAME}: the tables of 'one' were written by a newer Vedette"):
        database.migrate(db, "one", ["CREATE TABLE a (x)"])
    db.conn.close()


@pytest.mark.parametrize(("umask", "mode"), [(0o000, 0o640), (0o022, 0o640), (0o027, 0o640), (0o077, 0o600)])
def test_a_new_file_is_for_its_owner_and_group_alone(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        db = database.connect(tmp_path)
        database.migrate(db, "one", ["CREATE TABLE a (x)"])
    finally:
        os.umask(before)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == dict.fromkeys(
        (database.NAME, f"{database.NAME}-wal", f"{database.NAME}-shm"), mode
    )
    db.conn.close()


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_mode_of_a_file_that_is_there_is_left_alone(tmp_path: Path, mode: int) -> None:
    (tmp_path / database.NAME).touch()
    (tmp_path / database.NAME).chmod(mode)
    db = database.connect(tmp_path)
    database.migrate(db, "one", ["CREATE TABLE a (x)"])
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {mode}
    db.conn.close()


def test_a_file_that_was_emptied_is_not_taken_for_a_new_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database.connect(tmp_path).close()
    database.connect(tmp_path).close()
    assert caplog.messages == []
    os.truncate(tmp_path / database.NAME, 0)
    os.utime(tmp_path / database.NAME, (0, 0))
    database.connect(tmp_path).close()
    assert caplog.messages == [
        f"{tmp_path / database.NAME}: was empty, and is begun anew; if it held faces or events, restore a copy"
    ]


def test_what_root_makes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root makes files for others")
    os.chown(tmp_path, 12345, 12345)
    db = database.connect(tmp_path)
    database.migrate(db, "one", ["CREATE TABLE a (x)"])
    files = sorted(tmp_path.iterdir())
    assert [(path.stat().st_uid, path.stat().st_gid) for path in files] == [(12345, 12345)] * 3
    db.conn.close()


def test_a_folder_that_cannot_be_made_names_itself(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        database.connect(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "No space left on device; make room there"),
        (errno.EROFS, "Read-only file system; mount its disk for writing"),
        (errno.EACCES, "Permission denied; name a folder this user may write"),
    ],
)
def test_a_folder_that_is_refused_names_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageError) as told:
        database.connect(tmp_path)
    assert str(told.value) == f"data: {tmp_path}: {remedy}"


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


@contextmanager
def failing(message: str, code: int) -> Iterator[None]:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    yield
    raise error


@pytest.mark.parametrize(
    ("message", "code", "free", "remedy"),
    [
        ("database or disk is full", sqlite3.SQLITE_FULL, 1 << 30, "no space left in {data}; make room there"),
        ("disk I/O error", sqlite3.SQLITE_IOERR | 19 << 8, 4096, "no space left in {data}; make room there"),
        ("disk I/O error", sqlite3.SQLITE_IOERR, 1 << 30, "and whether it is mounted read-only"),
        ("out of memory", sqlite3.SQLITE_NOMEM, 1 << 30, "check the disk and the file's owner, or restore a copy"),
        ("attempt to write a readonly database", sqlite3.SQLITE_READONLY, 1 << 30, database.OWNER),
        ("database disk image is malformed", sqlite3.SQLITE_CORRUPT, 1 << 30, database.DAMAGED),
    ],
)
def test_a_refusal_names_the_file_and_what_helps(  # noqa: PLR0917 - a row of the table
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, code: int, free: int, remedy: str
) -> None:
    db = database.connect(tmp_path)
    monkeypatch.setattr("edge.database.shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    for use in (database.transaction, database.reading):
        with pytest.raises(StorageError) as told, use(db), failing(message, code):
            pass
        assert str(told.value).startswith(f"{tmp_path / database.NAME}: {message}")
        assert str(told.value).endswith(remedy.format(data=tmp_path))
    db.conn.close()
    with pytest.raises(StorageError, match=f"^{database.NAME}: Cannot operate on a closed database"):
        database.migrate(db, "one", ["CREATE TABLE a (x)"])


def test_on_a_full_disk_a_reader_still_reads_and_a_daemon_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = Collections(database.connect(tmp_path))
    people.create_collection("people")
    people.close()
    monkeypatch.setattr("edge.database.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    real = sqlite3.connect

    class Full(sqlite3.Connection):
        def execute(self, *_: object) -> sqlite3.Cursor:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error

    def connect(name: object, *, uri: bool = False, **more: object) -> sqlite3.Connection:
        return real(name, uri=uri, factory=sqlite3.Connection if uri else Full, **more)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr("edge.database.sqlite3.connect", connect)
    with pytest.raises(StorageError, match="no space left"):
        database.connect(tmp_path)
    people = Collections(database.connect(tmp_path, or_snapshot=True))
    assert [one.name for one in people.list_collections()] == ["people"]
    with pytest.raises(StorageError, match="no space left"):
        people.create_collection("more")
    people.close()
