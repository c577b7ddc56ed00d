"""Packs brought in as versions, and versions taken away with the packs that no other one needs.

Both hold the model store's lock. What a process leaves behind that was killed in between is a pack that no version
needs, and is swept up by the next of them. Other databases may share the store: their packs are left alone.
"""

from __future__ import annotations

import json
from pathlib import Path

from edge.custom.records import Version
from edge.custom.store import Projects
from edge.errors import InputError
from edge.packs import custom as packs
from edge.packs import owners
from edge.packs.custom import Installed
from edge.packs.store import Store, reported

EVALUATION = "evaluation.json"  # a pack's file
MOST_EVALUATION = 4 << 20


def install(projects: Projects, store: Store, file: Path, trust: str = "", only: str = "") -> Version:
    """The version of a pack, installed whole; where anything is wrong, all is as before.

    A project that is not there yet is made. `only` is the PROJECT/VERSION that the pack must be of, `trust` a
    fingerprint to trust from now on. Raises what `edge.packs.custom.install` and `Projects.enrol` do.
    """
    enrolled: list[Version] = []

    def enrol(installed: Installed) -> None:
        place = f"{installed.index.project}/{installed.index.version}"
        if only not in ("", place):
            raise InputError(f"{file}: is of {place}, not of {only}; send the pack that was asked for")
        _mark_all(projects, store)
        owners.sweep(store, projects.owner, projects.digests() | {installed.digest})
        enrolled.append(projects.enrol(installed, _evaluation(installed)))

    packs.install(store, file, trust, enrol, projects.owner)
    return enrolled[0]


def remove(projects: Projects, store: Store, project: str, name: str) -> None:
    """Delete a version. Raises NoProjectError, NoVersionError, InUseError while it runs."""
    with reported(store.root), store.changing():
        _mark_all(projects, store)
        projects.delete_version(project, name)
        owners.sweep(store, projects.owner, projects.digests())


def adopt(projects: Projects, store: Store) -> None:
    """Mark the packs that were installed before packs had owners. Raises StorageError."""
    with reported(store.root):
        if all(owners.marker(store, projects.owner, digest).exists() for digest in projects.digests()):
            return
        with store.changing():
            _mark_all(projects, store)


def _mark_all(projects: Projects, store: Store) -> None:
    for digest in projects.digests():
        owners.mark(store, projects.owner, digest)


def _evaluation(installed: Installed) -> str:
    """What the pack tells of how well it does, as JSON; empty where it tells nothing of use."""
    known = installed.index.files.get(EVALUATION)
    if known is None or known.bytes > MOST_EVALUATION:
        return ""
    try:
        return json.dumps(json.loads((installed.folder / EVALUATION).read_bytes()))
    except (ValueError, RecursionError):
        return ""
