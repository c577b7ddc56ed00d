"""One measured number, and what making it takes: rounding, progress."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict, TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")
ERRORS = Console(stderr=True)


class Figure(TypedDict):
    """`reference` is the same measure of something known (the float model), `ratio` is value over reference."""

    name: str
    value: float
    unit: str
    reference: float | None
    ratio: float | None
    n: int


def figure(name: str, value: float, unit: str, n: int, reference: float | None = None) -> Figure:
    ratio = round(value / reference, 4) if reference else None
    known = None if reference is None else round(reference, 4)
    return Figure(name=name, value=round(float(value), 4), unit=unit, reference=known, ratio=ratio, n=n)


def watched(items: Sequence[T], what: str) -> Iterator[T]:
    """The items, with a progress bar on stderr where that is a terminal."""
    yield from track(items, what, console=ERRORS, transient=True, disable=not ERRORS.is_terminal)
