"""The connections that all about collections goes through: one writes, one reads; what is deleted is overwritten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlite_utils import Database

from edge import database as databases
from edge.collections import chunks, once, remains, schema, tags, users
from edge.collections.rows import collection_key


class Stored(databases.Stored):
    """Of the room `collections`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, (schema, chunks, users, tags, once, remains))
        self._eraser = remains.Eraser(database)
        if self._rows("SELECT 1 FROM stale LIMIT 1"):
            with self._writing():
                pass  # users of before there were vectors of users get theirs
        self._eraser.clear()  # what a killed process had not come to

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            with super()._writing() as connection:
                yield connection
                users.refresh(connection)
                self._eraser.tidy(connection)
            self._eraser.clear()

    def _key(self, collection: str) -> int:
        with self._reading() as connection:
            return collection_key(connection, collection)
