"""Rows of the tables to values and back: the SQL that more than one call of the store needs."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Sequence
from typing import Any

from edge.collections import remains
from edge.collections.chunks import number_of, seal
from edge.collections.records import IndexedFace, NewFace, NoCollectionError, NoFaceError, NoUserError, Vector
from edge.errors import InputError
from edge.values import Box

REMOVALS = 10_000  # of a collection that are remembered one by one
SAME_BOX = 0.01  # ratios: two faces of one picture whose sides are all this near are one face

COLLECTIONS = """SELECT name, created_at,
    (SELECT count(*) FROM faces WHERE collection = collections.id) AS faces,
    (SELECT count(*) FROM users WHERE collection = collections.id) AS users,
    coalesce((SELECT digest FROM faces JOIN vectors ON vectors.face = faces.id
        WHERE faces.collection = collections.id LIMIT 1), '') AS digest
    FROM collections"""
FACES = """SELECT faces.id AS key, face_id, image_id, external_image_id, coalesce(users.name, '') AS user_id,
    confidence, quality, x1, y1, x2, y2, faces.created_at AS created_at
    FROM faces LEFT JOIN users ON users.id = faces.user"""
USERS = """SELECT id AS key, name AS user_id, created_at, (SELECT count(*) FROM faces WHERE user = users.id) AS faces
    FROM users"""
VECTOR = """SELECT vector, digest FROM faces JOIN vectors ON vectors.face = faces.id
    WHERE collection = ? AND face_id = ?"""


def no_collection(name: str) -> NoCollectionError:
    return NoCollectionError(f"no collection {name!r}: make it with 'vedette collections create {name}'")


def no_collection_to_delete(connection: sqlite3.Connection, name: str) -> NoCollectionError:
    there = [row[0] for row in connection.execute("SELECT name FROM collections ORDER BY name LIMIT 20")]
    return NoCollectionError(f"no collection {name!r}: there is {', '.join(there) or 'none'}")


def no_user_to_delete(connection: sqlite3.Connection, collection: str, key: int, user_id: str) -> NoUserError:
    names = connection.execute("SELECT name FROM users WHERE collection = ? ORDER BY name LIMIT 20", [key])
    there = ", ".join(row[0] for row in names) or "none"
    return NoUserError(f"no user {user_id!r} in collection {collection!r}: there is {there}")


def no_face(collection: str, face_id: str) -> NoFaceError:
    return NoFaceError(f"no face {face_id!r} in collection {collection!r}: see 'vedette faces list {collection}'")


def collection_key(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT id FROM collections WHERE name = ?", [name]).fetchone()
    if row is None:
        raise no_collection(name)
    return int(row[0])


def user_key(connection: sqlite3.Connection, collection: str, user_id: str) -> int:
    row = connection.execute(
        "SELECT users.id FROM users JOIN collections ON collections.id = collection WHERE collections.name = ? "
        "AND users.name = ?",
        [collection, user_id],
    ).fetchone()
    if row is None:
        raise NoUserError(
            f"no user {user_id!r} in collection {collection!r}: "
            f"make it with 'vedette users create {collection} {user_id}'"
        )
    return int(row[0])


def face(row: dict[str, Any]) -> IndexedFace:
    """Of a row of FACES, less its key."""
    box = Box(*(row.pop(side) for side in ("x1", "y1", "x2", "y2")))
    return IndexedFace(box=box, **row)


def faces_of_image(connection: sqlite3.Connection, key: int, image_id: str) -> list[IndexedFace]:
    found = connection.execute(f"{FACES} WHERE faces.collection = ? AND image_id = ?", [key, image_id])
    names = [column[0] for column in found.description]
    return [face(dict(zip(names[1:], row[1:], strict=True))) for row in found]


def new_face(of: NewFace, image_id: str, external_image_id: str, user_id: str) -> IndexedFace:
    return IndexedFace(
        face_id=str(uuid.uuid4()),
        image_id=image_id,
        external_image_id=external_image_id,
        user_id=user_id,
        confidence=float(of.confidence),
        quality=float(of.quality),
        box=Box(*(float(side) for side in (of.box.x1, of.box.y1, of.box.x2, of.box.y2))),
        created_at=time.time(),
    )


def same_box(one: Box, other: Box) -> bool:
    sides = ((one.x1, other.x1), (one.y1, other.y1), (one.x2, other.x2), (one.y2, other.y2))
    return all(abs(a - b) <= SAME_BOX for a, b in sides)


def check_model(connection: sqlite3.Connection, key: int, digest: str, dimensions: int) -> None:
    """Raise InputError unless the collection is empty or holds vectors of this very model."""
    row = connection.execute(
        """SELECT name, digest, length(vector) / 4 FROM faces JOIN vectors ON vectors.face = faces.id
        JOIN collections ON collections.id = collection WHERE collection = ? LIMIT 1""",
        [key],
    ).fetchone()
    if row is not None and row[1] != digest:
        raise other_model(row[0], row[1], digest)
    if row is not None and row[2] != dimensions:
        raise InputError(f"face vector: has {dimensions} dimensions, not the {row[2]} of collection {row[0]!r}")


def other_model(collection: str, digest: str, given: str) -> InputError:
    return InputError(
        f"collection {collection!r}: its faces were indexed with another embedding model "
        f"({digest[:12]}, not {given[:12]}); re-index their pictures into a new collection"
    )


def insert(  # noqa: PLR0913 - a row's columns
    connection: sqlite3.Connection, key: int, user: int | None, of: IndexedFace, *, digest: str, vector: Vector
) -> None:
    sides = (of.box.x1, of.box.y1, of.box.x2, of.box.y2)
    row = connection.execute(
        """INSERT INTO faces (face_id, collection, user, image_id, external_image_id, confidence, quality,
            x1, y1, x2, y2, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [of.face_id, key, user, of.image_id, of.external_image_id, of.confidence, of.quality, *sides, of.created_at],
    ).lastrowid
    assert row is not None  # noqa: S101 - of an INSERT
    connection.execute("INSERT INTO vectors VALUES (?, ?, ?)", [row, digest, vector.astype("<f4").tobytes()])
    (before,) = connection.execute("SELECT added FROM collections WHERE id = ?", [key]).fetchone()
    if number_of(before) < number_of(row):
        seal(connection, key, number_of(before), len(vector))
    connection.execute("UPDATE collections SET added = ? WHERE id = ?", [row, key])


def delete(connection: sqlite3.Connection, key: int, faces: Sequence[int]) -> None:
    """Delete these faces, and note it for whoever holds their vectors, and for who overwrites them in the file."""
    (removed,) = connection.execute("SELECT removed FROM collections WHERE id = ?", [key]).fetchone()
    connection.executemany("DELETE FROM faces WHERE id = ?", [[face] for face in faces])
    connection.executemany(
        "INSERT INTO removals VALUES (?, ?, ?)", [[key, removed + place, face] for place, face in enumerate(faces, 1)]
    )
    removed += len(faces)
    connection.execute("UPDATE collections SET removed = ? WHERE id = ?", [removed, key])
    connection.execute("DELETE FROM removals WHERE collection = ? AND number <= ?", [key, removed - REMOVALS])
    remains.note(connection, "vectors", remains.around(connection, faces))
