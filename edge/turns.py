"""Cameras come first: requests' threads give way to the vision thread, an inference at a time.

The vision thread says when it takes up a frame and when it is done with it. A request's thread waits before each of its
inferences while there is a frame in work, and while another request's inference is under way, so that a frame that
comes finds one at most. Cameras that never rest do not starve it: it goes on once a frame has been finished, so that
the two take turns, and it waits `patience` seconds at most. While an inference of its own is under way it starts
another at once: the vision thread may be waiting for that one's place. The vision thread never waits, and where there
is none, nobody does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident, local


class _Thread(local):
    polite = False
    begun = 0  # inferences under way


class Turns:
    """Thread-safe. What it asks of the vision thread costs well under a microsecond while nobody waits."""

    def __init__(self, patience: float = 0.5) -> None:
        self._patience = patience
        self._changed = Condition()
        self._cameras = False
        self._frames = 0  # in work
        self._finished = 0
        self._turn: int | None = None  # the thread of the request whose inference is under way
        self._waiting = 0
        self._thread = _Thread()

    def take_up(self) -> None:
        """The vision thread begins to work on a frame."""
        with self._changed:
            self._cameras = True
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
            self._cameras, self._frames = False, 0
            self._changed.notify_all()

    @contextmanager
    def giving_way(self) -> Iterator[None]:
        """This thread works for a request meanwhile."""
        self._thread.polite, self._thread.begun = True, 0
        try:
            yield
        finally:
            self._thread.polite = False
            self._give_turn()

    def wait(self) -> None:
        """Before each inference: returns at once unless this thread gives way and there are cameras."""
        if not self._cameras or not self._thread.polite or self._thread.begun:
            return
        me = get_ident()
        with self._changed:
            finished = self._finished
            self._waiting += 1
            self._changed.wait_for(lambda: self._is_mine(me, finished), self._patience)
            self._waiting -= 1
            self._turn = self._turn or me

    def begin(self) -> None:
        """An inference of this thread is under way."""
        if self._thread.polite:
            self._thread.begun += 1

    def end(self) -> None:
        """One has ended."""
        if self._thread.polite:
            self._thread.begun -= 1
            if not self._thread.begun:
                self._give_turn()

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn now."""
        return self._waiting

    def _is_mine(self, thread: int, finished: int) -> bool:
        resting = not self._frames or self._finished != finished
        return not self._cameras or (resting and self._turn in (None, thread))

    def _give_turn(self) -> None:
        if self._turn == get_ident():
            with self._changed:
                self._turn = None
                self._changed.notify_all()


TURNS = Turns()
