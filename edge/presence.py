"""Which tracks are open, kept beside the events that opened them: after a crash they are closed, not forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from edge.database import migrate, reading

SCHEMA = (
    """CREATE TABLE open_tracks (
        camera TEXT NOT NULL, track INTEGER NOT NULL, label TEXT NOT NULL, started_at REAL NOT NULL,
        PRIMARY KEY (camera, track));
    CREATE TABLE track_numbers (camera TEXT PRIMARY KEY, last INTEGER NOT NULL)""",
)


@dataclass(frozen=True, slots=True)
class OpenTrack:
    camera: str
    track: int
    label: str
    started_at: float


def prepare(database: Database) -> None:
    """Make the tables."""
    migrate(database, "presence", SCHEMA)


def left_open(database: Database) -> list[OpenTrack]:
    """Tracks that an earlier run opened and never closed."""
    with reading(database) as connection:
        rows = connection.execute("SELECT camera, track, label, started_at FROM open_tracks ORDER BY camera, track")
        return [OpenTrack(*row) for row in rows.fetchall()]


def last_number(database: Database, camera: str) -> int:
    """The highest track id this camera ever told of, so that ids are not used twice."""
    with reading(database) as connection:
        row = connection.execute("SELECT last FROM track_numbers WHERE camera = ?", [camera]).fetchone()
    return int(row[0]) if row else 0


def change(opened: Sequence[OpenTrack], closed: Sequence[tuple[str, int]]) -> Callable[[sqlite3.Connection], None]:
    """What to write in the commit of the events that tell the same."""

    def write(connection: sqlite3.Connection) -> None:
        for track in opened:
            connection.execute(
                "INSERT OR REPLACE INTO open_tracks VALUES (?, ?, ?, ?)",
                [track.camera, track.track, track.label, track.started_at],
            )
            connection.execute(
                "INSERT INTO track_numbers VALUES (?, ?)"
                " ON CONFLICT (camera) DO UPDATE SET last = max(last, excluded.last)",
                [track.camera, track.track],
            )
        connection.executemany("DELETE FROM open_tracks WHERE camera = ? AND track = ?", closed)

    return write
