"""The tables of the room "collections": what exists, and what a deletion takes with it."""

from __future__ import annotations

ROOM = "collections"

# `added` (the key of the newest face) and `removed` (how many were deleted) tell a process at a glance whether
# its matrix is behind; whoever writes faces moves them in the same transaction. AUTOINCREMENT never gives a key
# twice, so a newer face always has a larger one.
STEPS = (
    """
    CREATE TABLE collections (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        created_at REAL NOT NULL,
        added INTEGER NOT NULL DEFAULT 0,
        removed INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE users (
        id INTEGER PRIMARY KEY,
        collection INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        created_at REAL NOT NULL,
        UNIQUE (collection, name)
    );
    CREATE TABLE faces (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        face_id TEXT NOT NULL UNIQUE,
        collection INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
        user INTEGER REFERENCES users (id) ON DELETE SET NULL,
        image_id TEXT NOT NULL,
        external_image_id TEXT NOT NULL,
        confidence REAL NOT NULL,
        quality REAL NOT NULL,
        x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,
        created_at REAL NOT NULL
    );
    CREATE INDEX faces_by_collection ON faces (collection);
    CREATE INDEX faces_by_image ON faces (collection, image_id);
    CREATE INDEX faces_by_user ON faces (user);
    CREATE TABLE vectors (
        face INTEGER PRIMARY KEY REFERENCES faces (id) ON DELETE CASCADE,
        digest TEXT NOT NULL,
        vector BLOB NOT NULL
    )
    """,
    # Which faces the newest deletions took (`number` runs up to `removed`), so that others need not compare them all.
    """
    CREATE TABLE removals (
        collection INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        face INTEGER NOT NULL,
        PRIMARY KEY (collection, number)
    ) WITHOUT ROWID
    """,
)
