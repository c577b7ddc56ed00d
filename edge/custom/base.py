"""The connections that all about custom models goes through: one writes, one reads."""

from __future__ import annotations

import hashlib

from sqlite_utils import Database

from edge import database as databases
from edge.custom import datasets, orders, policies, schema
from edge.database import file_of, reading


class Stored(databases.Stored):
    """Of the room `custom`. `owner` is what its database is called in a model store that others may share."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, (schema, datasets, policies, orders))
        self.owner = self._named()

    def changes(self) -> int:
        """A number that is another one when another connection has written: this one's own writes leave it."""
        with self._lock, reading(self._database) as connection:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def _named(self) -> str:
        """None other is called so, nor a copy of it."""
        with reading(self._database) as connection:
            (name,) = connection.execute("SELECT name FROM owner").fetchone()
        return hashlib.sha256(f"{name}\0{file_of(self._database).resolve()}".encode("utf-8", "replace")).hexdigest()
