"""Training orders, as the device writes them and a workstation works on them."""

from __future__ import annotations

from collections.abc import Iterable

from edge.custom import orders, rows
from edge.custom.base import Stored
from edge.custom.entries import Entry
from edge.custom.orders import Order, Ordered
from edge.custom.records import NewVersion, Version


class OrderCalls(Stored):
    def order(self, new: NewVersion, found: Iterable[tuple[bool | None, Entry]]) -> Version:
        """A version to be trained on these entries; True is for testing, None lets the training decide.

        Raises NoProjectError, TakenError, FullError, and InputError if nothing can be trained on these.
        """
        with self._writing() as connection:
            version = rows.add_version(connection, new)
            orders.write(connection, version, found, rows.now())
            return rows.version_of(connection, new.project, new.name)

    def orders(self) -> list[Order]:
        """Open ones, the oldest first."""
        with self._reading() as connection:
            return orders.waiting(connection)

    def order_of(self, version: Version) -> Order:
        """Raises MissingError for a version that nobody ordered."""
        with self._reading() as connection:
            return orders.find(connection, version.id)

    def count_entries(self, version: int) -> int:
        """Of an order."""
        with self._reading() as connection:
            return orders.count(connection, version)

    def note_output(self, version: Version, output: str, message: str) -> Version:
        """Where its results lie, as JSON; and what there is to say of that."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE versions SET output = ?, message = ? WHERE id = ?", [output, message, version.id]
            )
            return rows.version_of(connection, version.project, version.name)

    def claim(self, version: Version, worker: str, now: float) -> Order:
        """Raises MissingError, LostError, InUseError as `orders.claim` does."""
        with self._writing() as connection:
            return orders.claim(connection, version.id, worker, now)

    def held(self, version: Version, claim: str, now: float) -> Order:
        """Raises MissingError, LostError."""
        with self._writing() as connection:
            return orders.held(connection, version.id, claim, now)

    def report(self, order: Order, stage: str, done: float) -> None:
        with self._writing() as connection:
            orders.report(connection, order, stage, done)

    def ordered(self, order: Order, after: int, limit: int) -> list[Ordered]:
        """Entries of an order, from behind a place: 0, or the id of the last one."""
        with self._reading() as connection:
            return orders.page(connection, order, after, limit)

    def ordered_source(self, order: Order, number: int) -> str:
        """Where the picture of an entry lies; raises MissingError."""
        with self._reading() as connection:
            return orders.source(connection, order, number)
