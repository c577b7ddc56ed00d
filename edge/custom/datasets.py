"""Data sets of a project, one to train on and one to test with: the lines of their manifests, and what these say."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from edge.custom import entries
from edge.custom.entries import Entry
from edge.custom.records import FullError, Page, TakenError
from edge.errors import InputError, MissingError

ROOM = "custom datasets"
Kind = Literal["TRAIN", "TEST"]
MOST = 250_000  # entries of a data set
SHARE = 0.2  # of the entries, that distributing moves to the test set

# `kind` of an entry is empty where it cannot be trained on; `problems` is JSON, empty where there are none.
STEPS = (
    """
    CREATE TABLE datasets (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        status TEXT NOT NULL,
        UNIQUE (project, kind)
    );
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        dataset INTEGER NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
        source TEXT,
        kind TEXT NOT NULL,
        line TEXT NOT NULL,
        problems TEXT NOT NULL,
        UNIQUE (dataset, source)
    );
    CREATE TABLE entry_labels (
        entry INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
        label TEXT NOT NULL,
        boxes INTEGER NOT NULL,
        PRIMARY KEY (entry, label)
    ) WITHOUT ROWID;
    CREATE TABLE dataset_tags (
        owner INTEGER NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (owner, name)
    ) WITHOUT ROWID
    """,
)

_LABELED = "EXISTS (SELECT 1 FROM entry_labels WHERE entry = entries.id)"
_LABELED_AS = "EXISTS (SELECT 1 FROM entry_labels WHERE entry = entries.id AND label IN ({}))"
_STATS = """SELECT count(*), coalesce(sum(EXISTS (SELECT 1 FROM entry_labels WHERE entry = entries.id)), 0),
    coalesce(sum(problems <> ''), 0) FROM entries WHERE dataset = ?"""
_PAGE = """SELECT id, line, EXISTS (SELECT 1 FROM entry_labels WHERE entry = entries.id), problems FROM entries
    WHERE {} ORDER BY id LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Dataset:
    id: int
    project: int
    kind: Kind
    created_at: float
    updated_at: float
    status: str


@dataclass(frozen=True, slots=True)
class Stats:
    entries: int
    labeled: int
    labels: int
    wrong: int


