"""A mailbox that keeps the newest item of each sender, and of those that lose none a few.

A slow reader never falls behind, it only sees fewer items. Senders are served in the order they
started waiting; replacing an item keeps its place in line, and the sender is told of the loss.

Who loses none and has filled its room comes back when most of it is free again: to be woken for each item costs more
than some items take.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Senders `put` what may be replaced and `offer` what may not: of that, `room` items wait."""

    def __init__(self, room: int = 1) -> None:
        self._room = room
        self._few = room // 4  # of a sender's items wait when it comes back
        self._changed = Condition()
        self._waiting: dict[str, deque[T]] = {}
        self._closed = False

    def put(self, sender: str, item: T) -> bool:
        """Leave an item; whether it replaces this sender's last one, which nobody took."""
        with self._changed:
            replaces = sender in self._waiting
            self._waiting[sender] = deque((item,))
            self._changed.notify_all()
            return replaces

    def offer(self, sender: str, item: T, given_up: Callable[[], bool]) -> bool:
        """Leave an item once there is room; False if `given_up` or closed meanwhile."""
        with self._changed:
            if self._holding(sender) >= self._room:
                while self._holding(sender) > self._few and not self._closed and not given_up():
                    self._changed.wait(0.2)
            if self._closed or self._holding(sender) >= self._room:
                return False
            self._waiting.setdefault(sender, deque()).append(item)
            self._changed.notify_all()
            return True

    def take(self, timeout: float | None = None) -> T | None:
        """The next item of who has waited longest, or None: closed, or nothing came in `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout)
            if not self._waiting:
                return None
            sender = next(iter(self._waiting))
            items = self._waiting.pop(sender)
            item = items.popleft()
            if items:
                self._waiting[sender] = items  # behind everybody else
            if len(items) <= self._few:
                self._changed.notify_all()
            return item

    def holds(self, sender: str) -> bool:
        """Whether an item of the sender waits."""
        return sender in self._waiting

    def _holding(self, sender: str) -> int:
        return len(self._waiting.get(sender, ()))

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
