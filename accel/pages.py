"""Memory pages of mapped files that have been read once and will hardly be read again."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

DONTNEED = 4  # MADV_DONTNEED of Linux: what is touched again is read again from the file


def let_go(*folders: Path, maps: Path = Path("/proc/self/maps")) -> int:
    """Give back the pages of files in `folders` that are mapped for reading only; how many bytes that concerns.

    Compiling a model reads all its weights and keeps most of them in another order. The system would take these pages
    when it runs short; until then they would count as this process's own. Where there is no Linux, nothing happens.
    """
    concerned = 0
    with suppress(OSError, AttributeError):
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, size in _mapped(maps.read_text("utf-8", "surrogateescape"), folders):
            concerned += size * (madvise(start, size, DONTNEED) == 0)
    return concerned


def _mapped(maps: str, folders: tuple[Path, ...]) -> Iterator[tuple[int, int]]:
    """Start and size of each mapping that cannot be written and whose file lies in one of the folders."""
    for line in maps.splitlines():
        place, rights, *_, name = [*line.split(maxsplit=5), ""][:6]
        if "w" in rights or not name.startswith("/") or not any(Path(name).is_relative_to(one) for one in folders):
            continue
        start, end = (int(side, 16) for side in place.split("-"))
        yield start, end - start
