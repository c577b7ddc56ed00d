"""One SQLite file per device: opened the same way everywhere, migrated in order, safe against a pulled plug."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any, Protocol

from sqlite_utils import Database

from edge.errors import DiskError, StorageError

log = logging.getLogger(__name__)

NAME = "vedette.db"
BUSY_MS = 10_000
LITTLE = 1 << 20  # bytes free below which an I/O error is put down to the full disk
AT_ONCE = 5.0  # seconds
OWNER = "check the owner and mode of the file and its folder, and whether the disk is mounted read-only"
MAYBE_FULL = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
DAMAGED = "the file is damaged: restore a copy, or move it away to begin anew"
REMEDIES = {
    sqlite3.SQLITE_READONLY: OWNER,
    sqlite3.SQLITE_CANTOPEN: OWNER,
    sqlite3.SQLITE_PERM: OWNER,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_ERROR: DAMAGED,  # a table or column is missing
    sqlite3.SQLITE_IOERR: "see what 'dmesg' says of the disk, and whether it is mounted read-only",
    sqlite3.SQLITE_BUSY: "another process is writing; try again when it is done",
}
# What may pass by itself; all else is damage, or a defect.
PASSING = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
}
FOLDER_REMEDIES = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there",
    errno.EROFS: "mount its disk for writing",
}
OTHERWISE = "check the disk and the file's owner, or restore a copy"
MODE = 0o640  # faces, names and sealed secrets are nobody's business but the owner's and their group's
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")


class Snapshot(Database):
    """The file as it was when opened, only to read."""


def connect(data: Path, *, or_snapshot: bool = False) -> Database:
    """Open `data`/vedette.db, making the folder if need be; raises StorageError with the remedy.

    `or_snapshot`: a short-lived reader takes a Snapshot where the disk is too full to open the file for writing.

    WAL with synchronous=FULL: a commit that returned survives `kill -9` and power loss. The connection
    may pass between threads; who shares one brings a lock.
    """
    path = data / NAME
    try:
        data.mkdir(parents=True, exist_ok=True)
        _make(path)
        connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, check_same_thread=False, isolation_level=None)
    except OSError as error:
        raise no_folder("data", data, error) from error
    except sqlite3.Error as error:
        raise refused(path, error) from error
    try:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        connection.close()
        if or_snapshot and _full(path, error) and (snapshot := _snapshot(path)):
            return snapshot
        raise refused(path, error) from error
    return Database(connection)


def is_there(data: Path) -> bool:
    """Whether there is a database; raises StorageError for a folder that may not be looked into."""
    try:
        return (data / NAME).exists()
    except OSError as error:
        raise no_folder("data", data, error) from error


def _make(path: Path) -> None:
    """An empty file, if there is none; SQLite gives those beside it the same mode and owner. What fails, it tells.

    One that is empty already was emptied: whoever makes it fills it at once.
    """
    with suppress(OSError):
        if path.exists():
            state = path.stat()
            if not state.st_size and time.time() - state.st_mtime > AT_ONCE:
                log.warning("%s: was empty, and is begun anew; if it held faces or events, restore a copy", path)
            return
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        try:
            if os.geteuid() == 0:  # an administrator makes it for the daemon, whose folder this is
                owner = path.parent.stat()
                os.fchown(made, owner.st_uid, owner.st_gid)
        finally:
            os.close(made)


def beside(database: Database) -> Database:
    """A second connection to the same file, of the same kind."""
    return connect(file_of(database).parent, or_snapshot=isinstance(database, Snapshot))


def file_of(database: Database) -> Path:
    """Where a connection's file lies; its mere name once that is closed."""
    try:
        return Path(database.conn.execute("PRAGMA database_list").fetchone()[2])
    except sqlite3.ProgrammingError:
        return Path(NAME)


def refused(path: Path, error: sqlite3.Error) -> StorageError:
    """What SQLite would not do with the file at `path`, and what helps against that."""
    if _full(path, error):
        return DiskError(f"{path}: {error}: no space left in {path.parent}; make room there")
    kind = DiskError if _code(error) in PASSING else StorageError
    return kind(f"{path}: {error}; {REMEDIES.get(_code(error), OTHERWISE)}")


