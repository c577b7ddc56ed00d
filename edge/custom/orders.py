"""Training orders: what a workstation is to train, on which entries, who is at it, and how far.

An order is written with its version and keeps the lines it was written with, whatever becomes of the data sets. Whoever
claims it holds it for a while and keeps hold of it by telling how far they are; from who is silent for LEASE seconds
another one may take it over, and what the first then sends is refused.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from edge.custom.entries import Entry
from edge.custom.records import InUseError
from edge.errors import InputError, MissingError

ROOM = "custom orders"
LEASE = 300.0  # seconds
Task = Literal["classify", "detect"]

# `test` is 1 or 0, or null where the training decides. `claim` is empty while nobody is at it.
STEPS = (
    """
    CREATE TABLE orders (
        version INTEGER PRIMARY KEY REFERENCES versions (id) ON DELETE CASCADE,
        task TEXT NOT NULL,
        created_at REAL NOT NULL,
        worker TEXT NOT NULL DEFAULT '',
        claim TEXT NOT NULL DEFAULT '',
        held_until REAL NOT NULL DEFAULT 0,
        stage TEXT NOT NULL DEFAULT '',
        done REAL NOT NULL DEFAULT 0
    );
    CREATE TABLE order_entries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        version INTEGER NOT NULL REFERENCES orders (version) ON DELETE CASCADE,
        test INTEGER,
        source TEXT NOT NULL,
        line TEXT NOT NULL
    );
    CREATE INDEX order_entries_by_version ON order_entries (version, id)
    """,
)

_ORDERS = """SELECT version, task, orders.created_at, worker, claim, held_until, stage, done,
    versions.status = 'TRAINING_IN_PROGRESS' FROM orders JOIN versions ON versions.id = version"""


class LostError(InputError):
    """The order is another one's by now, or ended."""


@dataclass(frozen=True, slots=True)
class Order:
    """`version` is its key. It is open while the version is in training."""

    version: int
    task: Task
    created_at: float
    worker: str
    claim: str
    held_until: float
    stage: str
    done: float
    open: bool

    def held(self, now: float) -> bool:
        return bool(self.claim) and now < self.held_until


@dataclass(frozen=True, slots=True)
class Ordered:
    """A line that is trained on; its picture may be asked for by `id`."""

    id: int
    test: bool | None
    source: str
    line: str


def write(connection: sqlite3.Connection, version: int, found: Iterable[tuple[bool | None, Entry]], now: float) -> None:
    """The order of a version. Entries that cannot be trained on are left out; raises InputError if none is left."""
    sound = [(test, one) for test, one in found if one.kind]
    kinds = {one.kind for _, one in sound}
    if not kinds:
        raise InputError("The manifest file contains no valid entries; see ListDatasetEntries with HasErrors")
    if len(kinds) > 1:
        raise InputError("The entries mix labels of pictures and of boxes; take either for a version")
    task = "detect" if kinds == {"detect"} else "classify"
    connection.execute("INSERT INTO orders (version, task, created_at) VALUES (?, ?, ?)", [version, task, now])
    connection.executemany(
        "INSERT INTO order_entries (version, test, source, line) VALUES (?, ?, ?, ?)",
        [[version, test, one.source, one.line] for test, one in sound],
    )


def waiting(connection: sqlite3.Connection) -> list[Order]:
    """Open orders, the oldest first."""
    asked = f"{_ORDERS} WHERE versions.status = 'TRAINING_IN_PROGRESS' ORDER BY version"
    return [_order(row) for row in connection.execute(asked)]


def find(connection: sqlite3.Connection, version: int) -> Order:
    """Raises MissingError for a version that nobody ordered."""
    row = connection.execute(f"{_ORDERS} WHERE version = ?", [version]).fetchone()
    if row is None:
        raise MissingError("There is no order for this version")
    return _order(row)


def claim(connection: sqlite3.Connection, version: int, worker: str, now: float) -> Order:
    """Take an order that nobody holds, or that this worker held before: a claim of before is void then.

    Raises LostError if it has ended, InUseError while another one holds it.
    """
    order = find(connection, version)
    if not order.open:
        raise LostError("The order has ended")
    if order.held(now) and order.worker != worker:
        raise InUseError(f"{order.worker} is at this order")
    connection.execute(
        "UPDATE orders SET worker = ?, claim = ?, held_until = ? WHERE version = ?",
        [worker, secrets.token_hex(16), now + LEASE, version],
    )
    return find(connection, version)


def held(connection: sqlite3.Connection, version: int, claimed: str, now: float) -> Order:
    """The order, held for another LEASE; raises LostError if the claim is void, or the order has ended."""
    order = find(connection, version)
    if not order.open or not claimed or order.claim != claimed:
        raise LostError("The order is another one's by now, or has ended")
    connection.execute("UPDATE orders SET held_until = ? WHERE version = ?", [now + LEASE, version])
    return order


def report(connection: sqlite3.Connection, order: Order, stage: str, done: float) -> None:
    connection.execute("UPDATE orders SET stage = ?, done = ? WHERE version = ?", [stage, done, order.version])


def count(connection: sqlite3.Connection, version: int) -> int:
    """How many entries an order has."""
    (found,) = connection.execute("SELECT count(*) FROM order_entries WHERE version = ?", [version]).fetchone()
    return int(found)


def page(connection: sqlite3.Connection, order: Order, after: int, limit: int) -> list[Ordered]:
    rows = connection.execute(
        "SELECT id, test, source, line FROM order_entries WHERE version = ? AND id > ? ORDER BY id LIMIT ?",
        [order.version, after, limit],
    )
    return [Ordered(number, None if test is None else bool(test), source, line) for number, test, source, line in rows]


def source(connection: sqlite3.Connection, order: Order, number: int) -> str:
    """Where the picture of one entry lies; raises MissingError."""
    row = connection.execute(
        "SELECT source FROM order_entries WHERE version = ? AND id = ?", [order.version, number]
    ).fetchone()
    if row is None:
        raise MissingError(f"The order has no entry {number}")
    return str(row[0])


def _order(row: Sequence[Any]) -> Order:
    version, task, created_at, worker, claimed, held_until, stage, done, is_open = row
    return Order(version, task, created_at, worker, claimed, held_until, stage, done, bool(is_open))
