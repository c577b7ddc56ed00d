"""Pages of a mapped file are given back, and read again when they are needed."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from accel.pages import let_go

MAPS = Path("/proc/self/maps")
SIZE = 4 << 20


def resident(file: Path) -> int:
    """Kibibytes of a mapped file in this process's memory."""
    found, mine = 0, False
    for line in Path("/proc/self/smaps").read_text("utf-8").splitlines():
        if "-" in line.split()[0]:
            mine = line.endswith(str(file))
        elif mine and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found


@pytest.mark.skipif(not MAPS.exists(), reason="needs Linux's /proc")
def test_what_was_read_is_given_back_and_can_be_read_again(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine" / "weights.bin", tmp_path / "other" / "weights.bin"
    for file in (mine, other):
        file.parent.mkdir()
        file.write_bytes(b"\7" * SIZE)
    with mine.open("rb") as one, other.open("rb") as two:
        weights = mmap.mmap(one.fileno(), 0, prot=mmap.PROT_READ)
        beside = mmap.mmap(two.fileno(), 0, prot=mmap.PROT_READ)
    assert weights[:] == beside[:]
    assert resident(mine) == resident(other) == SIZE >> 10
    assert let_go(mine.parent.resolve()) == SIZE
    assert resident(mine) == 0
    assert resident(other) == SIZE >> 10
    assert weights[:] == beside[:]


def test_what_can_be_written_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_bytes(b"\0" * SIZE)
    with file.open("rb") as opened:
        notes = mmap.mmap(opened.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    notes[:5] = b"kept!"
    assert let_go(tmp_path.resolve()) == 0
    assert notes[:5] == b"kept!"


def test_elsewhere_nothing_happens(tmp_path: Path) -> None:
    assert let_go(tmp_path, maps=tmp_path / "absent") == 0


@pytest.mark.skipif(not MAPS.exists(), reason="needs Linux's /proc")
def test_large_blocks_are_given_back_once_they_are_free() -> None:
    """In a process of its own, for the setting is for good: ten blocks between others that stay."""
    code = """
from accel.pages import give_back_early
import gc, numpy as np
def resident():
    return next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmRSS'))
assert give_back_early()
np.ones(40 << 20, np.uint8)
before, kept = resident(), []
for _ in range(10):
    block, small = np.ones(2 << 20, np.uint8), bytes(60_000)
    kept.append(small)
    del block
blocks = [np.ones(2 << 20, np.uint8) for _ in range(10)]
del blocks[::2]
print(resident() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 14 << 10, "five blocks of two megabytes remain, and what is small"
