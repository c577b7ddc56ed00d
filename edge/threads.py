"""Threads that end together. Nothing else spawns any."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol

from edge.errors import EXPECTED

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Answers whoever asks how things stand, until `stop` is set."""

    @property
    def name(self) -> str: ...

    def serve(self, picture: Callable[[], Mapping[str, Any]], stop: threading.Event) -> None: ...


class Threads:
    """Threads none of which may die: the first that does ends all, and its error is raised by whoever joins them."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._asked = ""
        self._failed: SimpleQueue[BaseException] = SimpleQueue()

    def spawn(self, name: str, work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # whatever ends a thread ends the run
                if not isinstance(error, EXPECTED):
                    log.exception("the %s thread died", name)
                self._failed.put(error)
                self.stop.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    def ask(self, why: str) -> None:
        """Have `over` end the threads; safe in a signal handler, which may have come while `stop` was looked at."""
        self._asked = self._asked or why

    def over(self, seconds: float) -> bool:
        """Whether they are to end, after so long at most; for one thread."""
        if self._asked and not self.stop.is_set():
            log.info("stopping on %s", self._asked)
            self.stop.set()
        return self.stop.wait(seconds)

    def answering(
        self, listeners: Sequence[Listener], picture: Callable[[], Mapping[str, Any]]
    ) -> list[threading.Thread]:
        """One for each who answers, until `stop`."""
        return [self.spawn(one.name, partial(one.serve, picture, self.stop)) for one in listeners]

    def check(self) -> None:
        """Raise the error of a thread that died."""
        if not self._failed.empty():
            raise self._failed.get()
