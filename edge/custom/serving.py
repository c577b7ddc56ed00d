"""Starting and stopping versions, and which one of a project's serves."""

from __future__ import annotations

import sqlite3

from edge.custom import rows
from edge.custom.base import Stored
from edge.custom.records import LIVE, STARTABLE, InUseError, NoVersionError, Serving, Status, Version
from edge.errors import InputError

# From which statuses a version comes to these.
ENDS = {
    Status.FAILED: (*STARTABLE, Status.STARTING, Status.RUNNING),
    Status.STOPPED: LIVE,
}


class ServingCalls(Stored):
    def live(self) -> list[Version]:
        """Those that are open, or about to be opened or closed."""
        marks = ", ".join("?" * len(LIVE))
        found = self._rows(f"{rows.VERSIONS} WHERE versions.status IN ({marks}) ORDER BY versions.id", [*LIVE])
        return [rows.version(row) for row in found]

    def serving(self, project: str) -> Serving:
        """Raises NoProjectError."""
        with self._reading() as connection:
            return _serving(connection, rows.project_key(connection, project))

    def begin(
        self, project: str, name: str, min_units: int = 1, max_units: int | None = None, *, replacing: bool = False
    ) -> Version:
        """Have the daemon start it: it is STARTING until `started` or `failed`. Raises InUseError.

        `replacing` is as for `started`.
        """
        with self._writing() as connection:
            there = rows.version_of(connection, project, name)
            if there.status not in STARTABLE:
                raise InUseError(f"version {there.place} is {there.status}; it cannot be started now")
            _set(connection, there.id, Status.STARTING)
            connection.execute(
                "UPDATE versions SET min_units = ?, max_units = ?, replacing = ? WHERE id = ?",
                [min_units, max_units, replacing, there.id],
            )
        return self.version_by_key(there.id)

    def started(self, version: Version, *, shadow: bool = False, replacing: bool = False) -> list[Version]:
        """It has passed its self-test: it is RUNNING, and the current one, or the shadow of that.

        With `replacing`, here or when it began, a version that thereby is neither current, previous nor shadow any more
        is STOPPED: gives those. Raises InUseError where it may not be started, or has been stopped meanwhile,
        InputError for a shadow of none.
        """
        with self._writing() as connection:
            there = rows.version_of(connection, version.project, version.name)
            if there.id != version.id or there.status not in (*STARTABLE, Status.STARTING, Status.RUNNING):
                raise InUseError(f"version {there.place} is {there.status}; it cannot be started now")
            key = rows.project_key(connection, version.project)
            known = _serving(connection, key)
            if shadow:
                _check_shadow(version.project, there.name, there.id, known)
            _set(connection, there.id, Status.RUNNING)
            new = Serving(known.current, known.previous, there.id) if shadow else _in_front(there.id, known)
            _serve(connection, key, new)
            return _retire(connection, there.id, known, new) if replacing or _replaces(connection, there.id) else []

    def check_shadow(self, project: str, name: str) -> None:
        """Raises InputError unless a version serves whose shadow this one, which may not be there yet, could be."""
        with self._reading() as connection:
            row = connection.execute("SELECT id FROM projects WHERE name = ?", [project]).fetchone()
            known = _serving(connection, row[0]) if row else Serving()
            current = _by_key(connection, known.current) if known.current is not None else None
        _check_shadow(project, name, current.id if current and current.name == name else None, known)

    def failed(self, version: Version, message: str) -> None:
        """It cannot be opened, or has failed its self-test: the one before goes on, if that runs."""
        self._end(version, Status.FAILED, message)

    def stop(self, project: str, name: str) -> Version:
        """Have the daemon close it: it is STOPPING until `stopped`. Raises InUseError."""
        with self._writing() as connection:
            there = rows.version_of(connection, project, name)
            if there.status not in (Status.RUNNING, Status.STARTING):
                raise InUseError(f"version {there.place} is {there.status}: it does not run")
            _set(connection, there.id, Status.STOPPING)
            _step_down(connection, there)
        return self.version_by_key(there.id)

    def stopped(self, version: Version) -> None:
        """It is closed."""
        self._end(version, Status.STOPPED, "")

    def roll_back(self, project: str) -> Version:
        """Have the version serve that did before; the two change places. Raises InputError if it does not run."""
        with self._writing() as connection:
            key = rows.project_key(connection, project)
            known = _serving(connection, key)
            if known.previous is None:
                raise InputError(f"project {project!r}: no version served before this one; start one by its name")
            there = _by_key(connection, known.previous)
            if there.status != Status.RUNNING:
                raise InUseError(f"version {there.place} is {there.status}; start it with its name")
            _serve(connection, key, _in_front(there.id, known))
        return there

    def version_by_key(self, key: int) -> Version:
        with self._reading() as connection:
            return _by_key(connection, key)

    def _end(self, version: Version, status: Status, message: str) -> None:
        """Unless it is gone, or in a status that does not end so."""
        with self._writing() as connection:
            row = connection.execute("SELECT status FROM versions WHERE id = ?", [version.id]).fetchone()
            if row and row[0] in ENDS[status]:
                _set(connection, version.id, status, message)
                _step_down(connection, version)


