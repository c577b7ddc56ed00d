"""The connections that all about custom models goes through: one writes, one reads."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any

from sqlite_utils import Database

from edge.custom import datasets, orders, policies, schema
from edge.database import beside, file_of, migrate, reading, transaction

ROOMS = (schema, datasets, policies, orders)


class Stored:
    """Each call is one transaction, and durable when it returns. Safe to share between threads.

    It owns `database` (give it a connection of its own) and opens another to read with, so that no reader waits for a
    commit; `close` closes both.
    """

    def __init__(self, database: Database) -> None:
        for room in ROOMS:
            migrate(database, room.ROOM, room.STEPS)
        self._database = database
        self._reader = beside(database)
        self._lock, self._reading_lock = RLock(), RLock()
        self.owner = self._named()

    def close(self) -> None:
        with self._reading_lock:
            self._reader.close()
        with self._lock:
            self._database.close()

    def changes(self) -> int:
        """A number that is another one when another connection has written: this one's own writes leave it."""
        with self._lock, reading(self._database) as connection:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def _named(self) -> str:
        """What this database is called in a model store that others may share: none is called so, nor a copy of it."""
        with reading(self._database) as connection:
            (name,) = connection.execute("SELECT name FROM owner").fetchone()
        return hashlib.sha256(f"{name}\0{file_of(self._database).resolve()}".encode("utf-8", "replace")).hexdigest()

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
