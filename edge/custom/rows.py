"""Rows of the tables to values and back: the SQL that more than one call needs."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from edge.custom.records import (
    FullError,
    NewVersion,
    NoProjectError,
    NoVersionError,
    Project,
    Status,
    TakenError,
    Version,
    check_name,
)

MOST_TAGS = 200  # of a project or version
MOST_VERSIONS = 1000  # of a project

Owner = Literal["project", "version", "dataset"]

_TAGS: dict[Owner, str] = {"project": "project_tags", "version": "version_tags", "dataset": "dataset_tags"}

PROJECTS = "SELECT id, name, feature, auto_update, created_at, status FROM projects"
VERSIONS = """SELECT versions.id AS id, projects.name AS project, feature, versions.name AS name, description,
    versions.created_at AS created_at, versions.status AS status, message, min_units, max_units, digest, pack,
    evaluation, output, training, seconds, ended_at, source_arn, kms
    FROM versions JOIN projects ON projects.id = versions.project"""


def project(row: Mapping[str, Any]) -> Project:
    return Project(**row)


def version(row: Mapping[str, Any]) -> Version:
    return Version(**{**row, "status": Status(row["status"])})


def project_key(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT id FROM projects WHERE name = ?", [name]).fetchone()
    if row is None:
        raise no_project(connection, name)
    return int(row[0])


def no_project(connection: sqlite3.Connection, name: str) -> NoProjectError:
    there = [row[0] for row in connection.execute("SELECT name FROM projects ORDER BY name LIMIT 20")]
    return NoProjectError(f"no project {name!r}: there is {', '.join(there) or 'none; create one, or install a pack'}")


def version_of(connection: sqlite3.Connection, project_name: str, name: str) -> Version:
    """Raises NoProjectError or NoVersionError, naming what there is."""
    key = project_key(connection, project_name)
    found = connection.execute(f"{VERSIONS} WHERE versions.project = ? AND versions.name = ?", [key, name])
    row = found.fetchone()
    if row is None:
        names = connection.execute("SELECT name FROM versions WHERE project = ? ORDER BY id DESC LIMIT 20", [key])
        there = ", ".join(row[0] for row in names) or "none"
        raise NoVersionError(f"no version {name!r} of project {project_name!r}: there is {there}")
    return version(dict(zip((column[0] for column in found.description), row, strict=True)))


def add_project(connection: sqlite3.Connection, name: str, feature: str, auto_update: str) -> int:
    """Raises InputError for an unfit name, TakenError for one that is taken."""
    check_name("project name", name)
    made = connection.execute(
        "INSERT INTO projects (name, feature, auto_update, created_at, status) VALUES (?, ?, ?, ?, 'CREATED')"
        " ON CONFLICT DO NOTHING",
        [name, feature, auto_update, now()],
    )
    if not made.rowcount or made.lastrowid is None:
        raise TakenError(f"project {name!r} exists already: choose another name, or delete it first")
    return made.lastrowid


def add_version(connection: sqlite3.Connection, new: NewVersion) -> int:
    """Raises NoProjectError, InputError for an unfit name, TakenError for one that is taken, FullError."""
    check_name("version name", new.name)
    key = project_key(connection, new.project)
    (count,) = connection.execute("SELECT count(*) FROM versions WHERE project = ?", [key]).fetchone()
    if count >= MOST_VERSIONS:
        raise FullError(f"project {new.project!r} has {count} versions, as many as one may have; delete some first")
    made = connection.execute(
        "INSERT INTO versions (project, name, description, created_at, status, output, training, source_arn, kms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [
            key, new.name, new.description, now(), new.status,
            new.output, new.training, new.source_arn, new.kms,
        ],
    )  # fmt: skip
    if not made.rowcount or made.lastrowid is None:
        raise TakenError(f"version {new.project}/{new.name} exists already: choose another name, or delete it first")
    put_tags(connection, "version", made.lastrowid, new.tags)
    return made.lastrowid


def now() -> float:
    """In whole milliseconds, as they stand in an ARN."""
    return round(time.time(), 3)


def tags_of(connection: sqlite3.Connection, owner: Owner, key: int) -> dict[str, str]:
    """In the order of their names."""
    return dict(connection.execute(f"SELECT name, value FROM {_TAGS[owner]} WHERE owner = ? ORDER BY name", [key]))  # noqa: S608 - a table's name


def put_tags(connection: sqlite3.Connection, owner: Owner, key: int, tags: Mapping[str, str]) -> None:
    """A tag of the same name gets the new value. Raises FullError if there would be more than MOST_TAGS."""
    values = [[key, name, value] for name, value in tags.items()]
    connection.executemany(f"INSERT OR REPLACE INTO {_TAGS[owner]} VALUES (?, ?, ?)", values)  # noqa: S608
    count = len(tags_of(connection, owner, key))
    if count > MOST_TAGS:
        raise FullError(f"tags: these would be {count}, and there are {MOST_TAGS} at most; take others away first")


def drop_tags(connection: sqlite3.Connection, owner: Owner, key: int, names: Iterable[str]) -> None:
    """Names that are not there are left out."""
    values = [[key, name] for name in names]
    connection.executemany(f"DELETE FROM {_TAGS[owner]} WHERE owner = ? AND name = ?", values)  # noqa: S608
