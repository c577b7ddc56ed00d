"""Rows as aligned columns of text."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence


def show(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    table = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(header))]
    for cells in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def when(at: float) -> str:
    """Epoch seconds as local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
