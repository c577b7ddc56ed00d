"""Users, to whom faces of a collection are associated, and the search for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from edge.api import faults, people, probing, seeing, shapes
from edge.api.desk import Desk
from edge.collections import DuplicateError, UserMatch
from edge.similarity import OF_USER

ACTIVE, CREATED = "ACTIVE", "CREATED"


def create_user(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    with people.told(members):
        try:
            desk.collections.create_user(members["CollectionId"], members["UserId"], _token(members))
        except DuplicateError as error:
            raise faults.conflict() from error
    return {}


def delete_user(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """The faces stay, and belong to nobody."""
    with people.told(members):
        desk.collections.delete_user(members["CollectionId"], members["UserId"], _token(members))
    return {}


def list_users(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """In the order they were made."""
    read = partial(desk.collections.page_users, members["CollectionId"])
    with people.told(members):
        found, more = people.page(desk, "ListUsers", members, read, people.MOST_USERS)
    return {"Users": [{"UserId": user.user_id, "UserStatus": _status(user.faces)} for user in found], **more}


def associate_faces(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Done when answered: a user is never UPDATING."""
    with people.told(members):
        outcome = desk.collections.associate(
            members["CollectionId"],
            members["UserId"],
            members["FaceIds"],
            members.get("UserMatchThreshold", OF_USER),
            _token(members),
        )
    return {
        "AssociatedFaces": [{"FaceId": face_id} for face_id in outcome.done],
        "UnsuccessfulFaceAssociations": [shapes.refused_face(one) for one in outcome.refused],
        "UserStatus": _status(outcome.faces),
    }


def disassociate_faces(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    with people.told(members):
        outcome = desk.collections.disassociate(
            members["CollectionId"], members["UserId"], members["FaceIds"], _token(members)
        )
    return {
        "DisassociatedFaces": [{"FaceId": face_id} for face_id in outcome.done],
        "UnsuccessfulFaceDisassociations": [shapes.refused_face(one) for one in outcome.refused],
        "UserStatus": _status(outcome.faces),
    }


def search_users(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """By a face or a user, who is not among the matches; either must be given, not both."""
    collection, face_id, user_id = members["CollectionId"], members.get("FaceId"), members.get("UserId")
    if (face_id is None) == (user_id is None):
        raise faults.invalid_parameter("Request has invalid parameters: either FaceId or UserId must be given")
    with people.told(members):
        if user_id is None:
            matches = desk.collections.search_users_by_face(collection, str(face_id), *_wanted(members))
            return {"SearchedFace": {"FaceId": face_id}, **_found(desk, matches)}
        matches = desk.collections.search_users_by_user(collection, user_id, *_wanted(members))
        return {"SearchedUser": {"UserId": user_id}, **_found(desk, matches)}


def search_users_by_image(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """With the largest face that passes the filter; the others are told of. No face at all is no error."""
    collection = members["CollectionId"]
    faces = seeing.analyzer_of(desk.abilities, "SearchUsersByImage")
    with people.told(members):
        desk.collections.check_there(collection)
    image = desk.images.read(members["Image"]).image
    probe = probing.probe(faces, image, members.get("QualityFilter", "NONE"))
    unsearched = {
        "UnsearchedFaces": [
            {"FaceDetails": shapes.face_detail(one.face, one.view), "Reasons": list(one.reasons)}
            for one in probe.others
        ]
    }
    view = probe.searched
    if view is None:
        return {**_found(desk, []), **unsearched}
    with people.told(members):
        matches = desk.collections.search_users(collection, view.vector, view.embedding.digest, *_wanted(members))
    searched = {"SearchedFace": {"FaceDetail": shapes.face_detail(view.face, view.view)}}
    return {**_found(desk, matches), **searched, **unsearched}


def _token(members: Mapping[str, Any]) -> str:
    return str(members.get("ClientRequestToken") or "")


def _status(faces: int) -> str:
    return ACTIVE if faces else CREATED


def _wanted(members: Mapping[str, Any]) -> tuple[int, float]:
    return members.get("MaxUsers", people.MOST_USERS), members.get("UserMatchThreshold", people.SIMILARITY)


def _found(desk: Desk, matches: Sequence[UserMatch]) -> dict[str, Any]:
    return {
        "UserMatches": [
            {"Similarity": match.similarity, "User": {"UserId": match.user_id, "UserStatus": ACTIVE}}
            for match in matches
        ],
        "FaceModelVersion": people.version(desk),
    }
