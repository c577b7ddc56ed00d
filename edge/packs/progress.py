"""Telling a person how far a pull is: a bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Protocol

Move = Callable[[int], None]


class Progress(Protocol):
    def say(self, line: str) -> None:
        """One line for the reader."""

    def step(self, what: str, total: int | None = None) -> AbstractContextManager[Move]:
        """Work of `total` bytes, if that is known; the callable is told how many are done."""


class Silent:
    def say(self, line: str) -> None:
        pass

    @contextmanager
    def step(self, what: str, total: int | None = None) -> Iterator[Move]:  # noqa: ARG002 - the protocol's
        yield lambda done: None  # noqa: ARG005


class Lines:
    """A line a step, when it is done."""

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)  # noqa: T201

    @contextmanager
    def step(self, what: str, total: int | None = None) -> Iterator[Move]:
        started = monotonic()
        most = 0

        def move(done: int) -> None:
            nonlocal most
            most = max(most, done)

        with self.moving(what, total, move) as moved:
            yield moved
        size = f"{megabytes(most)}, " if most else ""
        self.say(f"{what}: {size}{monotonic() - started:.1f} s")

    @contextmanager
    def moving(self, what: str, total: int | None, move: Move) -> Iterator[Move]:  # noqa: ARG002 - a bar's
        yield move


class Bar(Lines):
    """The same lines, and a moving bar until each is there."""

    @contextmanager
    def moving(self, what: str, total: int | None, move: Move) -> Iterator[Move]:
        from rich import progress
        from rich.console import Console

        columns = (
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TimeElapsedColumn(),
        )
        with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total)

            def moved(done: int) -> None:
                move(done)
                bar.update(task, completed=done)

            yield moved


def for_terminal() -> Progress:
    return Bar() if sys.stderr.isatty() else Lines()


def megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
