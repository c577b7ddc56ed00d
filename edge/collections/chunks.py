"""The codes of a collection as SQLite keeps them beside the vectors, so that a start need not make them all anew.

A chunk holds the faces of one collection whose keys differ in the last byte only. It is written with the first face
of a later chunk, after which nothing can join it, or by a start that found none. Triggers of the schema throw it away
in the very transaction that touches one of its vectors, whichever program does that: what lies here belongs to the
vectors that lie there. Where there is no chunk, or one whose checksum is wrong, the vectors are read instead.

What makes a row long lies on pages of its own, which are overwritten when it goes; its beginning does not (`remains`).
So no code is in the beginning.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from edge.collections.compact import Encoded, encode
from edge.collections.index import Keys
from edge.collections.records import Vector

ROOM = "codes"  # of its own, so that a release of before it can still open the file
PAD = 4096  # bytes before the codes, more than of a row lie on a page with others
BITS = 8  # of a key that count within a chunk, in STEPS too
UNIT = 1e-3  # by so much a stored vector's length may differ from 1; a damaged one could resemble everybody

STEPS = (
    """
    CREATE TABLE codes (
        number INTEGER NOT NULL,
        collection INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
        damaged INTEGER NOT NULL,
        residual REAL NOT NULL,
        checksum INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (number, collection)
    );
    CREATE TRIGGER vector_new AFTER INSERT ON vectors BEGIN DELETE FROM codes WHERE number = new.face >> 8; END;
    CREATE TRIGGER vector_gone AFTER DELETE ON vectors BEGIN DELETE FROM codes WHERE number = old.face >> 8; END;
    CREATE TRIGGER vector_changed AFTER UPDATE ON vectors
        BEGIN DELETE FROM codes WHERE number IN (old.face >> 8, new.face >> 8); END;
    CREATE TRIGGER face_gone AFTER DELETE ON faces BEGIN DELETE FROM codes WHERE number = old.id >> 8; END;
    CREATE TRIGGER face_moved AFTER UPDATE OF id, collection ON faces
        BEGIN DELETE FROM codes WHERE number IN (old.id >> 8, new.id >> 8); END
    """,
)

_MEMBERS = """SELECT faces.id, vector FROM faces JOIN vectors ON vectors.face = faces.id
    WHERE collection = ? AND faces.id BETWEEN ? AND ? ORDER BY faces.id"""
_CHUNKS = "SELECT number, damaged, residual, checksum, data FROM codes WHERE collection = ?"


class Chunk(NamedTuple):
    """`damaged` is how many faces of it have a vector that is none; they are not among the keys."""

    number: int
    keys: Keys
    encoded: Encoded
    damaged: int


def number_of(face: int) -> int:
    """The chunk that a face's key falls into."""
    return face >> BITS


def seal(connection: sqlite3.Connection, collection: int, number: int, dimensions: int) -> None:
    """Keep the codes of a chunk that no further face can join, as part of the caller's transaction."""
    first = number << BITS
    rows = connection.execute(_MEMBERS, [collection, first, first + (1 << BITS) - 1]).fetchall()
    keys, vectors = sound(rows, dimensions)
    if not len(keys):
        return
    codes, scales, residual = encode(vectors)
    data = bytes(PAD) + (keys - first).astype(np.uint8).tobytes() + scales.astype("<f4").tobytes() + codes.tobytes()
    damaged = len(rows) - len(keys)
    connection.execute(
        "INSERT OR REPLACE INTO codes VALUES (?, ?, ?, ?, ?, ?)",
        [
            number,
            collection,
            damaged,
            residual,
            _checksum((number, collection, dimensions, damaged, residual), data),
            data,
        ],
    )


def read(connection: sqlite3.Connection, collection: int, dimensions: int) -> Iterator[Chunk]:
    """The chunks of a collection that are whole, in no order."""
    for number, damaged, residual, checksum, data in connection.execute(_CHUNKS, [collection]):
        count, rest = divmod(len(data) - PAD, 1 + 4 + dimensions)
        if rest or checksum != _checksum((number, collection, dimensions, damaged, residual), data):
            continue
        keys = np.frombuffer(data, np.uint8, count, PAD).astype(np.int64) + (number << BITS)
        scales = np.frombuffer(data, "<f4", count, PAD + count)
        codes = np.frombuffer(data, np.int8, count * dimensions, PAD + 5 * count).reshape(count, dimensions)
        yield Chunk(number, keys, Encoded(codes, scales, residual), damaged)


def between(numbers: Iterable[int], added: int) -> Iterator[tuple[int, int]]:
    """The ranges of keys, above the one and up to the other, that lie in none of these chunks; `added` is the last."""
    start = 0
    for number in sorted(numbers):
        if start < number:
            yield (start << BITS) - 1, (number << BITS) - 1
        start = number + 1
    yield (start << BITS) - 1, added


def sound(rows: list[tuple[int, bytes]], dimensions: int) -> tuple[Keys, Vector]:
    """Keys and vectors of rows that were read, less those that are damaged."""
    whole = [row for row in rows if len(row[1]) == 4 * dimensions]
    vectors = np.frombuffer(b"".join([row[1] for row in whole]), "<f4").reshape(len(whole), dimensions)
    keys = np.array([row[0] for row in whole], np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        fit = np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1.0) <= 2 * UNIT
    return (keys, vectors) if fit.all() else (keys[fit], vectors[fit])


def _checksum(about: tuple[float, ...], data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(repr((PAD, *about)).encode("ascii")))
