"""Users: one vector for all faces of a person, kept in step with them, and the exact search over these.

A user's vector is the centre of their faces (`edge.centre`), in which a wrong one among them hardly counts. Triggers
note whose faces have changed; whoever changed them makes the vectors anew before the same commit (`refresh`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

import numpy as np
from sqlite_utils import Database

from edge.centre import agreement, centre
from edge.collections.index import Index
from edge.collections.records import FullError, UserMatch, Vector, unit
from edge.collections.rows import collection_key, other_model, user_key
from edge.database import reading
from edge.errors import InputError
from edge.similarity import percent

ROOM = "user vectors"
MOST = 100  # faces of a user
UNIT = 1e-3  # by so much a stored vector's length may differ from 1; a damaged one says nothing of its user

# A key is never given twice, so a collection's newest key and the number of its vectors tell whether any changed.
STEPS = (
    """
    CREATE TABLE centres (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user INTEGER NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
        collection INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
        digest TEXT NOT NULL,
        vector BLOB NOT NULL
    );
    CREATE INDEX centres_by_collection ON centres (collection, id);
    CREATE TABLE stale (user INTEGER PRIMARY KEY);
    INSERT INTO stale SELECT DISTINCT user FROM faces WHERE user IS NOT NULL;
    CREATE TRIGGER face_given AFTER INSERT ON faces WHEN new.user IS NOT NULL
        BEGIN INSERT OR IGNORE INTO stale VALUES (new.user); END;
    CREATE TRIGGER face_lost AFTER DELETE ON faces WHEN old.user IS NOT NULL
        BEGIN INSERT OR IGNORE INTO stale VALUES (old.user); END;
    CREATE TRIGGER face_passed_on AFTER UPDATE OF user ON faces
        BEGIN INSERT OR IGNORE INTO stale SELECT value FROM json_each(json_array(old.user, new.user))
            WHERE value IS NOT NULL; END
    """,
)

_FACES = """SELECT vector, digest, faces.collection FROM faces JOIN vectors ON vectors.face = faces.id
    WHERE user = ? ORDER BY faces.id"""
_STATE = "SELECT count(*), coalesce(max(id), 0) FROM centres WHERE collection = ?"
_NAMES = "SELECT id, name FROM users WHERE id IN ({})"


def refresh(connection: sqlite3.Connection) -> None:
    """Make the vector of every user anew whose faces have changed; within the transaction that changed them."""
    stale = connection.execute("SELECT user FROM stale").fetchall()
    for (user,) in stale:
        connection.execute("DELETE FROM centres WHERE user = ?", [user])
        faces = [row for row in connection.execute(_FACES, [user]) if _sound(row[0])]
        if faces:
            vectors = np.stack([np.frombuffer(row[0], "<f4") for row in faces])
            _, digest, collection = faces[0]
            connection.execute(
                "INSERT INTO centres (user, collection, digest, vector) VALUES (?, ?, ?, ?)",
                [user, collection, digest, centre(vectors).astype("<f4").tobytes()],
            )
    if stale:
        connection.execute("DELETE FROM stale")


def _sound(data: bytes) -> bool:
    vector = np.frombuffer(data[: len(data) // 4 * 4], "<f4")
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(len(data) % 4 == 0 and abs(float(vector @ vector) - 1.0) <= 2 * UNIT)


def vector_of(connection: sqlite3.Connection, user: int) -> Vector | None:
    """None for a user without faces."""
    row = connection.execute("SELECT vector FROM centres WHERE user = ?", [user]).fetchone()
    return np.frombuffer(row[0], "<f4") if row else None


def likeness(present: Vector | None, faces: Mapping[str, bytes], least: float) -> dict[str, float]:
    """In percent, how similar each stored vector is to a user's; a damaged one is like nobody.

    To a user without faces these are to give one: then each is held against the others, and the one that is least like
    them is told so and left out, until those that are left agree.
    """
    sound = {face: np.frombuffer(data, "<f4") for face, data in faces.items() if _sound(data)}
    found = dict.fromkeys(faces, 0.0)
    if present is not None:
        alike = {face: vector for face, vector in sound.items() if len(vector) == len(present)}
        return found | {face: percent(float(vector @ present)) for face, vector in alike.items()}
    kept = list(sound)
    while len(kept) > 1:
        agreed = agreement(np.stack([sound[face] for face in kept]))
        worst = len(kept) - 1 - int(agreed[::-1].round(3).argmin())  # of two that are as unlike, the later
        if agreed[worst] >= least:
            break
        found[kept.pop(worst)] = float(agreed[worst])
    return found | dict.fromkeys(kept, 100.0)


def count(connection: sqlite3.Connection, user: int) -> int:
    """How many faces the user has."""
    (faces,) = connection.execute("SELECT count(*) FROM faces WHERE user = ?", [user]).fetchone()
    return int(faces)


def check_room(connection: sqlite3.Connection, user: int, user_id: str) -> int:
    """How many faces the user has; raises FullError if these are more than one may have."""
    faces = count(connection, user)
    if faces > MOST:
        raise FullError(
            f"user {user_id!r}: these would be {faces} faces, and a user has {MOST} at most; "
            "take the best ones, or disassociate others first"
        )
    return faces


@dataclass(slots=True)
class Shelf:
    """One collection's users, and the state of the table they were read in."""

    state: tuple[int, int]
    digest: str
    index: Index