def _check_shadow(project: str, name: str, key: int | None, known: Serving) -> None:
    if known.current in (None, key):
        raise InputError(
            f"project {project!r}: no other version runs, so that {name} could be its shadow; "
            "start one first, or this one without --shadow"
        )


def _replaces(connection: sqlite3.Connection, key: int) -> bool:
    return bool(connection.execute("SELECT replacing FROM versions WHERE id = ?", [key]).fetchone()[0])


def _retire(connection: sqlite3.Connection, key: int, before: Serving, now: Serving) -> list[Version]:
    """Stop what was something before and is nothing now."""
    connection.execute("UPDATE versions SET replacing = 0 WHERE id = ?", [key])
    parts = {now.current, now.previous, now.shadow, None}
    lost = [
        _by_key(connection, one)
        for one in dict.fromkeys((before.current, before.previous, before.shadow))
        if one is not None and one not in parts
    ]
    running = [version for version in lost if version.status == Status.RUNNING]
    for version in running:
        _set(connection, version.id, Status.STOPPED)
    return running


def _by_key(connection: sqlite3.Connection, key: int) -> Version:
    row = connection.execute(
        "SELECT projects.name, versions.name FROM versions JOIN projects ON projects.id = project"
        " WHERE versions.id = ?",
        [key],
    ).fetchone()
    if row is None:
        raise NoVersionError(f"no version has the key {key}: it was deleted; see 'vedette custom list'")
    return rows.version_of(connection, *row)


def _set(connection: sqlite3.Connection, key: int, status: Status, message: str = "") -> None:
    connection.execute("UPDATE versions SET status = ?, message = ? WHERE id = ?", [status, message, key])


def _in_front(key: int, known: Serving) -> Serving:
    """This one serves, and the one that did, or did last, is the one before."""
    before = next((one for one in (known.current, known.previous) if one not in (None, key)), None)
    return Serving(key, before, None if known.shadow == key else known.shadow)


def _serving(connection: sqlite3.Connection, key: int) -> Serving:
    row = connection.execute("SELECT current, previous, shadow FROM serving WHERE project = ?", [key]).fetchone()
    return Serving(*row) if row else Serving()


def _serve(connection: sqlite3.Connection, key: int, new: Serving) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO serving (project, current, previous, shadow) VALUES (?, ?, ?, ?)",
        [key, new.current, new.previous, new.shadow],
    )


def _step_down(connection: sqlite3.Connection, version: Version) -> None:
    """A version that runs no more serves no more: the one before does again, if that still runs.

    Where none does, there is nothing to be the shadow of.
    """
    key = rows.project_key(connection, version.project)
    known = _serving(connection, key)
    shadow = None if known.shadow == version.id else known.shadow
    if known.current != version.id:
        _serve(connection, key, Serving(known.current, known.previous, shadow))
        return
    before = _by_key(connection, known.previous) if known.previous is not None else None
    runs = before is not None and before.status == Status.RUNNING
    heir = before.id if before and runs else None
    shadow = None if heir is None or shadow == heir else shadow
    _serve(connection, key, Serving(heir, version.id if heir else known.previous, shadow))
