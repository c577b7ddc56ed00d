"""Which folders hold the audit of a device, and up to which record: kept in its database, so that none goes unnoticed.

Each folder tells by itself what is missing in it, but not that it is missing as a whole, or was put back to an earlier
state. So each process notes its folder when it begins to write there and when it ends, under the audit's key. What is
found amiss when one begins, it writes into its audit, and is then taken as it is.
"""

from __future__ import annotations

import hmac
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from edge import database
from edge.api import chain
from edge.api.verifying import Verdict, verify
from edge.database import connect, migrate, reading, transaction
from edge.errors import MissingError

ROOM = "audit"
STEPS = ("CREATE TABLE audit_folders (numbers TEXT NOT NULL, hash TEXT NOT NULL)",)
UNLISTED = (
    f"the list of the audit's folders in {database.NAME} is altered, missing or of another master.key:"
    " whether a whole folder was taken away cannot be told"
)

Numbers = Mapping[str, int]  # of the last record that is known of each, by its place


def verify_all(data: Path, key: bytes, usual: Iterable[Path]) -> Iterator[tuple[Path, Verdict]]:
    """Each folder that there is, or was. `usual` are those that the configuration names.

    Raises MissingError if there never was any, StorageError.
    """
    numbers = _known(data, key)
    used = {_place(data, folder): folder for folder in usual if folder.is_dir()}
    used |= {place: data / place for place in numbers or {}}
    if not used:
        raise MissingError(f"{data}: no audit here; it begins when the endpoint is first started")
    for place, folder in used.items():
        try:
            verdict = verify(folder, key)
        except MissingError:
            verdict = Verdict()
        last, reached = (numbers or {}).get(place, 0), verdict.last.number if verdict.last else 0
        if not chain.files(folder):
            verdict.find(f"gone, though it {_had(last)}")
        elif reached < last:
            verdict.find(f"ends at record {reached}, though there were {last}: it was put back to an earlier state")
        if not numbers and place == next(iter(used)):
            verdict.find(UNLISTED)
        yield folder, verdict


def enter(data: Path, key: bytes, folder: Path, number: int) -> list[str]:
    """Note that this folder is written to, after record `number`; gives what is amiss, in sentences.

    Raises StorageError.
    """
    own, told, kept = _place(data, folder), list[str](), dict[str, int]()
    with closing(connect(data)) as opened:
        migrate(opened, ROOM, STEPS)
        with transaction(opened) as connection:
            numbers = _read(connection, key)
            if numbers is None or (not numbers and number):
                told.append(f"when this was started, {UNLISTED}")
            for place, last in (numbers or {}).items():
                if place == own or chain.files(data / place):
                    kept[place] = last
                else:
                    told.append(f"{data / place} was gone when this was started, though it {_had(last)}")
            if number < kept.get(own, 0):
                told.append(
                    f"there were {kept[own]} records, and {number} when this was started: it was put back to an earlier"
                    " state, or taken away"
                )
            _write(connection, {**kept, own: number}, key)
    return told


def leave(data: Path, key: bytes, folder: Path, number: int) -> None:
    """Note the last record that was written there. Raises StorageError."""
    with closing(connect(data)) as opened:
        migrate(opened, ROOM, STEPS)
        with transaction(opened) as connection:
            if numbers := _read(connection, key):  # else the next to enter tells
                _write(connection, {**numbers, _place(data, folder): number}, key)


def _known(data: Path, key: bytes) -> Numbers | None:
    """None where the list is altered, or of another key; nothing is made for it."""
    if not (data / database.NAME).exists():
        return {}
    with closing(connect(data, or_snapshot=True)) as opened, reading(opened) as connection:
        there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit_folders'").fetchone()
        return _read(connection, key) if there else {}


def _read(connection: sqlite3.Connection, key: bytes) -> Numbers | None:
    row = connection.execute("SELECT numbers, hash FROM audit_folders").fetchone()
    if row is None:
        return {}
    try:
        numbers: dict[str, int] = json.loads(row[0])
        return numbers if hmac.compare_digest(_hash(key, numbers), row[1]) else None
    except (ValueError, TypeError, AttributeError):
        return None


def _write(connection: sqlite3.Connection, numbers: Numbers, key: bytes) -> None:
    connection.execute("DELETE FROM audit_folders")
    connection.execute("INSERT INTO audit_folders VALUES (?, ?)", [json.dumps(numbers), _hash(key, numbers)])


def _hash(key: bytes, numbers: Numbers) -> str:
    return chain.mac(key, {"folders": numbers})


def _had(last: int) -> str:
    return f"held records up to {last}" if last else "was written to"


def _place(data: Path, folder: Path) -> str:
    """Within the data folder, from there: it may be moved."""
    return str(folder.relative_to(data) if folder.is_relative_to(data) else folder)
