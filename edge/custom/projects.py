"""Projects, and the tags of whatever has some."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from edge.custom import rows
from edge.custom.base import Stored
from edge.custom.records import InUseError, Page, Project
from edge.custom.rows import Owner
from edge.packs.custom import Feature

NONE: Mapping[str, str] = MappingProxyType({})


class ProjectCalls(Stored):
    def create_project(
        self,
        name: str,
        feature: Feature = "CUSTOM_LABELS",
        auto_update: str = "DISABLED",
        tags: Mapping[str, str] = NONE,
    ) -> Project:
        """Raises InputError for an unfit name, TakenError for one that is taken."""
        with self._writing() as connection:
            key = rows.add_project(connection, name, feature, auto_update)
            rows.put_tags(connection, "project", key, tags)
        return self.project(name)

    def project(self, name: str) -> Project:
        """Raises NoProjectError."""
        for row in self._rows(f"{rows.PROJECTS} WHERE name = ?", [name]):
            return rows.project(row)
        with self._reading() as connection:
            raise rows.no_project(connection, name)

    def projects(self) -> list[Project]:
        """By name."""
        return [rows.project(row) for row in self._rows(f"{rows.PROJECTS} ORDER BY name")]

    def page_projects(
        self, after: int | None = None, limit: int = 100, names: Sequence[str] = (), features: Sequence[str] = ()
    ) -> Page[Project]:
        """So many, the newest first, of these names and features where any are given.

        It begins after a place: None, or the `after` of the page before.
        """
        wanted = " ".join(
            f"AND {column} IN ({', '.join('?' * len(values))})"
            for column, values in (("name", names), ("feature", features))
            if values
        )
        found = self._rows(
            f"{rows.PROJECTS} WHERE (? IS NULL OR id < ?) {wanted} ORDER BY id DESC LIMIT ?",
            [after, after, *names, *features, limit + 1],
        )
        part = found[:limit]
        return Page([rows.project(row) for row in part], part[-1]["id"] if len(found) > limit else None)

    def delete_project(self, name: str) -> None:
        """With its policies. Raises NoProjectError, InUseError while it has versions or data sets."""
        with self._writing() as connection:
            key = rows.project_key(connection, name)
            (count,) = connection.execute("SELECT count(*) FROM versions WHERE project = ?", [key]).fetchone()
            if count:
                raise InUseError(f"project {name!r} has {count} versions; delete them first")
            try:
                connection.execute("DELETE FROM projects WHERE id = ?", [key])
            except sqlite3.IntegrityError as error:
                raise InUseError(f"project {name!r} has data sets; delete them first") from error

    def tags(self, owner: Owner, key: int) -> dict[str, str]:
        with self._reading() as connection:
            return rows.tags_of(connection, owner, key)

    def tag(self, owner: Owner, key: int, tags: Mapping[str, str]) -> None:
        """A tag that is there gets its new value. Raises FullError if there would be too many."""
        with self._writing() as connection:
            rows.put_tags(connection, owner, key, tags)

    def untag(self, owner: Owner, key: int, names: Iterable[str]) -> None:
        """Tags that are not there are left out."""
        with self._writing() as connection:
            rows.drop_tags(connection, owner, key, names)
