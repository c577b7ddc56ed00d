"""Tags of collections, projects, versions and data sets, which are all that can be tagged here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import faults, naming, people
from edge.api.desk import Desk
from edge.custom import FullError


def tag_resource(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    name = _collection(desk, members)
    if name is None:
        try:
            desk.workshop.projects.tag(*naming.tagged(desk, members["ResourceArn"]), members["Tags"])
        except FullError as error:
            raise faults.service_quota_exceeded(str(error)) from error
        return {}
    with people.told({"CollectionId": name}):
        desk.collections.tag(name, members["Tags"])
    return {}


def untag_resource(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    name = _collection(desk, members)
    if name is None:
        desk.workshop.projects.untag(*naming.tagged(desk, members["ResourceArn"]), members["TagKeys"])
        return {}
    with people.told({"CollectionId": name}):
        desk.collections.untag(name, members["TagKeys"])
    return {}


def list_tags_for_resource(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    name = _collection(desk, members)
    if name is None:
        return {"Tags": desk.workshop.projects.tags(*naming.tagged(desk, members["ResourceArn"]))}
    with people.told({"CollectionId": name}):
        return {"Tags": desk.collections.tags(name)}


def _collection(desk: Desk, members: Mapping[str, Any]) -> str | None:
    """The name in an ARN of one of our collections, whatever its region; None for one of a project.

    Raises Fault for any other.
    """
    arn = str(members["ResourceArn"])
    local, ours = desk.local(arn), desk.arn("collection", "")
    if local.startswith(ours):
        return local.removeprefix(ours)
    if local.startswith(desk.arn("project", "")):
        return None
    if not arn.startswith("arn:"):
        raise faults.invalid_parameter(f"Request has invalid parameters: {arn} is no ARN")
    raise faults.resource_not_found(f"Resource {arn} does not exist")
