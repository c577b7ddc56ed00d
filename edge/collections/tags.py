"""Tags of a collection: words that its owner ties to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from edge.collections.records import FullError

ROOM = "tags"
MOST = 200  # of a collection

STEPS = (
    """
    CREATE TABLE tags (
        collection INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (collection, name)
    ) WITHOUT ROWID
    """,
)


def of(connection: sqlite3.Connection, collection: int) -> dict[str, str]:
    """In the order of their names."""
    return dict(connection.execute("SELECT name, value FROM tags WHERE collection = ? ORDER BY name", [collection]))


def put(connection: sqlite3.Connection, collection: int, tags: Mapping[str, str]) -> None:
    """A tag of the same name gets the new value. Raises FullError if there would be more than MOST."""
    connection.executemany(
        "INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", [[collection, name, value] for name, value in tags.items()]
    )
    (count,) = connection.execute("SELECT count(*) FROM tags WHERE collection = ?", [collection]).fetchone()
    if count > MOST:
        raise FullError(f"tags: these would be {count}, and a collection has {MOST} at most; take others away first")


def drop(connection: sqlite3.Connection, collection: int, names: Iterable[str]) -> None:
    """Names that are not there are left out."""
    connection.executemany("DELETE FROM tags WHERE collection = ? AND name = ?", [[collection, name] for name in names])