@dataclass(frozen=True, slots=True)
class LabelStats:
    label: str
    entries: int
    boxes: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are listed: those with one of the labels, labelled or not, from such a place, with problems."""

    labels: Sequence[str] = ()
    labeled: bool | None = None
    source: str = ""
    wrong: bool = False


def create(connection: sqlite3.Connection, project: int, kind: Kind, found: Iterable[Entry], now: float) -> Dataset:
    """With these entries. Raises TakenError if the project has one of this kind."""
    status = "CREATE_COMPLETE"
    made = connection.execute(
        "INSERT INTO datasets (project, kind, created_at, updated_at, status) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        [project, kind, now, now, status],
    )
    if not made.rowcount:
        raise TakenError(f"dataset {kind}: the project has one already; delete it first, or update its entries")
    dataset = Dataset(int(made.lastrowid or 0), project, kind, now, now, status)
    put(connection, dataset.id, found)
    return dataset


def put(connection: sqlite3.Connection, dataset: int, found: Iterable[Entry]) -> None:
    """Each takes the place of the one with the same picture. Raises FullError beyond MOST."""
    for one in found:
        (entry,) = connection.execute(
            """INSERT INTO entries (dataset, source, kind, line, problems) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (dataset, source) DO UPDATE
            SET kind = excluded.kind, line = excluded.line, problems = excluded.problems RETURNING id""",
            [dataset, one.source or None, one.kind, one.line, entries.told(one.problems)],
        ).fetchone()
        connection.execute("DELETE FROM entry_labels WHERE entry = ?", [entry])
        connection.executemany(
            "INSERT INTO entry_labels VALUES (?, ?, ?)", [[entry, label, boxes] for label, boxes in one.labels.items()]
        )
    (count,) = connection.execute("SELECT count(*) FROM entries WHERE dataset = ?", [dataset]).fetchone()
    if count > MOST:
        raise FullError(f"dataset: these would be {count} entries, and a data set has {MOST} at most")


def update(connection: sqlite3.Connection, dataset: int, found: Iterable[Entry], now: float) -> None:
    put(connection, dataset, found)
    _touch(connection, dataset, now)


def copy(connection: sqlite3.Connection, source: int) -> list[Entry]:
    """The entries of a data set, to be put into another."""
    return [entries.entry(line) for (line,) in connection.execute(_LINES, [source])]


_LINES = "SELECT line FROM entries WHERE dataset = ? ORDER BY id"


def of_project(connection: sqlite3.Connection, project: int) -> list[Dataset]:
    """In the order they were made."""
    return [Dataset(*row) for row in connection.execute(f"{_DATASETS} WHERE project = ? ORDER BY id", [project])]


_DATASETS = "SELECT id, project, kind, created_at, updated_at, status FROM datasets"


def find(connection: sqlite3.Connection, project: int, kind: str) -> Dataset:
    """Raises MissingError."""
    row = connection.execute(f"{_DATASETS} WHERE project = ? AND kind = ?", [project, kind]).fetchone()
    if row is None:
        raise MissingError(f"dataset {kind}: the project has none; create it first")
    return Dataset(*row)


def stats(connection: sqlite3.Connection, dataset: int) -> Stats:
    counts = connection.execute(_STATS, [dataset]).fetchone()
    (labels,) = connection.execute(
        "SELECT count(DISTINCT label) FROM entry_labels JOIN entries ON entries.id = entry WHERE dataset = ?", [dataset]
    ).fetchone()
    return Stats(entries=counts[0], labeled=counts[1], labels=labels, wrong=counts[2])


def page(connection: sqlite3.Connection, dataset: int, wanted: Wanted, after: int, limit: int) -> Page[str]:
    """Lines as they are listed, with their `cl-metadata`."""
    where = ["dataset = ?", "id > ?"]
    values: list[Any] = [dataset, after]
    if wanted.labels:
        where.append(_LABELED_AS.format(",".join("?" * len(wanted.labels))))
        values += wanted.labels
    if wanted.labeled is not None:
        where.append(_LABELED if wanted.labeled else f"NOT {_LABELED}")
    if wanted.source:
        where.append("instr(source, ?)")
        values.append(wanted.source)
    if wanted.wrong:
        where.append("problems <> ''")
    rows = connection.execute(_PAGE.format(" AND ".join(where)), [*values, limit + 1]).fetchall()
    items = [entries.shown(line, labeled=bool(labeled), problems=problems) for _, line, labeled, problems in rows]
    return Page(items[:limit], rows[limit - 1][0] if len(rows) > limit else None)


def label_page(connection: sqlite3.Connection, dataset: int, after: int, limit: int) -> Page[LabelStats]:
    """LabelStats by the names of the labels; `after` is how many of them came before."""
    rows = connection.execute(
        """SELECT label, count(*), sum(boxes) FROM entry_labels JOIN entries ON entries.id = entry
        WHERE dataset = ? GROUP BY label ORDER BY label LIMIT ? OFFSET ?""",
        [dataset, limit + 1, after],
    ).fetchall()
    return Page([LabelStats(*row) for row in rows[:limit]], after + limit if len(rows) > limit else None)


def delete(connection: sqlite3.Connection, dataset: int) -> None:
    """With its entries."""
    connection.execute("DELETE FROM datasets WHERE id = ?", [dataset])


def distribute(connection: sqlite3.Connection, train: Dataset, test: Dataset, now: float) -> None:
    """Move a fifth of the training set into the test set, of each combination of labels as near as can be.

    Which ones depends on nothing but the names of their pictures. Raises InputError unless one set has entries and the
    other has none.
    """
    if stats(connection, test.id).entries:
        raise InputError("dataset TEST: it has entries already, and must be empty for entries to be distributed")
    moved = part(_grouped(connection, train.id))
    if not moved:
        raise InputError("dataset TRAIN: it has too few entries to be distributed; add some first")
    connection.executemany("UPDATE entries SET dataset = ? WHERE id = ?", [[test.id, entry] for entry in moved])
    _touch(connection, train.id, now)
    _touch(connection, test.id, now)


def part(groups: Iterable[Sequence[tuple[int, str]]]) -> list[int]:
    """A fifth of all (number, name), drawn evenly from each group."""
    place, moved = 0.5, []
    for group in groups:
        for number, _ in sorted(group, key=lambda one: hashlib.sha256(one[1].encode()).digest()):
            place += SHARE
            if place >= 1.0 - 1e-9:
                place -= 1.0
                moved.append(number)
    return moved


def _grouped(connection: sqlite3.Connection, dataset: int) -> list[list[tuple[int, str]]]:
    """Entries with the same labels together."""
    groups: dict[str, list[tuple[int, str]]] = defaultdict(list)
    rows = connection.execute(
        """SELECT id, coalesce(source, line), (SELECT json_group_array(label) FROM
        (SELECT label FROM entry_labels WHERE entry = entries.id ORDER BY label)) FROM entries WHERE dataset = ?""",
        [dataset],
    )
    for number, name, labels in rows:
        groups[labels].append((number, name))
    return [groups[labels] for labels in sorted(groups, key=lambda text: (len(json.loads(text)), text))]


def _touch(connection: sqlite3.Connection, dataset: int, now: float) -> None:
    connection.execute("UPDATE datasets SET status = 'UPDATE_COMPLETE', updated_at = ? WHERE id = ?", [now, dataset])
