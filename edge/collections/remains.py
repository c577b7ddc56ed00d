"""What a deletion leaves behind in the file, and how it is overwritten.

`secure_delete` has SQLite write zeros over a deleted row. But when it balances the pages around, rows move from one to
another, and a page that they left keeps copies of them in its free space: of rows that live, and are deleted later. So
whoever deletes notes where, in the same transaction (`note`). Once that is committed (`Eraser.clear`), the write-ahead
log is emptied, the pages are looked at (`pages`), and free space that is not empty is overwritten: a row there grows
until it fills the page, and shrinks again. What is noted and not done yet is done at the next write or start.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable

from sqlite_utils import Database

from edge.collections.pages import Pages, Span, Stale
from edge.database import BUSY_MS, Snapshot, file_of, reading, transaction
from edge.errors import StorageError

log = logging.getLogger(__name__)

ROOM = "remains"
STEPS = (
    """
    CREATE TABLE remains (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        relation TEXT NOT NULL,
        low INTEGER NOT NULL,
        high INTEGER NOT NULL
    )
    """,
)

EVERYWHERE: Span = (0, 1 << 62)
AROUND = 24  # rows to either side of a deleted one: more than SQLite balances at a time, three pages of seven rows
ROUNDS = 5  # others may write in between
PATIENCE_MS = 1_000  # for who still reads what is deleted

_BELOW = "SELECT face FROM vectors WHERE face < ? ORDER BY face DESC LIMIT 1 OFFSET ?"
_ABOVE = "SELECT face FROM vectors WHERE face > ? ORDER BY face LIMIT 1 OFFSET ?"
_ROOT = "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = ?"
_NOTED = "SELECT id, relation, low, high FROM remains WHERE id > ? ORDER BY id"
# How a row of a table that holds vectors grows and shrinks: at a text of it, which is put back.
_TEXT = {
    "vectors": "SELECT digest FROM vectors WHERE face = ?",
    "centres": "SELECT digest FROM centres WHERE id = ?",
}
_SET = {
    "vectors": "UPDATE vectors SET digest = ? WHERE face = ?",
    "centres": "UPDATE centres SET digest = ? WHERE id = ?",
}


def note(connection: sqlite3.Connection, relation: str, spans: Iterable[Span] = (EVERYWHERE,)) -> None:
    """Have these parts of a table looked through once this transaction is committed."""
    connection.executemany(
        "INSERT INTO remains (relation, low, high) VALUES (?, ?, ?)", [[relation, *span] for span in spans]
    )


def around(connection: sqlite3.Connection, faces: Iterable[int]) -> list[Span]:
    """Where the deletion of these faces' vectors may have moved others."""
    spans: list[Span] = []
    for face in sorted(faces):
        below = connection.execute(_BELOW, [face, AROUND]).fetchone()
        above = connection.execute(_ABOVE, [face, AROUND]).fetchone()
        low, high = below[0] if below else EVERYWHERE[0], above[0] if above else EVERYWHERE[1]
        if spans and low <= spans[-1][1]:
            low = spans.pop()[0]
        spans.append((low, high))
    return spans


class Eraser:
    """Not thread-safe: whoever shares it brings the lock of its connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._done = 0  # the newest note that is dealt with
        self._tidied = 0  # the newest that is gone from the table as well, with a transaction that had to be anyway
        self._waited = 0  # the newest for which was waited

    def tidy(self, connection: sqlite3.Connection) -> None:
        """Within a transaction: forget what is done."""
        if self._tidied < self._done:
            connection.execute("DELETE FROM remains WHERE id <= ?", [self._done])
            self._tidied = self._done

    def clear(self) -> None:
        """Overwrite whatever is noted. Who still reads the old state, or a full disk, puts that off."""
        if isinstance(self._database, Snapshot):
            return
        try:
            with reading(self._database) as connection:
                noted = connection.execute(_NOTED, [self._done]).fetchall()
                if noted and self._cleared(connection, noted):
                    self._done = noted[-1][0]
        except (StorageError, OSError, IndexError, RecursionError) as error:  # the last two: of a damaged file
            log.warning("what was deleted is not overwritten yet: %s", error)

    def _cleared(self, connection: sqlite3.Connection, noted: list[tuple[int, str, int, int]]) -> bool:
        places = {one[1]: [(low, high) for _, relation, low, high in noted if relation == one[1]] for one in noted}
        newest = noted[-1][0]
        for _ in range(ROUNDS):
            if not _emptied(connection, PATIENCE_MS if self._waited < newest else 0):
                break
            if self._overwritten(places):
                return True
        self._waited = newest
        log.warning("what was deleted is not overwritten yet: others read or write; it is done with the next change")
        return False

    def _overwritten(self, places: dict[str, list[Span]]) -> bool:
        """Whether there is nothing left to do."""
        path = file_of(self._database)
        written = path.with_name(f"{path.name}-wal")
        with transaction(self._database) as connection:
            if written.exists() and written.stat().st_size:
                return False  # since it was emptied: not all is in the file
            pages = Pages(path)
            found = [
                (relation, stale)
                for relation, spans in places.items()
                for stale in pages.stale(connection.execute(_ROOT, [relation]).fetchone()[0], spans)
            ]
            for relation, stale in found:
                _fill(connection, relation, stale)
        return not found


def _emptied(connection: sqlite3.Connection, patience_ms: int) -> bool:
    """Whether the write-ahead log is empty now: nobody else writes, or reads an older state."""
    connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
    try:
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    return not busy


def _fill(connection: sqlite3.Connection, relation: str, stale: Stale) -> None:
    """To make room for the longer row SQLite joins the free space, and clears it; the longer row takes all of that."""
    row = connection.execute(_TEXT[relation], [stale.key]).fetchone()
    for text in (row[0] + " " * stale.room, row[0]) if row else ():
        connection.execute(_SET[relation], [text, stale.key])
