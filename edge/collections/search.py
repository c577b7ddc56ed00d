"""The exact search: a matrix per collection, brought up to date from SQLite before each use.

A search first reads two numbers of the collection's row (the newest face's key and the count of deletions). Only
if they moved, in this process or another, are the newer vectors appended and the deleted ones dropped. Names are
read from SQLite for the few faces found, so they are never stale either; so are, in a collection that is too large
for a matrix of floats (`compact`), the vectors that decide.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from sqlite_utils import Database

from edge.collections import chunks
from edge.collections.chunks import sound
from edge.collections.compact import Compact
from edge.collections.index import Index, Keys, Searchable
from edge.collections.records import Identification, Vector, unit
from edge.collections.rows import no_collection, other_model
from edge.database import reading, transaction
from edge.errors import InputError, MissingError, StorageError
from edge.similarity import percent
from edge.values import Match

log = logging.getLogger(__name__)

BATCH = 1024  # vectors read at a time: 512 KiB, which stay in the processor's cache while they are encoded
COMPACT = 100_000  # faces above which a collection is held in bytes: the floats of so many take 51 MB
SEALED = 64  # chunks written at a time: two megabytes, and others may write in between
FIRST_LOOK = 16  # faces looked at before the runner-up of another person is sought further down

_STATE = "SELECT id, added, removed FROM collections WHERE name = ?"
_MODELS = """SELECT digest, length(vector) / 4 FROM vectors JOIN faces ON faces.id = vectors.face
    WHERE collection = ? LIMIT 100"""
_BETWEEN = """SELECT faces.id, vector FROM faces JOIN vectors ON vectors.face = faces.id
    WHERE collection = ? AND faces.id > ? AND faces.id <= ? ORDER BY faces.id"""
_GONE = "SELECT face FROM removals WHERE collection = ? AND number > ?"
_VECTORS = "SELECT face, vector FROM vectors WHERE face IN ({})"
_NAMES = """SELECT faces.id, face_id, external_image_id, coalesce(users.name, '') FROM faces
    LEFT JOIN users ON users.id = faces.user WHERE faces.id IN ({})"""


@dataclass(slots=True)
class Shelf:
    """One collection's matrix, and how far it has read."""

    collection: int
    digest: str
    index: Searchable
    added: int = 0
    removed: int = 0
    damaged: int = 0  # faces whose vector is none: nobody is found by them
    told: int = 0  # of those
    unsealed: set[int] = field(default_factory=set)  # chunks that should be there and are not


