"""What SIGTERM and SIGINT do: while a program opens its parts they end it at once, later as each wants.

A handler runs between any two steps of the main thread: it takes no lock and writes no log. While parts are closed both
signals are ignored to the end of the process, so that a second Ctrl-C leaves nothing half closed.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
Handler = Callable[[int, FrameType | None], object] | signal.Handlers


def handle(handler: Handler) -> None:
    """Have both signals call `handler` from now on, or be ignored."""
    for number in SIGNALS:
        signal.signal(number, handler)


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Have both signals call `handler` meanwhile, and ignored from then on."""
    handle(handler)
    try:
        yield
    finally:
        handle(signal.SIG_IGN)


def at_once(_number: int, _frame: FrameType | None) -> None:
    """Leave with success: nothing has begun, so nothing is left undone."""
    raise SystemExit(0)
