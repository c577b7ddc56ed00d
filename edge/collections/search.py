"""The exact search: a matrix per collection, brought up to date from SQLite before each use.

A search first reads two numbers of the collection's row (the newest face's key and the count of deletions). Only
if they moved, in this process or another, are the newer vectors appended and the deleted ones dropped. Names are
read from SQLite for the few faces found, so they are never stale either.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

import numpy as np
from sqlite_utils import Database

from edge.collections.index import Index
from edge.collections.records import Identification, Vector, unit
from edge.collections.rows import no_collection, other_model
from edge.collections.similarity import percent
from edge.database import reading
from edge.errors import InputError, MissingError
from edge.values import Match

BATCH = 4096  # vectors read at a time: 2 MiB
FIRST_LOOK = 16  # faces looked at before the runner-up of another person is sought further down

_STATE = "SELECT id, added, removed FROM collections WHERE name = ?"
_DIGEST = """SELECT digest, length(vector) / 4 FROM vectors JOIN faces ON faces.id = vectors.face
    WHERE collection = ? LIMIT 1"""
_NEWER = """SELECT faces.id, vector FROM faces JOIN vectors ON vectors.face = faces.id
    WHERE collection = ? AND faces.id > ? ORDER BY faces.id"""
_NAMES = """SELECT faces.id, face_id, external_image_id, coalesce(users.name, '') FROM faces
    LEFT JOIN users ON users.id = faces.user WHERE faces.id IN ({})"""


@dataclass(slots=True)
class Shelf:
    """One collection's matrix, and how far it has read."""

    digest: str
    index: Index
    added: int = 0
    removed: int = 0


class Finder:
    """Searches through a connection of its own, so that no search waits for another thread's commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._shelves: dict[int, Shelf] = {}

    def search(self, collection: str, vector: Vector, digest: str, limit: int, floor: float = -2.0) -> list[Match]:
        """At most `limit` faces with a cosine of `floor` or more, best first."""
        with self._reading():
            return self._search(collection, unit(vector), digest, limit, floor)

    def identify(self, collection: str, vector: Vector, digest: str, floor: float, margin: float) -> Identification:
        """The best person, if at `floor` or more and `margin` ahead of every other person."""
        looked, vector = FIRST_LOOK, unit(vector)
        with self._reading():
            while True:
                try:
                    found = self._search(collection, vector, digest, looked)
                except MissingError:
                    found = []
                rival = next((match for match in found if match.person != found[0].person), None)
                if rival or len(found) < looked:
                    break
                looked *= 8
        if not found:
            return Identification(None, None, None)
        best = found[0]
        clear = best.cosine >= floor and (rival is None or best.cosine - rival.cosine >= margin)
        return Identification(best if clear else None, best, rival)

    def forget(self) -> None:
        """Drop the matrices of collections that are gone."""
        with self._reading() as connection:
            self._forget(connection)

    def close(self) -> None:
        with self._lock:
            self._shelves.clear()
            self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, reading(self._database) as connection:
            yield connection

    def _search(self, collection: str, vector: Vector, digest: str, limit: int, floor: float = -2.0) -> list[Match]:
        connection = self._database.conn
        shelf = self._fresh(connection, collection)
        if not len(shelf.index):
            return []
        if shelf.digest != digest:
            raise other_model(collection, shelf.digest, digest)
        if len(vector) != shelf.index.dimensions:
            raise InputError(f"face vector: has {len(vector)} dimensions, not {shelf.index.dimensions}")
        keys, cosines = shelf.index.search(vector, limit, floor)
        names = _names(connection, keys.tolist())
        return [
            Match(*names[key], cosine=cosine, similarity=percent(cosine))
            for key, cosine in zip(keys.tolist(), cosines.tolist(), strict=True)
            if key in names
        ]

    def _fresh(self, connection: sqlite3.Connection, collection: str) -> Shelf:
        """The collection's shelf with everything that is committed; raises MissingError."""
        row = connection.execute(_STATE, [collection]).fetchone()
        shelf = self._shelves.get(row[0]) if row else None
        if shelf is not None and (shelf.added, shelf.removed) == row[1:]:
            return shelf
        connection.execute("BEGIN")  # one snapshot for all that is read now
        try:
            if shelf is None:
                self._forget(connection)
            row = connection.execute(_STATE, [collection]).fetchone()
            if row is None:
                raise no_collection(collection)
            return self._catch_up(connection, *row)
        finally:
            connection.execute("COMMIT")

    def _catch_up(self, connection: sqlite3.Connection, key: int, added: int, removed: int) -> Shelf:
        digest, dimensions = connection.execute(_DIGEST, [key]).fetchone() or ("", 0)
        shelf = self._shelves.get(key)
        if shelf is None or shelf.digest != digest:
            shelf = self._shelves[key] = Shelf(digest, Index(dimensions), removed=removed)
        if shelf.removed != removed:
            kept = connection.execute("SELECT id FROM faces WHERE collection = ?", [key]).fetchall()
            shelf.index.retain(np.array(kept, np.int64).ravel())
        newer = connection.execute(_NEWER, [key, shelf.added])
        while rows := newer.fetchmany(BATCH):
            vectors = np.frombuffer(b"".join(row[1] for row in rows), "<f4").reshape(len(rows), dimensions)
            shelf.index.add(np.array([row[0] for row in rows], np.int64), vectors)
        shelf.added, shelf.removed = added, removed
        return shelf

    def _forget(self, connection: sqlite3.Connection) -> None:
        alive = {row[0] for row in connection.execute("SELECT id FROM collections")}
        for key in self._shelves.keys() - alive:
            del self._shelves[key]


def _names(connection: sqlite3.Connection, keys: list[int]) -> dict[int, tuple[str, str, str]]:
    """Face id, external image id and user id of each key that still exists."""
    rows = connection.execute(_NAMES.format(",".join("?" * len(keys))), keys)
    return {row[0]: row[1:] for row in rows}
