"""The event log in SQLite, which is also the outbox: what is committed here reaches the broker, once or more.

A row of `events` is an event for as long as the disk cap lets it stay; a row of `outbox` is a promise to
publish it. The outbox is a table of its own, not a flag, so that an acknowledged event costs a few bytes of
writing, not its whole page: SD cards wear. `event_counter` makes `sequence` gapless: it rolls back with the
events it numbered, and trimming does not touch it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlite_utils import Database

from edge.database import connect, file_of, migrate, reading, transaction
from edge.events.ids import Ids
from edge.events.schema import NO_CAMERA, complete, render, stamp
from edge.settings import Section, Whole
from edge.values import Event

logger = logging.getLogger(__name__)

STEPS = (
    """
    CREATE TABLE events (
        sequence INTEGER PRIMARY KEY,
        camera TEXT NOT NULL,
        type TEXT NOT NULL,
        person TEXT,
        captured_at REAL NOT NULL,
        body TEXT NOT NULL
    );
    CREATE INDEX events_by_type ON events (type);
    CREATE INDEX events_by_time ON events (captured_at);
    CREATE INDEX events_by_person ON events (person) WHERE person IS NOT NULL;
    CREATE TABLE outbox (sequence INTEGER PRIMARY KEY);
    CREATE TABLE event_counter (
        id INTEGER PRIMARY KEY CHECK (id = 1), sequence INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL
    );
    INSERT INTO event_counter VALUES (1, 0, 0, 0);
    """,
)
MB = 1 << 20
ROW_BYTES = 120  # what a row costs beside its body: its other columns and its places in the indexes
TRIM_ROWS = 200  # rows a batch removes: a few milliseconds of the write lock
LOST_ROWS = 1000  # events that one `events_lost` stands for, so that telling of a loss costs next to nothing
WAL_PAGES = 8000  # the publisher's thread empties the write-ahead log; a commit does so only if that thread is stuck

ids = Ids()


class EventSettings(Section):
    """How much disk the event log may take.

    Above `cap_mb` the oldest delivered events go. Undelivered ones may take `reserve_mb` more; above that the
    oldest are given up, and an `events_lost` event says which.
    """

    cap_mb: Annotated[Whole, Field(ge=1)] = 512
    reserve_mb: Annotated[Whole, Field(ge=0)] = 512


@dataclass(frozen=True, slots=True)
class Stored:
    """An event as the log keeps it; `body` is its JSON, whose `published_at` is still null."""

    sequence: int
    camera: str
    type: str
    captured_at: float
    body: str

    @property
    def id(self) -> str:
        return self.body[7:43]  # every body begins {"id":"<36 characters>"

    def payload(self, published_at: float) -> str:
        """The message of a copy that goes out now."""
        return stamp(self.body, published_at)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are meant; what is left out does not restrict. Times are epoch seconds, `until` exclusive."""

    type: str = ""
    camera: str = ""
    person: str = ""
    since: float | None = None
    until: float | None = None
    limit: int = 1000

    def where(self) -> tuple[str, list[Any]]:
        """The SQL condition and its parameters."""
        terms = {
            "type = ?": self.type or None,
            "camera = ?": self.camera or None,
            "person = ?": self.person or None,
            "captured_at >= ?": self.since,
            "captured_at < ?": self.until,
        }
        used = {term: value for term, value in terms.items() if value is not None}
        return " AND ".join(used) or "1", list(used.values())


@dataclass(frozen=True, slots=True)
class Standing:
    """How the log stands: `waiting` events are not delivered yet, the oldest of them captured at `oldest_at`.

    `crowded`: nothing but such events fills the log's cap, and more take of its reserve.
    """

    last: int
    rows: int
    bytes: int
    waiting: int
    oldest_at: float | None
    crowded: bool


@dataclass(frozen=True, slots=True)
class _Draft:
    """An event that lacks only its sequence."""

    id: str
    event: Event
    rest: str


