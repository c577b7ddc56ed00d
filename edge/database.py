"""One SQLite file per device: opened the same way everywhere, migrated in order, safe against a pulled plug."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from edge.errors import StorageError

NAME = "vedette.db"
BUSY_MS = 10_000
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")


def connect(data: Path) -> Database:
    """Open `data`/vedette.db, making the folder if need be; raises StorageError with the remedy.

    WAL with synchronous=FULL: a commit that returned survives `kill -9` and power loss. The connection
    may pass between threads; who shares one brings a lock.
    """
    path = data / NAME
    try:
        data.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, check_same_thread=False, isolation_level=None)
    except OSError as error:
        raise StorageError(f"{data}: {error.strerror}; name a folder this user may write in 'data'") from error
    except sqlite3.Error as error:
        raise StorageError(f"{path}: {error}; check the disk and the file's owner, or restore a copy") from error
    try:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        connection.close()
        raise StorageError(f"{path}: {error}; check the disk and the file's owner, or restore a copy") from error
    return Database(connection)


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
        raise StorageError(f"database: {error}; check the disk's free space and the file's owner") from error


def migrate(database: Database, room: str, steps: Sequence[str]) -> None:
    """Run each SQL script of `steps` that this file has not seen; every room numbers its own.

    Raises StorageError if the file was written by a newer Vedette.
    """
    if _done(database.conn, room) == len(steps):
        return  # nothing is written, so that a full disk stops nobody from starting
    with transaction(database) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (room TEXT PRIMARY KEY, done INTEGER NOT NULL)")
        done = _done(connection, room)
        if done > len(steps):
            raise StorageError(f"{room}: this database was written by a newer Vedette; upgrade, or restore a copy")
        for step in steps[done:]:
            for statement in filter(str.strip, step.split(";")):
                connection.execute(statement)
        connection.execute(
            "INSERT INTO migrations VALUES (?, ?) ON CONFLICT (room) DO UPDATE SET done = excluded.done",
            [room, len(steps)],
        )


def _done(connection: sqlite3.Connection, room: str) -> int:
    try:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").fetchone()
        row = known and connection.execute("SELECT done FROM migrations WHERE room = ?", [room]).fetchone()
    except sqlite3.Error as error:
        raise StorageError(f"database: {error}; check the disk and the file's owner, or restore a copy") from error
    return int(row[0]) if row else 0
