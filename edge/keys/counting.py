"""How many access keys a data folder holds; nothing is made for the question."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from edge.database import connect, is_there, reading


def stored(data: Path) -> int:
    """Enabled or not. Raises StorageError."""
    return _count(data, "")


def usable(data: Path) -> int:
    """Enabled ones. Raises StorageError."""
    return _count(data, "WHERE enabled")


def _count(data: Path, which: str) -> int:
    if not is_there(data):
        return 0
    with closing(connect(data, or_snapshot=True)) as database, reading(database) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'access_keys'").fetchone():
            return 0
        (count,) = connection.execute(f"SELECT count(*) FROM access_keys {which}").fetchone()  # noqa: S608 - our own
    return int(count)
