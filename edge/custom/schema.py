"""The tables of the room "custom": projects and versions, and what a deletion takes with it.

Data sets, policies and orders have their own, beside the code that reads them.
"""

from __future__ import annotations

ROOM = "custom"

# `owner` has one row, drawn once; `replacing` is whether a version, once it runs, stops the one that loses its part.
# AUTOINCREMENT never gives a key twice: who remembers one never finds something else under it.
STEPS = (
    """
    CREATE TABLE projects (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        feature TEXT NOT NULL,
        auto_update TEXT NOT NULL,
        created_at REAL NOT NULL,
        status TEXT NOT NULL
    );
    CREATE TABLE versions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        description TEXT NOT NULL DEFAULT '',
        created_at REAL NOT NULL,
        status TEXT NOT NULL,
        message TEXT NOT NULL DEFAULT '',
        min_units INTEGER,
        max_units INTEGER,
        digest TEXT NOT NULL DEFAULT '',
        pack TEXT NOT NULL DEFAULT '',
        evaluation TEXT NOT NULL DEFAULT '',
        output TEXT NOT NULL DEFAULT '',
        training TEXT NOT NULL DEFAULT '',
        seconds REAL,
        ended_at REAL,
        source_arn TEXT NOT NULL DEFAULT '',
        kms TEXT NOT NULL DEFAULT '',
        UNIQUE (project, name)
    );
    CREATE INDEX versions_by_status ON versions (status);
    CREATE TABLE serving (
        project INTEGER PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
        current INTEGER REFERENCES versions (id) ON DELETE SET NULL,
        previous INTEGER REFERENCES versions (id) ON DELETE SET NULL,
        shadow INTEGER REFERENCES versions (id) ON DELETE SET NULL
    );
    CREATE TABLE project_tags (
        owner INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (owner, name)
    ) WITHOUT ROWID;
    CREATE TABLE version_tags (
        owner INTEGER NOT NULL REFERENCES versions (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (owner, name)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE owner (name TEXT NOT NULL);
    INSERT INTO owner VALUES (hex(randomblob(16)));
    ALTER TABLE versions ADD COLUMN replacing INTEGER NOT NULL DEFAULT 0
    """,
)
