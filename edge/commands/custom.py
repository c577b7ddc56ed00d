"""`vedette custom`: models of one's own: packs installed as versions of projects, started, stopped and taken back."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.commands import announce, table, trust
from edge.errors import InputError

if TYPE_CHECKING:
    from edge.config import Config
    from edge.custom import Projects, Serving, Version
    from edge.vision.custom import Custom


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("custom", help="install, start, stop and roll back models of one's own")
    actions = group.add_subparsers(required=True, metavar="ACTION")

    installing = actions.add_parser("install", help="install a pack whose signer is trusted, once verified")
    installing.add_argument("pack", type=Path, metavar="PACK")
    installing.add_argument("--trust", default="", metavar="FINGERPRINT", help="trust this signer from now on")
    installing.add_argument("--start", action="store_true", help="start it as well")
    installing.set_defaults(handler=install)

    listing = actions.add_parser("list", help="projects, their versions, and which of them serve")
    listing.add_argument("--json", action="store_true", help="one JSON document a line")
    listing.set_defaults(handler=show)

    starting = actions.add_parser("start", help="test a version, and have it serve in the place of the one before")
    starting.add_argument("place", metavar="PROJECT[/VERSION]", help="the newest version unless one is named")
    starting.set_defaults(handler=start)
    for parser in (installing, starting):
        parser.add_argument(
            "--shadow", action="store_true", help="start it beside the one that serves, and only log what it says"
        )

    stopping = actions.add_parser("stop", help="stop a version, or all of a project")
    stopping.add_argument("place", metavar="PROJECT[/VERSION]")
    stopping.set_defaults(handler=stop)

    returning = actions.add_parser("rollback", help="have the version serve again that did before")
    returning.add_argument("project", metavar="PROJECT")
    returning.set_defaults(handler=rollback)

    deleting = actions.add_parser("delete", help="delete a version that does not run, or give up its training")
    deleting.add_argument("place", metavar="PROJECT/VERSION")
    deleting.set_defaults(handler=delete)
    announce.add(actions)
    trust.add(actions)


@contextmanager
def opened(args: argparse.Namespace, *, to_read: bool = False) -> Iterator[tuple[Config, Projects]]:
    """The configuration, and the projects of its device."""
    from edge import config, database
    from edge.custom import Projects

    settings = config.load(args.config)
    projects = Projects(database.connect(settings.data, or_snapshot=to_read))
    try:
        yield settings, projects
    finally:
        projects.close()


def install(args: argparse.Namespace) -> int:
    from edge.custom import installing
    from edge.packs import custom as packs

    with opened(args) as (config, projects):
        if args.shadow:
            index = packs.peek(args.pack)
            projects.check_shadow(index.project, index.version)
        version = installing.install(projects, config.models.open_store(), args.pack, args.trust)
        print(f"{version.place}: installed")
        if args.start or args.shadow:
            _start(config, projects, version, shadow=args.shadow)
    return 0


def show(args: argparse.Namespace) -> int:
    with opened(args, to_read=True) as (_, projects):
        serving = {project.name: projects.serving(project.name) for project in projects.projects()}
        versions = projects.versions()
    if args.json:
        for version in versions:
            print(json.dumps(_document(version, serving[version.project])))
        return 0
    table.show(
        ("PROJECT", "VERSION", "STATUS", "SERVES AS", "F1", "LABELS", "CREATED"),
        [_row(version, serving[version.project]) for version in versions],
    )
    for version in versions:
        if version.message:
            print(f"{version.place}: {version.message}")
    return 0


def start(args: argparse.Namespace) -> int:
    with opened(args) as (config, projects):
        _start(config, projects, _named(projects, args.place), shadow=args.shadow)
    return 0


def stop(args: argparse.Namespace) -> int:
    """What runs it closes it when it sees that. A shadow ends with the last version that serves."""
    from edge.custom.records import place_of

    project, name = place_of(args.place)
    with opened(args) as (_, projects):
        shadow = projects.serving(project).shadow  # raises NoProjectError
        running = [version for version in projects.live() if version.project == project]
        found = [projects.version(project, name)] if name else running
        if not found:
            raise InputError(f"project {project!r}: no version runs; see 'vedette custom list'")
        for version in found:
            _stop(projects, version)
        if shadow is not None and _current(projects, project) is None:
            left = projects.version_by_key(shadow)
            if left.status == "RUNNING":
                _stop(projects, left)
        _tell_current(projects, project)
    return 0


def _stop(projects: Projects, version: Version) -> None:
    if version.status != "STOPPING":  # that nobody has closed yet
        projects.stop(version.project, version.name)
    projects.stopped(version)
    print(f"{version.place}: stopped")


def rollback(args: argparse.Namespace) -> int:
    """A version that was stopped meanwhile is tested and started first."""
    from edge.custom.records import check_name

    check_name("project name", args.project)
    with opened(args) as (config, projects):
        before = projects.serving(args.project).previous
        version = projects.version_by_key(before) if before is not None else None
        if version and version.status != "RUNNING":
            _start(config, projects, version)
        else:
            projects.roll_back(args.project)
            _tell_current(projects, args.project)
    return 0


def delete(args: argparse.Namespace) -> int:
    """With its files, and with its training, which may be waiting for a workstation that never comes."""
    from edge.custom import installing
    from edge.custom.records import place_of

    project, name = place_of(args.place)
    if not name:
        raise InputError(f"{args.place}: names no version; write PROJECT/VERSION")
    with opened(args) as (config, projects):
        projects.fail_training(projects.version(project, name), "given up")
        installing.remove(projects, config.models.open_store(), project, name)
    print(f"{args.place}: deleted")
    return 0


def _start(config: Config, projects: Projects, version: Version, *, shadow: bool = False) -> None:
    """Raises InputError where it fails its self-test: the version that served before goes on."""
    from edge import customs

    if not version.digest:
        raise InputError(f"{version.place}: is {version.status}, and has no model yet; install its pack")
    passed_over: list[str] = []
    if reason := customs.try_out(config, version, lambda custom: passed_over.extend(_spoken(custom))):
        projects.failed(version, reason)
        current = _current(projects, version.project)
        remedy = f"{current.name} goes on" if current else "no version of the project runs"
        raise InputError(f"{version.place}: {reason}; {remedy}")
    stopped = projects.started(version, shadow=shadow, replacing=True)
    print(f"{version.place}: runs" + (", as a shadow" if shadow else ""))
    for line in (*passed_over, *(f"{one.place}: stopped" for one in stopped)):
        print(line)


def _spoken(custom: Custom) -> Iterator[str]:
    """Who was passed over, and who speaks instead."""
    for reason in custom.model.skipped:
        yield f"{custom.place}: {custom.model.session.backend} speaks, not {reason}"


def _named(projects: Projects, place: str) -> Version:
    from edge.custom.records import place_of

    project, name = place_of(place)
    if name:
        return projects.version(project, name)
    ready = [version for version in projects.versions(project) if version.digest]
    if not ready:
        raise InputError(f"project {project!r}: has no version yet; install a pack")
    return ready[0]


def _current(projects: Projects, project: str) -> Version | None:
    key = projects.serving(project).current
    return projects.version_by_key(key) if key is not None else None


def _tell_current(projects: Projects, project: str) -> None:
    current = _current(projects, project)
    print(f"{project}: {current.name if current else 'no version'} serves")


def _row(version: Version, serving: Serving) -> tuple[object, ...]:
    index = version.index
    labels = ", ".join(label.name for label in index.labels) if index else "-"
    f1 = f"{index.f1:.3f}" if index and index.f1 is not None else "-"
    role = _role(version, serving) or "-"
    return (version.project, version.name, version.status, role, f1, labels, table.when(version.created_at))


def _role(version: Version, serving: Serving) -> str:
    roles = {serving.previous: "previous", serving.shadow: "shadow", serving.current: "current"}
    return roles.get(version.id, "")


def _document(version: Version, serving: Serving) -> dict[str, Any]:
    index = version.index
    return {
        "project": version.project,
        "version": version.name,
        "feature": version.feature,
        "status": version.status,
        "message": version.message,
        "serves_as": _role(version, serving),
        "f1": index.f1 if index else None,
        "task": index.task if index else None,
        "labels": [label.model_dump() for label in index.labels] if index else [],
        "back_ends": list(index.variants) if index else [],
        "digest": version.digest,
        "created_at": version.created_at,
    }
