"""Memory pages that nobody needs any more: given back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

DONTNEED = 4  # MADV_DONTNEED of Linux: what is touched again is read again from the file


ARENAS, MAPPED = -8, -3  # M_ARENA_MAX and M_MMAP_THRESHOLD of glibc's mallopt
LARGE = 1 << 17  # bytes: glibc's own threshold, until it has seen something larger go


def give_back_early() -> bool:
    """Have the C library give large blocks back as soon as they are free; whether it is one that can.

    Every picture of another size takes other blocks, and what lies between them would be kept for good. A camera, whose
    pictures are all of one size, is quicker with blocks that are kept.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(ARENAS, 1) and mallopt(MAPPED, LARGE))
    return False


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
