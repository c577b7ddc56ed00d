"""Tags of collections, which are all that can be tagged here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import faults, people
from edge.api.desk import Desk


def tag_resource(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    name = _collection(desk, members)
    with people.told({"CollectionId": name}):
        desk.collections.tag(name, members["Tags"])
    return {}


def untag_resource(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    name = _collection(desk, members)
    with people.told({"CollectionId": name}):
        desk.collections.untag(name, members["TagKeys"])
    return {}


def list_tags_for_resource(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    name = _collection(desk, members)
    with people.told({"CollectionId": name}):
        return {"Tags": desk.collections.tags(name)}


def _collection(desk: Desk, members: Mapping[str, Any]) -> str:
    """The name in an ARN of one of our collections, whatever its region; raises Fault for any other."""
    arn = str(members["ResourceArn"])
    local, ours = desk.local(arn), desk.arn("collection", "")
    if local.startswith(ours):
        return local.removeprefix(ours)
    if not arn.startswith("arn:"):
        raise faults.invalid_parameter(f"Request has invalid parameters: {arn} is no ARN")
    raise faults.resource_not_found(f"Resource {arn} does not exist")