class EventLog:
    """Appends, hands out what is to be published, and keeps within the cap.

    Any thread may call it. Several processes may hold logs on one file. `database` must belong to this log
    alone: a lock here keeps the threads apart.
    """

    def __init__(self, database: Database, device: str, settings: EventSettings) -> None:
        self.device = device
        self._settings = settings
        self._database = database
        self._lock = threading.Lock()
        self._crowded = False
        migrate(database, "events", STEPS)
        database.conn.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")

    def beside(self) -> EventLog:
        """A second connection to the same file, for one thread that must not make appends wait.

        It writes with synchronous=NORMAL: pulling the plug may undo its last marks, which only means that
        some events are published twice. A killed process loses nothing. Close it yourself.
        """
        database = connect(file_of(self._database).parent)
        database.conn.execute("PRAGMA synchronous=NORMAL")
        return EventLog(database, self.device, self._settings)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def append(self, events: Sequence[Event], also: Callable[[sqlite3.Connection], None] | None = None) -> list[Stored]:
        """Commit events, and what `also` writes, together: all of it survives, or none.

        `also` gets the connection inside the transaction and must not end it. Raises StorageError.
        """
        drafts = [_Draft(ids.take(), event, render(event, self.device)) for event in events]
        with self._write() as connection:
            stored = _insert(connection, drafts)
            if also is not None:
                also(connection)
        return stored

    def pending(self, after: int, limit: int) -> list[Stored]:
        """Undelivered events past a sequence, in order."""
        return self._read(
            "outbox CROSS JOIN events USING (sequence) WHERE outbox.sequence > ? ORDER BY outbox.sequence LIMIT ?",
            [after, limit],
        )

    def delivered(self, sequences: Iterable[int]) -> None:
        """The broker has taken these over."""
        with self._write() as connection:
            connection.executemany("DELETE FROM outbox WHERE sequence = ?", [(sequence,) for sequence in sequences])

    def tail(self, after: int, limit: int = 1000) -> list[Stored]:
        """Events past a sequence, in order."""
        return self._read("events WHERE sequence > ? ORDER BY sequence LIMIT ?", [after, limit])

    def search(self, selection: Selection) -> list[Stored]:
        """The newest `limit` events of a selection, in order."""
        where, values = selection.where()
        return self._read(f"events WHERE {where} ORDER BY sequence DESC LIMIT ?", [*values, selection.limit])[::-1]

    def replay(self, selection: Selection) -> int:
        """Have these published again, id and sequence unchanged; gives how many were not waiting already."""
        where, values = selection.where()
        with self._write() as connection:
            return connection.execute(
                f"INSERT OR IGNORE INTO outbox SELECT sequence FROM events WHERE {where}"  # noqa: S608 (our own terms)
                " ORDER BY sequence DESC LIMIT ?",
                [*values, selection.limit],
            ).rowcount

    def standing(self) -> Standing:
        with self._reading() as connection:
            last, rows, size = connection.execute("SELECT sequence, rows, bytes FROM event_counter").fetchone()
            waiting = connection.execute("SELECT count(*) FROM outbox").fetchone()[0]
            oldest = connection.execute(
                "SELECT captured_at FROM events WHERE sequence = (SELECT min(sequence) FROM outbox)"
            ).fetchone()
        crowded = size > self._settings.cap_mb * MB and rows <= waiting
        return Standing(last, rows, size, waiting, oldest[0] if oldest else None, crowded)

    def trim(self) -> int:
        """If the log is above its cap, remove one small batch; gives how many events went. Off the hot path."""
        standing = self.standing()
        over = standing.bytes > self._settings.cap_mb * MB
        if not over or standing.rows > standing.waiting:
            self._crowded = False
            return self._drop_delivered() if over else 0
        if not self._crowded:
            self._crowded = True
            logger.warning(
                "event log: %d undelivered events fill its %d MB; they stay, and may take %d MB more",
                standing.waiting,
                self._settings.cap_mb,
                self._settings.reserve_mb,
            )
        return self._give_up() if standing.bytes > (self._settings.cap_mb + self._settings.reserve_mb) * MB else 0

    def checkpoint(self) -> None:
        """Move what is committed from the write-ahead log into the database, waiting for nobody."""
        with self._reading() as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _drop_delivered(self) -> int:
        with self._write() as connection:
            gone = connection.execute(
                "SELECT sequence, length(body) FROM events"
                " WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.sequence = events.sequence)"
                " ORDER BY sequence LIMIT ?",
                [TRIM_ROWS],
            ).fetchall()
            _delete(connection, gone)
        return len(gone)

    def _give_up(self) -> int:
        """The last limit: the oldest undelivered events go, and an event in their place says which."""
        with self._write() as connection:
            gone = connection.execute(
                "SELECT sequence, length(body) FROM events WHERE type != 'events_lost' ORDER BY sequence LIMIT ?",
                [LOST_ROWS],
            ).fetchall()
            if not gone:
                return 0
            values = {"first": gone[0][0], "last": gone[-1][0], "count": len(gone)}
            event = Event("events_lost", NO_CAMERA, time.time(), values)
            _delete(connection, gone)
            _insert(connection, [_Draft(ids.take(), event, render(event, self.device))])
        logger.error(
            "event log: %d undelivered events (%d to %d) were given up: the disk reserve is full",
            values["count"],
            values["first"],
            values["last"],
        )
        return len(gone)

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._database) as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, reading(self._database) as connection:
            yield connection

    def _read(self, what: str, values: list[Any]) -> list[Stored]:
        query = f"SELECT sequence, camera, type, captured_at, body FROM {what}"  # noqa: S608 (our own terms)
        with self._reading() as connection, closing(connection.execute(query, values)) as rows:
            return [Stored(*row) for row in rows]


def _insert(connection: sqlite3.Connection, drafts: Sequence[_Draft]) -> list[Stored]:
    """Number the drafts and write them to the log and the outbox, inside the caller's transaction."""
    first = connection.execute("SELECT sequence + 1 FROM event_counter").fetchone()[0]
    stored = [
        Stored(
            sequence,
            draft.event.camera,
            draft.event.type,
            float(draft.event.captured_at),
            complete(draft.id, sequence, draft.rest),
        )
        for sequence, draft in enumerate(drafts, first)
    ]
    connection.executemany(
        "INSERT INTO events (sequence, camera, type, captured_at, body, person) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (one.sequence, one.camera, one.type, one.captured_at, one.body, draft.event.values.get("person"))
            for one, draft in zip(stored, drafts, strict=True)
        ],
    )
    connection.executemany("INSERT INTO outbox VALUES (?)", [(one.sequence,) for one in stored])
    grown = sum(len(one.body) + ROW_BYTES for one in stored)
    connection.execute(
        "UPDATE event_counter SET sequence = sequence + ?1, rows = rows + ?1, bytes = bytes + ?2", [len(stored), grown]
    )
    return stored


def _delete(connection: sqlite3.Connection, gone: Sequence[tuple[int, int]]) -> None:
    """Remove (sequence, body length) rows from the log and the outbox, inside the caller's transaction."""
    keys = [(sequence,) for sequence, _ in gone]
    connection.executemany("DELETE FROM events WHERE sequence = ?", keys)
    connection.executemany("DELETE FROM outbox WHERE sequence = ?", keys)
    shrunk = sum(length + ROW_BYTES for _, length in gone)
    connection.execute("UPDATE event_counter SET rows = rows - ?, bytes = bytes - ?", [len(gone), shrunk])
