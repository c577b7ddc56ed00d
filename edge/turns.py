"""Cameras come first: requests' threads give way to the vision thread, an inference at a time.

The vision thread says when it takes up a frame and when it is done with it. A request's thread waits before each of its
inferences while there is a frame in work. Cameras that never rest do not starve it: it goes on once a frame has been
finished, so that the two take turns, and it waits `patience` seconds at most. While an inference of its own is under
way it does not wait to start another: the vision thread may be waiting for that one's place. The vision thread never
waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, local


class Turns:
    """Thread-safe. What it asks of the vision thread costs well under a microsecond while nobody waits."""

    def __init__(self, patience: float = 0.5) -> None:
        self._patience = patience
        self._changed = Condition()
        self._frames = 0  # in work
        self._finished = 0
        self._waiting = 0
        self._thread = local()

    def take_up(self) -> None:
        """The vision thread begins to work on a frame."""
        with self._changed:
            self._frames += 1

    def finish(self) -> None:
        """It is done with one."""
        with self._changed:
            self._frames = max(self._frames - 1, 0)
            self._finished += 1
            self._changed.notify_all()

    def leave(self) -> None:
        """It ends, whatever it had in work."""
        with self._changed:
            self._frames = 0
            self._changed.notify_all()

    @contextmanager
    def giving_way(self) -> Iterator[None]:
        """This thread works for a request meanwhile."""
        self._thread.polite, self._thread.begun = True, 0
        try:
            yield
        finally:
            self._thread.polite = False

    def wait(self) -> None:
        """Before each inference: returns at once unless this thread gives way and a frame is in work."""
        if not self._frames or not self._polite or self._thread.begun:
            return
        with self._changed:
            finished = self._finished
            self._waiting += 1
            self._changed.wait_for(lambda: not self._frames or self._finished != finished, self._patience)
            self._waiting -= 1

    def begin(self) -> None:
        """An inference of this thread is under way."""
        if self._polite:
            self._thread.begun += 1

    def end(self) -> None:
        """One has ended."""
        if self._polite:
            self._thread.begun -= 1

    @property
    def _polite(self) -> bool:
        return bool(getattr(self._thread, "polite", False))

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn now."""
        return self._waiting


TURNS = Turns()