def room(data: Path) -> str:
    """Why nothing can be written into the data folder, in one sentence; empty if it can, as far as is seen."""
    try:
        free = shutil.disk_usage(data).free
    except OSError as error:
        return f"{data}: {(error.strerror or str(error)).lower()}; mount its disk, or start this anew"
    if not os.access(data, os.W_OK):
        return f"{data}: may not be written to; see whether its disk is mounted read-only, and who owns it"
    return f"{data}: no space left; make room there" if free < LITTLE else ""


def no_folder(setting: str, folder: Path, error: OSError) -> StorageError:
    """Why a folder that a setting names cannot be used, and what helps against that."""
    remedy = FOLDER_REMEDIES.get(error.errno or 0, "name a folder this user may write")
    return StorageError(f"{setting}: {folder}: {error.strerror}; {remedy}")


@contextmanager
def reading(database: Database) -> Iterator[sqlite3.Connection]:
    """The connection, to read with; raises StorageError if SQLite refuses."""
    try:
        yield database.conn
    except sqlite3.Error as error:
        raise refused(file_of(database), error) from error


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _full(path: Path, error: sqlite3.Error) -> bool:
    """Where SQLite needs room for the index of its log, it calls a full disk an I/O error; a Snapshot, read-only."""
    if _code(error) in MAYBE_FULL and path.parent.is_dir():
        return shutil.disk_usage(path.parent).free < LITTLE
    return _code(error) == sqlite3.SQLITE_FULL


def _snapshot(path: Path) -> Snapshot | None:
    """None if the write-ahead log holds commits, which a snapshot would not see."""
    log = path.with_name(f"{path.name}-wal")
    if not path.exists() or not path.stat().st_size or (log.exists() and log.stat().st_size):
        return None
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    return Snapshot(sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None))


@contextmanager
def transaction(database: Database) -> Iterator[sqlite3.Connection]:
    """All or nothing, and the write lock from the start; raises StorageError if SQLite refuses."""
    connection = database.conn
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled back already, or have refused the COMMIT and left all open.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.Error as error:
        raise refused(file_of(database), error) from error


def migrate(database: Database, room: str, steps: Sequence[str]) -> None:
    """Run each SQL script of `steps` that this file has not seen; every room numbers its own.

    Raises StorageError if the file was written by a newer Vedette.
    """
    if _done(database, room) == len(steps):
        return  # nothing is written, so that a full disk stops nobody from starting
    with transaction(database) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (room TEXT PRIMARY KEY, done INTEGER NOT NULL)")
        done = _done(database, room)
        if done > len(steps):
            raise StorageError(
                f"{file_of(database)}: the tables of {room!r} were written by a newer Vedette; "
                "upgrade this one, or restore a copy"
            )
        for step in steps[done:]:
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute(
            "INSERT INTO migrations VALUES (?, ?) ON CONFLICT (room) DO UPDATE SET done = excluded.done",
            [room, len(steps)],
        )


def _statements(script: str) -> Iterator[str]:
    """Each with its semicolon; those within a trigger end no statement."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            if part.strip():
                yield statement
            statement = ""


def _done(database: Database, room: str) -> int:
    with reading(database) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").fetchone()
        row = known and connection.execute("SELECT done FROM migrations WHERE room = ?", [room]).fetchone()
    return int(row[0]) if row else 0


class Room(Protocol):
    """A module with the tables of a room, as `migrate` takes them."""

    @property
    def ROOM(self) -> str: ...  # noqa: N802 - as modules call it
    @property
    def STEPS(self) -> Sequence[str]: ...  # noqa: N802


class Stored:
    """Each call is one transaction, and durable when it returns. Safe to share between threads.

    It owns `database` (give it a connection of its own), in which it makes the tables of `rooms`, and opens another to
    read with, so that no reader waits for a commit; `close` closes both.
    """

    def __init__(self, database: Database, rooms: Sequence[Room]) -> None:
        for room in rooms:
            migrate(database, room.ROOM, room.STEPS)
        self._database = database
        self._reader = beside(database)
        self._lock, self._reading_lock = RLock(), RLock()

    def close(self) -> None:
        with self._reading_lock:
            self._reader.close()
        with self._lock:
            self._database.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._database) as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._reading_lock, reading(self._reader) as connection:
            yield connection

    def _rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        with self._reading():
            return list(self._reader.query(sql, parameters))
