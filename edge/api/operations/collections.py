"""Collections: made, described, listed and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import faults, people
from edge.api.desk import Desk
from edge.collections import DuplicateError, NoCollectionError

OK = 200


def create_collection(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """With its tags, in one commit."""
    name = members["CollectionId"]
    try:
        desk.collections.create_collection(name, members.get("Tags"))
    except DuplicateError as error:
        raise faults.collection_already_exists(name) from error
    return {
        "StatusCode": OK,
        "CollectionArn": desk.arn("collection", name),
        "FaceModelVersion": people.version(desk),
    }


def describe_collection(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    name = members["CollectionId"]
    try:
        found = desk.collections.describe_collection(name)
    except NoCollectionError as error:
        # This one operation has other words for it than all others.
        raise faults.resource_not_found(f"Collection:{name} not found!") from error
    return {
        "FaceCount": found.faces,
        "UserCount": found.users,
        "FaceModelVersion": people.version(desk),
        "CollectionARN": desk.arn("collection", name),
        "CreationTimestamp": found.created_at,
    }


def list_collections(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """In the order they were made."""
    names, more = people.page(desk, "ListCollections", members, desk.collections.page_collections, people.MOST_FACES)
    return {"CollectionIds": names, "FaceModelVersions": [people.version(desk)] * len(names), **more}


def delete_collection(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    with people.told(members):
        desk.collections.delete_collection(members["CollectionId"])
    return {"StatusCode": OK}
