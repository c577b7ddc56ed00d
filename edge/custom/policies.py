"""Policies of a project: who may copy its versions into another project, and who may not.

Each has a revision: who changes a policy names the revision that they know, so that nobody overwrites what they have
not seen. All that is asked of this device comes from one account, in which the caller's own policies allow what they
allow, as there: what a project's policy adds is its Deny.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.custom.records import FullError, Page, TakenError
from edge.errors import InputError, MissingError
from edge.keys.conditions import Context
from edge.keys.policy import Policy, denied, parse

ROOM = "custom policies"
MOST = 5  # of a project

STEPS = (
    """
    CREATE TABLE policies (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        document TEXT NOT NULL,
        revision TEXT NOT NULL,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        UNIQUE (project, name)
    )
    """,
)


class RevisionError(InputError):
    """The policy has another revision than the one that was named."""


class MalformedError(InputError):
    """A document that is no policy of a project."""


@dataclass(frozen=True, slots=True)
class ProjectPolicy:
    id: int
    name: str
    document: str
    revision: str
    created_at: float
    updated_at: float


_POLICIES = "SELECT id, name, document, revision, created_at, updated_at FROM policies"


def put(  # noqa: PLR0913, PLR0917 - a row
    connection: sqlite3.Connection, project: int, name: str, document: str, revision: str, now: float
) -> str:
    """Gives the new revision. Without `revision` the policy is a new one.

    Raises MalformedError, RevisionError, TakenError for a name that is taken, FullError beyond MOST.
    """
    statements(document)
    made = secrets.token_hex(16)
    if revision:
        _check(_find(connection, project, name), revision)
        connection.execute(
            "UPDATE policies SET document = ?, revision = ?, updated_at = ? WHERE project = ? AND name = ?",
            [document, made, now, project, name],
        )
        return made
    (count,) = connection.execute("SELECT count(*) FROM policies WHERE project = ?", [project]).fetchone()
    if _find(connection, project, name):
        raise TakenError(f"policy {name}: there is one already; name its revision to change it")
    if count >= MOST:
        raise FullError(f"policy {name}: a project has {MOST} policies at most; delete another one first")
    connection.execute(
        "INSERT INTO policies (project, name, document, revision, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
        [project, name, document, made, now, now],
    )
    return made


def delete(connection: sqlite3.Connection, project: int, name: str, revision: str) -> None:
    """Raises MissingError; RevisionError if one is named that is not the policy's."""
    found = _find(connection, project, name)
    if found is None:
        raise MissingError(f"policy {name}: the project has none of this name")
    if revision:
        _check(found, revision)
    connection.execute("DELETE FROM policies WHERE id = ?", [found.id])


def page(connection: sqlite3.Connection, project: int, after: int, limit: int) -> Page[ProjectPolicy]:
    """ProjectPolicy in the order they were made."""
    rows = connection.execute(
        f"{_POLICIES} WHERE project = ? AND id > ? ORDER BY id LIMIT ?", [project, after, limit + 1]
    ).fetchall()
    return Page([ProjectPolicy(*row) for row in rows[:limit]], rows[limit - 1][0] if len(rows) > limit else None)


def forbids(found: Sequence[str], user: str, action: str, resource: str, context: Context) -> bool:
    """Whether one of these documents denies this to the user, an ARN."""
    account = user.split(":")[4]
    about = {user, "*", account, f"arn:aws:iam::{account}:root"}
    return any(
        denied([policy], action, resource, context)
        for document in found
        for principals, policy in statements(document)
        if principals & about
    )


def statements(document: str) -> list[tuple[frozenset[str], Policy]]:
    """Each statement's principals, and the rest of it as a policy; raises MalformedError."""
    try:
        told = json.loads(document)
        parted = [(_principals(one), {key: one[key] for key in one if key != "Principal"}) for one in _listed(told)]
        # All at once first, so that a message names the statement's place.
        parse("policy", json.dumps({**told, "Statement": [rest for _, rest in parted]}))
        return [(who, parse("policy", json.dumps({**told, "Statement": [rest]}))) for who, rest in parted]
    except json.JSONDecodeError as error:
        raise MalformedError(f"PolicyDocument is no JSON ({error}); write a policy in the shape of IAM's") from error
    except (InputError, ValueError, RecursionError) as error:
        raise MalformedError(str(error)) from error


def _listed(told: Any) -> list[Mapping[str, Any]]:
    listed = told.get("Statement") if isinstance(told, Mapping) else None
    found = listed if isinstance(listed, list) else [listed]
    if not all(isinstance(one, Mapping) for one in found):
        raise InputError("policy: Statement: write a list of statements, each with an Effect and a Principal")
    return [one for one in found if isinstance(one, Mapping)]


def _principals(statement: Mapping[str, Any]) -> frozenset[str]:
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, Mapping) and len(principal) == 1 else principal
    names = named if isinstance(named, list) else [named]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise InputError('policy: Principal: write "*" or {"AWS": [...]} with accounts, or the ARNs of users')
    return frozenset(names)


def _find(connection: sqlite3.Connection, project: int, name: str) -> ProjectPolicy | None:
    row = connection.execute(f"{_POLICIES} WHERE project = ? AND name = ?", [project, name]).fetchone()
    return ProjectPolicy(*row) if row else None


def _check(found: ProjectPolicy | None, revision: str) -> None:
    if found is None or found.revision != revision:
        raise RevisionError("The supplied revision id for the project policy is invalid.")
