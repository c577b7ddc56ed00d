"""Events that the disk refuses for now: they wait in memory, in order and bounded, until it takes them again."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edge.errors import DiskError
from edge.events.log import EventLog
from edge.events.schema import NO_CAMERA
from edge.values import Event

logger = logging.getLogger(__name__)

ROOM = 10_000  # events that wait at most: some 20 MB
BITE = 500  # of them that go into one commit when the disk is back, so that no frame waits long
RETRY_S = 1.0

Also = Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True)
class _Batch:
    events: Sequence[Event]
    also: Also


@dataclass(slots=True)
class _Dropped:
    """Events that found no room, until an event can tell of them."""

    count: int = 0
    first_at: float = 0.0
    last_at: float = 0.0

    def add(self, events: Sequence[Event]) -> None:
        for event in events:
            self.first_at = self.first_at if self.count else event.captured_at
            self.last_at = event.captured_at
            self.count += 1

    def told(self) -> list[Event]:
        if not self.count:
            return []
        values = {"count": self.count, "first_at": self.first_at, "last_at": self.last_at, "reason": "disk"}
        return [Event("events_dropped", NO_CAMERA, time.time(), values)]


class Held:
    """The way into the log for a thread that must not die of a full or read-only disk.

    Events get their id and sequence when they are written, so what waits here leaves no gap. The state that
    belongs to them waits with them, and goes with them if they find no room: the oldest go first. One thread
    calls it; `state` may be asked by any. `told` is called when the disk begins or ceases to refuse.
    """

    def __init__(self, log: EventLog, told: Callable[[], None]) -> None:
        self._log = log
        self._told = told
        self._waiting: deque[_Batch] = deque()
        self._count = 0
        self._untold = _Dropped()
        self._dropped = 0
        self._again_at = 0.0
        self._fault = ""

    def state(self) -> dict[str, Any]:
        """Why the disk refuses events ("" while it takes them), how many wait, and how many ever found no room."""
        return {"fault": self._fault, "held": self._count, "dropped": self._dropped}

    def commit(self, events: Sequence[Event], also: Also) -> None:
        """Write events and what `also` writes, or hold them; raises StorageError if the database is damaged."""
        self._waiting.append(_Batch(events, also))
        self._count += len(events)
        self.retry()
        while self._count > ROOM:
            gone = self._waiting.popleft()
            self._untold.add(gone.events)
            self._count -= len(gone.events)
            self._dropped += len(gone.events)

    def retry(self) -> None:
        """Write some of what waits, if it is time to try; call it often."""
        if not self._waiting or (self._fault and time.monotonic() < self._again_at):
            return
        bite = self._bite()
        events = [event for batch in bite for event in batch.events]

        def also(connection: sqlite3.Connection) -> None:
            for batch in bite:
                batch.also(connection)

        try:
            self._log.append([*self._untold.told(), *events], also)
        except DiskError as error:
            self._again_at = time.monotonic() + RETRY_S
            self._complain(str(error))
            return
        for _ in bite:
            self._waiting.popleft()
        self._count -= len(events)
        self._untold = _Dropped()
        if self._fault:
            self._fault = ""
            logger.info("event log: the disk takes events again; %d still wait for it", self._count)
            self._told()

    def close(self) -> None:
        """The last attempt; raises DiskError with how many events are lost if the disk still refuses."""
        while self._waiting:
            self._again_at = 0.0
            self.retry()
            if self._fault:
                raise DiskError(f"{self._fault}; {self._count} events that were never written are lost")

    def _bite(self) -> list[_Batch]:
        bite: list[_Batch] = []
        size = 0
        for batch in self._waiting:
            size += len(batch.events)
            if bite and size > BITE:
                break
            bite.append(batch)
        return bite

    def _complain(self, fault: str) -> None:
        before, self._fault = self._fault, fault
        if not before:
            logger.error("event log: %s; events wait in memory, %d at most, until the disk takes them", fault, ROOM)
            self._told()
