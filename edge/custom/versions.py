"""Versions of projects: from their order or pack to their end."""

from __future__ import annotations

from collections.abc import Sequence

from edge.custom import rows
from edge.custom.base import Stored
from edge.custom.records import BUSY, InUseError, NewVersion, Page, Status, TakenError, Version
from edge.errors import InputError
from edge.packs.custom import Installed


class VersionCalls(Stored):
    def create_version(self, new: NewVersion) -> Version:
        """Raises NoProjectError, InputError for an unfit name, TakenError for one that is taken, FullError."""
        with self._writing() as connection:
            rows.add_version(connection, new)
        return self.version(new.project, new.name)

    def version(self, project: str, name: str) -> Version:
        """Raises NoProjectError or NoVersionError."""
        with self._reading() as connection:
            return rows.version_of(connection, project, name)

    def versions(self, project: str = "") -> list[Version]:
        """Of a project, or of all; the newest first. Raises NoProjectError."""
        if project:
            with self._reading() as connection:
                rows.project_key(connection, project)
        found = self._rows(
            f"{rows.VERSIONS} WHERE ? IN ('', projects.name) ORDER BY projects.name, versions.id DESC", [project]
        )
        return [rows.version(row) for row in found]

    def page_versions(
        self, project: str, after: int | None = None, limit: int = 100, names: Sequence[str] = ()
    ) -> Page[Version]:
        """So many of a project, the newest first, of these names where any are given; as `page_projects`."""
        with self._reading() as connection:
            key = rows.project_key(connection, project)
        wanted = f"AND versions.name IN ({', '.join('?' * len(names))})" if names else ""
        found = self._rows(
            f"{rows.VERSIONS} WHERE versions.project = ? AND (? IS NULL OR versions.id < ?) {wanted}"
            " ORDER BY versions.id DESC LIMIT ?",
            [key, after, after, *names, limit + 1],
        )
        part = found[:limit]
        return Page([rows.version(row) for row in part], part[-1]["id"] if len(found) > limit else None)

    def enrol(self, installed: Installed, evaluation: str = "") -> Version:
        """The version of an installed pack: a new one, or the one that was ordered; makes the project if need be.

        Raises TakenError if there is one with another pack, InputError if the project is for something else.
        """
        index = installed.index
        new = NewVersion(index.project, index.version, Status.TRAINING_COMPLETED)
        with self._writing() as connection:
            known = connection.execute("SELECT feature FROM projects WHERE name = ?", [index.project]).fetchone()
            if known is None:
                rows.add_project(connection, index.project, index.feature, "DISABLED")
            elif known[0] != index.feature:
                raise InputError(
                    f"project {index.project!r} is for {known[0]}, and the pack for {index.feature}; train it under "
                    "another project's name"
                )
            try:
                key = rows.add_version(connection, new)
            except TakenError:
                there = rows.version_of(connection, index.project, index.version)
                if there.digest == installed.digest:
                    return there
                if there.digest or there.status != Status.TRAINING_IN_PROGRESS:
                    raise
                key = there.id
            connection.execute(
                "UPDATE versions SET status = 'TRAINING_COMPLETED', message = '', digest = ?, pack = ?, evaluation = ?,"
                " seconds = ?, ended_at = ? WHERE id = ?",
                [installed.digest, index.model_dump_json(), evaluation, index.seconds, index.made_at, key],
            )
        return self.version(index.project, index.version)

    def copy_version(self, source: Version, new: NewVersion) -> Version:
        """A version of another project, or another name, with the same pack; done when it returns.

        Raises NoVersionError if the source is gone, InUseError if it has no pack, and what `create_version` does.
        """
        with self._writing() as connection:
            of = rows.version_of(connection, source.project, source.name)
            if not of.digest:
                raise InUseError(f"version {of.place} is {of.status}: it has no model to copy")
            key = rows.add_version(connection, new)
            connection.execute(
                "UPDATE versions SET status = 'COPYING_COMPLETED', digest = ?, pack = ?, evaluation = ?, seconds = ?,"
                " ended_at = ? WHERE id = ?",
                [of.digest, of.pack, of.evaluation, of.seconds, of.ended_at, key],
            )
        return self.version(new.project, new.name)

    def fail_training(self, version: Version, message: str) -> None:
        """Does nothing where it is not in training any more."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE versions SET status = 'TRAINING_FAILED', message = ?, ended_at = ?"
                " WHERE id = ? AND status = 'TRAINING_IN_PROGRESS'",
                [message, rows.now(), version.id],
            )

    def delete_version(self, project: str, name: str) -> None:
        """Its pack stays in the model store: see `installing.remove`. Raises InUseError while it runs or is made."""
        with self._writing() as connection:
            there = rows.version_of(connection, project, name)
            if there.status in BUSY:
                remedy = "stop it first" if there.status == Status.RUNNING else "wait until that is done"
                raise InUseError(f"version {there.place} is {there.status}; {remedy}")
            connection.execute("DELETE FROM versions WHERE id = ?", [there.id])

    def digests(self) -> set[str]:
        """Of the packs that any version needs."""
        return {row["digest"] for row in self._rows("SELECT DISTINCT digest FROM versions WHERE digest != ''")}
