"""How much at once: requests of each key, requests in line, bytes of their bodies. Thread-safe, without a clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Semaphore

from edge.api import faults

AWAY = 4  # requests that may wait for other servers at once, and do nothing else


class Quotas:
    """A bucket of tokens for each key: it holds one second's worth, one at least, and fills up at the key's rate."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._left: dict[str, tuple[float, float]] = {}  # tokens, and since when

    def take(self, key: str, rate: float, now: float) -> bool:
        """Whether this key may ask once more now; `rate` is in requests a second, 0 for as many as there may be."""
        if not rate:
            return True
        most = max(rate, 1.0)
        with self._lock:
            tokens, since = self._left.get(key, (most, now))
            tokens = min(tokens + max(now - since, 0.0) * rate, most)
            allowed = tokens >= 1.0
            self._left[key] = (tokens - allowed, now)
        return allowed


class Room:
    """So much fits, and no more: requests in work and in line, or bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = Lock()
        self._taken = 0

    @property
    def taken(self) -> int:
        return self._taken

    def take(self, amount: int = 1) -> bool:
        """False if it does not fit any more."""
        with self._lock:
            if self._taken + amount > self.size:
                return False
            self._taken += amount
        return True

    def give_back(self, amount: int = 1) -> None:
        with self._lock:
            self._taken -= amount


class Line:
    """`workers` requests are in work and `queue` more wait for that; those that wait for other servers are neither.

    So however slow such a server is, requests that do not need it go on. Threads that are not in work read and check
    the requests that come next, and write down the last ones: operations use the cores best if they need not wait.
    """

    def __init__(self, workers: int, queue: int) -> None:
        self.threads = workers + AWAY  # that are needed
        self._room = Room(workers + queue)
        self._places = Semaphore(workers)
        self._away = Room(AWAY)

    @property
    def taken(self) -> int:
        return self._room.taken

    @contextmanager
    def joined(self) -> Iterator[None]:
        """A place among all; raises ThrottlingException if there is none."""
        if not self._room.take():
            raise faults.throttling()
        try:
            yield
        finally:
            self._room.give_back()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """One of those whose operation is worked on, as soon as it can be."""
        with self._places:
            yield

    @contextmanager
    def away(self) -> Iterator[None]:
        """For a request at work that waits for somebody else; raises ThrottlingException if AWAY of them do already."""
        if not self._away.take():
            raise faults.throttling()
        self._places.release()
        self._room.give_back()
        try:
            yield
        finally:
            self._places.acquire()
            self._room.give_back(-1)  # it comes back, even if others have filled the line meanwhile
            self._away.give_back()