class Finder:
    """Searches through a connection of its own, so that no search waits for another thread's commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._shelves: dict[int, Shelf] = {}

    def load(self, collection: str) -> int:
        """Bring the collection's vectors into memory, if there is such a collection; how many are damaged.

        Chunks that a large one lacks are written, so that the next start finds them.
        """
        with self._reading() as connection, suppress(MissingError):
            shelf = self._fresh(connection, collection)
            self._seal(shelf)
            return shelf.damaged
        return 0

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
        models = Counter(connection.execute(_MODELS, [key]).fetchall())  # all the same, unless some are damaged
        digest, dimensions = max(models, key=lambda model: (models[model], model[1]), default=("", 0))
        shelf = self._shelves.get(key)
        if shelf is None or shelf.digest != digest:
            index = self._empty(connection, key, dimensions)
            shelf = Shelf(key, digest, index, removed=removed)
            if isinstance(index, Compact):
                self._unpack(connection, shelf, index, added)
            self._shelves[key] = shelf
        if shelf.removed != removed:
            shelf.index.drop(_gone(connection, key, shelf, removed))
            shelf.removed = removed
        for taken in self._take(connection, shelf, shelf.added, added):
            shelf.added = taken[-1]  # a read that fails goes on from here
        if shelf.damaged > shelf.told:
            log.error("%d faces of a collection are damaged and match nobody; see 'vedette doctor'", shelf.damaged)
            shelf.told = shelf.damaged
        shelf.added = added
        return shelf

    def _unpack(self, connection: sqlite3.Connection, shelf: Shelf, index: Compact, added: int) -> None:
        """Fill a new shelf with the collection's chunks, and with the vectors of whom no chunk holds."""
        there = []
        for chunk in chunks.read(connection, shelf.collection, index.dimensions):
            index.add_encoded(chunk.keys, chunk.encoded)
            shelf.damaged += chunk.damaged
            there.append(chunk.number)
        for above, upto in chunks.between(there, added):
            for taken in self._take(connection, shelf, above, upto):
                shelf.unsealed.update(map(chunks.number_of, taken))
        shelf.added = added

    def _take(self, connection: sqlite3.Connection, shelf: Shelf, above: int, upto: int) -> Iterator[list[int]]:
        """Add the vectors of the faces in a range of keys, bit by bit; gives the keys of each bit."""
        found = connection.execute(_BETWEEN, [shelf.collection, above, upto])
        while rows := found.fetchmany(BATCH):
            keys, vectors = sound(rows, shelf.index.dimensions)
            shelf.index.add(keys, vectors)
            shelf.damaged += len(rows) - len(keys)
            if isinstance(shelf.index, Index) and len(shelf.index) > COMPACT:
                shelf.index = self._compacted(shelf.index)
            yield [row[0] for row in rows]

    def _seal(self, shelf: Shelf) -> None:
        """Write the chunks that were not there. A disk that refuses costs the next start its time, and no more."""
        last = chunks.number_of(shelf.added)
        absent = sorted(number for number in shelf.unsealed if number < last)
        shelf.unsealed.clear()
        with suppress(StorageError):
            for start in range(0, len(absent), SEALED):
                with transaction(self._database) as connection:
                    for number in absent[start : start + SEALED]:
                        chunks.seal(connection, shelf.collection, number, shelf.index.dimensions)

    def _empty(self, connection: sqlite3.Connection, key: int, dimensions: int) -> Searchable:
        another = connection.execute("SELECT 1 FROM faces WHERE collection = ? LIMIT 1 OFFSET ?", [key, COMPACT])
        return Compact(dimensions, self._compare) if another.fetchone() else Index(dimensions)

    def _compacted(self, index: Index) -> Compact:
        compact = Compact(index.dimensions, self._compare)
        for start in range(0, len(index), BATCH):
            part = slice(start, start + BATCH)
            compact.add(index.keys[part], index.rows[part])
        return compact

    def _compare(self, keys: Keys, vector: Vector) -> tuple[Keys, Vector]:
        """Those of the faces that are still there, and their cosines."""
        found = [(np.zeros(0, np.int64), np.zeros(0, np.float32))]
        ordered = np.sort(keys).tolist()  # as they lie in the file
        for start in range(0, len(ordered), BATCH):
            part = ordered[start : start + BATCH]
            rows = self._database.conn.execute(_VECTORS.format(",".join("?" * len(part))), part).fetchall()
            if rows:
                there, vectors = sound(rows, len(vector))
                found.append((there, vectors @ vector))
        return np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found])

    def _forget(self, connection: sqlite3.Connection) -> None:
        alive = {row[0] for row in connection.execute("SELECT id FROM collections")}
        for key in self._shelves.keys() - alive:
            del self._shelves[key]


def _gone(connection: sqlite3.Connection, key: int, shelf: Shelf, removed: int) -> Keys:
    """The keys deleted since the shelf was brought up to date."""
    gone = connection.execute(_GONE, [key, shelf.removed]).fetchall()
    if len(gone) == removed - shelf.removed:
        return np.array(gone, np.int64).ravel()
    kept = connection.execute("SELECT id FROM faces WHERE collection = ?", [key])  # too long ago to be told one by one
    return np.setdiff1d(shelf.index.keys, np.fromiter((row[0] for row in kept), np.int64), assume_unique=True)


def _names(connection: sqlite3.Connection, keys: list[int]) -> dict[int, tuple[str, str, str]]:
    """Face id, external image id and user id of each key that still exists."""
    rows = connection.execute(_NAMES.format(",".join("?" * len(keys))), keys)
    return {row[0]: row[1:] for row in rows}
