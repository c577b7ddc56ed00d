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
        self._closed = False
        self._changed = Condition()

    def take(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._free or self._closed)
            if self._closed:
                raise AcceleratorError("the session is closed; open the model again")
            return self._free.pop()

    def give(self, item: T) -> None:
        with self._changed:
            if not self._closed:
                self._free.append(item)
                self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._free.clear()
            self._changed.notify_all()
