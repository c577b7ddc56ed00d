"""A mailbox that keeps one item per sender: the newest.

A slow reader never falls behind, it only sees fewer items. Senders are served in the order they
started waiting; replacing an item keeps its place in line, and the loss is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: dict[str, T] = {}
        self._closed = False
        self.replaced: Counter[str] = Counter()

    def put(self, sender: str, item: T) -> None:
        """Leave an item; it replaces this sender's last one if nobody took that, which is counted."""
        with self._changed:
            self.replaced[sender] += sender in self._waiting
            self._waiting[sender] = item
            self._changed.notify_all()

    def offer(self, sender: str, item: T, given_up: Callable[[], bool]) -> bool:
        """Leave an item once this sender's last one was taken; False if `given_up` or closed meanwhile."""
        with self._changed:
            while sender in self._waiting and not self._closed and not given_up():
                self._changed.wait(0.2)
            if self._closed or sender in self._waiting:
                return False
            self._waiting[sender] = item
            self._changed.notify_all()
            return True

    def take(self, timeout: float | None = None) -> T | None:
        """The item whose sender has waited longest, or None: closed, or nothing came in `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout)
            if not self._waiting:
                return None
            item = self._waiting.pop(next(iter(self._waiting)))
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Wake everybody; what waits can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def empty(self) -> bool:
        return not self._waiting

    @property
    def closed(self) -> bool:
        return self._closed
