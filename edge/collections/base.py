"""The connections that all about collections goes through: one writes, one reads; what is deleted is overwritten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any

from sqlite_utils import Database

from edge.collections import chunks, once, remains, schema, tags, users
from edge.collections.rows import collection_key
from edge.database import beside, migrate, reading, transaction

ROOMS = (schema, chunks, users, tags, once, remains)


class Stored:
    """Each call is one transaction, and durable when it returns. Safe to share between threads.

    It owns `database` (give it a connection of its own) and opens another to read with, so that no reader waits for
    a commit; `close` closes all.
    """

    def __init__(self, database: Database) -> None:
        for room in ROOMS:
            migrate(database, room.ROOM, room.STEPS)
        self._database = database
        self._reader = beside(database)
        self._lock, self._reading_lock = RLock(), RLock()
        self._eraser = remains.Eraser(database)
        if self._rows("SELECT 1 FROM stale LIMIT 1"):
            with self._writing():
                pass  # users of before there were vectors of users get theirs
        self._eraser.clear()  # what a killed process had not come to

    def close(self) -> None:
        with self._reading_lock:
            self._reader.close()
        with self._lock:
            self._database.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            with transaction(self._database) as connection:
                yield connection
                users.refresh(connection)
                self._eraser.tidy(connection)
            self._eraser.clear()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._reading_lock, reading(self._reader) as connection:
            yield connection

    def _key(self, collection: str) -> int:
        with self._reading() as connection:
            return collection_key(connection, collection)

    def _rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        with self._reading():
            return list(self._reader.query(sql, parameters))