class UserFinder:
    """Searches through a connection of its own, so that no search waits for another thread's commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._shelves: dict[int, Shelf] = {}

    def search(self, collection: str, vector: Vector, digest: str, limit: int, floor: float = -2.0) -> list[UserMatch]:
        """At most `limit` users with a cosine of `floor` or more, best first."""
        with self._snapshot() as connection:
            shelf = self._fresh(connection, collection_key(connection, collection))
            if len(shelf.index) and shelf.digest != digest:
                raise other_model(collection, shelf.digest, digest)
            return _best(connection, shelf, unit(vector), limit, floor)

    def search_by_user(self, collection: str, user_id: str, limit: int, floor: float = -2.0) -> list[UserMatch]:
        """Those like this one, who is not among them; nobody, if the user has no faces. Raises MissingError."""
        with self._snapshot() as connection:
            key = collection_key(connection, collection)
            user = user_key(connection, collection, user_id)
            vector = vector_of(connection, user)
            if vector is None:
                return []
            found = _best(connection, self._fresh(connection, key), vector, limit + 1, floor)
        return [match for match in found if match.user_id != user_id][:limit]

    def forget(self) -> None:
        """Drop the vectors of collections that are gone."""
        with self._snapshot() as connection:
            alive = {row[0] for row in connection.execute("SELECT id FROM collections")}
            for key in self._shelves.keys() - alive:
                del self._shelves[key]

    def close(self) -> None:
        with self._lock:
            self._shelves.clear()
            self._database.close()

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        with self._lock, reading(self._database) as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("COMMIT")

    def _fresh(self, connection: sqlite3.Connection, key: int) -> Shelf:
        """The collection's users as they are committed; all are read again when any has changed."""
        state = connection.execute(_STATE, [key]).fetchone()
        shelf = self._shelves.get(key)
        if shelf is None or shelf.state != state:
            rows = connection.execute("SELECT user, vector, digest FROM centres WHERE collection = ?", [key]).fetchall()
            shelf = self._shelves[key] = Shelf(state, rows[0][2] if rows else "", _index(rows))
        return shelf


def _best(connection: sqlite3.Connection, shelf: Shelf, vector: Vector, limit: int, floor: float) -> list[UserMatch]:
    if not len(shelf.index):
        return []
    if len(vector) != shelf.index.dimensions:
        raise InputError(f"face vector: has {len(vector)} dimensions, not {shelf.index.dimensions}")
    keys, cosines = shelf.index.search(vector, limit, floor)
    names = dict(connection.execute(_NAMES.format(",".join("?" * len(keys))), keys.tolist()).fetchall())
    return [
        UserMatch(names[key], cosine=cosine, similarity=percent(cosine))
        for key, cosine in zip(keys.tolist(), cosines.tolist(), strict=True)
    ]


def _index(rows: Sequence[tuple[int, bytes, str]]) -> Index:
    """Of the users with a whole vector."""
    size = len(rows[0][1]) if rows else 4
    whole = [row for row in rows if len(row[1]) == size]
    index = Index(size // 4)
    vectors = np.frombuffer(b"".join(row[1] for row in whole), "<f4").reshape(len(whole), size // 4)
    index.add(np.array([row[0] for row in whole], np.int64), vectors)
    return index
