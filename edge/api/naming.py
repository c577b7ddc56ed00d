"""Projects, versions and data sets by their ARNs: how they are written, and what one of ours names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from edge.api import faults
from edge.api.desk import Desk
from edge.api.faults import Fault
from edge.custom import FullError, InUseError, Project, TakenError, Version
from edge.custom.datasets import Dataset
from edge.custom.orders import LostError
from edge.custom.rows import Owner
from edge.errors import MissingError

NAMED = re.compile(
    r"project/(?P<project>[a-zA-Z0-9_.\-]{1,255})"
    r"(/(?P<kind>version|dataset)/(?P<name>[a-zA-Z0-9_.\-]{1,255}))?/(?P<made>[0-9]{1,16})"
)


def project_arn(desk: Desk, project: Project) -> str:
    return desk.arn("project", f"{project.name}/{_stamp(project.created_at)}")


def version_arn(desk: Desk, version: Version) -> str:
    return desk.arn("project", f"{version.project}/version/{version.name}/{_stamp(version.created_at)}")


def dataset_arn(desk: Desk, project: str, dataset: Dataset) -> str:
    return desk.arn("project", f"{project}/dataset/{dataset.kind.lower()}/{_stamp(dataset.created_at)}")


def project_of(desk: Desk, arn: str) -> Project:
    """Raises Fault if there is none of just this age."""
    project, kind, _, made = _parts(desk, arn)
    with _found(arn):
        found = desk.workshop.projects.project(project)
        if kind or made != _stamp(found.created_at):
            raise MissingError(arn)
        return found


def version_of(desk: Desk, arn: str) -> Version:
    project, kind, name, made = _parts(desk, arn)
    with _found(arn):
        if kind != "version":
            raise MissingError(arn)
        found = desk.workshop.projects.version(project, name)
        if made != _stamp(found.created_at):
            raise MissingError(arn)
        return found


def dataset_of(desk: Desk, arn: str) -> tuple[str, Dataset]:
    """With the name of its project."""
    project, kind, name, made = _parts(desk, arn)
    with _found(arn):
        if kind != "dataset":
            raise MissingError(arn)
        found = desk.workshop.projects.dataset(project, name.upper())
        if made != _stamp(found.created_at):
            raise MissingError(arn)
        return project, found


def tagged(desk: Desk, arn: str) -> tuple[Owner, int]:
    """What bears tags, of any of the three kinds, and its key; raises Fault if it is not there."""
    _, kind, _, _ = _parts(desk, arn)
    if kind == "version":
        return "version", version_of(desk, arn).id
    if kind == "dataset":
        return "dataset", dataset_of(desk, arn)[1].id
    return "project", project_of(desk, arn).id


@contextmanager
def told() -> Iterator[None]:
    """What the custom models refuse, in the words that clients know."""
    try:
        yield
    except (TakenError, InUseError) as error:
        raise faults.resource_in_use(str(error)) from error
    except FullError as error:
        raise faults.limit_exceeded(str(error)) from error
    except LostError as error:
        raise faults.conflict(str(error)) from error


@contextmanager
def _found(arn: str) -> Iterator[None]:
    try:
        yield
    except MissingError as error:
        raise _missing(arn) from error


def _parts(desk: Desk, arn: str) -> tuple[str, str, str, int]:
    """Project, kind and name (empty for a project itself), and when it was made; raises Fault if it is none of ours."""
    ours = desk.arn("", "")[:-1]
    found = NAMED.fullmatch(desk.local(arn).removeprefix(ours))
    if found is None:
        raise _missing(arn)
    return found["project"], found["kind"] or "", found["name"] or "", int(found["made"])


def _missing(arn: str) -> Fault:
    return faults.resource_not_found(f"{arn} does not exist")


def _stamp(at: float) -> int:
    return round(at * 1000)
