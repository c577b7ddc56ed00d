"""The pages of a table as they lie in an SQLite file, and which of them keep what is no row of theirs any more.

Told by the file format (https://www.sqlite.org/fileformat2.html, section 1.6), and only read: SQLite itself writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

INTERIOR, LEAF = 5, 13  # kinds of pages that a table has
HEADER = 8  # bytes of a leaf's, before the pointers to its rows
FEW = 8  # bytes that SQLite's own bookkeeping leaves in free space; a vector's numbers are four bytes each
SPARE = 2  # pointers that a page had for a moment, beyond those of the rows that fit

# By device and inode. Whoever closes a file takes away the locks that SQLite holds on it in the same process, as POSIX
# has it; so these stay open.
_open: dict[tuple[int, int], int] = {}

Span = tuple[int, int]  # of keys, both ends with it


class Stale(NamedTuple):
    """A page whose free space is not empty: `key` is of a row on it, which may grow by `room` bytes there."""

    key: int
    room: int


class Pages:
    """Of a file whose write-ahead log is empty, while nobody writes."""

    def __init__(self, path: Path) -> None:
        self._file = _opened(path)
        head = os.pread(self._file, 21, 0)
        self._size = int.from_bytes(head[16:18], "big") if head[16:18] != b"\0\1" else 1 << 16
        self._usable = self._size - head[20]

    def stale(self, root: int, spans: Sequence[Span]) -> list[Stale]:
        """The pages of the table at `root`, as far as they may hold keys of these spans."""
        found = {number: self._seen(page) for low, high in spans for number, page in self._leaves(root, low, high)}
        return [stale for stale in found.values() if stale]

    def _read(self, number: int) -> bytes:
        return os.pread(self._file, self._usable, (number - 1) * self._size)

    def _leaves(self, number: int, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        page = self._read(number)
        if page[0] == LEAF:
            yield number, page
        if page[0] != INTERIOR:
            return
        above = None
        for place in range(_int(page, 3)):
            at = _int(page, HEADER + 4 + 2 * place)
            key, _ = _varint(page, at + 4)
            if low <= key and (above is None or above < high):
                yield from self._leaves(_int(page, at, 4), low, high)
            above = key
        if above is None or above < high:
            yield from self._leaves(_int(page, HEADER, 4), low, high)

    def _seen(self, page: bytes) -> Stale | None:
        rows, top = _int(page, 3), _int(page, 5) or 1 << 16
        if not rows:
            return None  # a table of one page, from which no row has moved
        at = _int(page, HEADER)
        size, after = _varint(page, at)
        key, content = _varint(page, after)
        whole = content - at + size
        # Not so long that a part of the row would go to a page of its own.
        room = max(min(self._room(page) - 4, self._usable - 35 - size - 2), 0)
        lowest = HEADER + 2 * max(rows, (self._usable - HEADER) // (whole + 2) + SPARE)
        if rows == 1:
            lowest = max(lowest, self._usable - whole - room)  # so far a single row reaches: but for five numbers
        free = page[lowest:top]
        return Stale(key, room) if len(free) - free.count(0) > FEW else None

    def _room(self, page: bytes) -> int:
        """Free bytes, also those between rows."""
        room = (_int(page, 5) or 1 << 16) - HEADER - 2 * _int(page, 3) + page[7]
        before, block = 0, _int(page, 1)
        while block > before:  # as they are in every sound page
            room += _int(page, block + 2)
            before, block = block, _int(page, block)
        return room


def _opened(path: Path) -> int:
    for known, file in list(_open.items()):
        if not os.fstat(file).st_nlink:  # deleted: nobody's locks matter any more
            os.close(_open.pop(known))
    about = path.stat()
    which = about.st_dev, about.st_ino
    if which not in _open:
        _open[which] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return _open[which]


def _int(page: bytes, at: int, size: int = 2) -> int:
    return int.from_bytes(page[at : at + size], "big")


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """The number at this place, and where it ends."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | page[place] & 0x7F
        if page[place] < 0x80:
            return value, place + 1
    value = value << 8 | page[at + 8]
    return value, at + 9
