"""A fixed number of places, each taken by one caller at a time."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Condition
from typing import Generic, TypeVar

from accel.session import AcceleratorError

T = TypeVar("T")


class Places(Generic[T]):
    """Whoever finds none free waits; closing wakes the waiting with an error and drops what is free."""

    def __init__(self, items: Iterable[T]) -> None:
        self._free = list(items)
        self._closed = ""
        self._changed = Condition()

    def take(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._free or self._closed)
            if self._closed:
                raise AcceleratorError(self._closed)
            return self._free.pop()

    def give(self, item: T) -> bool:
        """Whether there is still a place for it."""
        with self._changed:
            if not self._closed:
                self._free.append(item)
                self._changed.notify()
            return not self._closed

    def close(self, reason: str = "the session is closed; open the model again") -> list[T]:
        """What was free; a second call gives nothing and leaves the reason as it is."""
        with self._changed:
            self._closed = self._closed or reason
            free, self._free = self._free, []
            self._changed.notify_all()
            return free
