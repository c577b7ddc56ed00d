"""People enrolled and found again with the real models: what the other tests ask of patterns, asked of photos."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge import pictures
from edge.api.desk import Desk
from edge.api.operations.faces import delete_faces, index_faces, search_faces, search_faces_by_image
from edge.api.operations.users import associate_faces, create_user, search_users_by_image
from edge.collections import Collections
from edge.database import connect
from tests.edge.api.crowds import Counter, Crowd, face_ids

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("pulled")]

PEOPLE = {"CollectionId": "people"}


@pytest.fixture
def at(real: Desk, tmp_path: Path) -> Iterator[Counter]:
    people = Collections(connect(tmp_path))
    people.create_collection("people")
    yield Counter(replace(real, collections=people), Crowd(), people)
    people.close()


def mirrored(path: Path) -> dict[str, bytes]:
    """Another picture of the same people."""
    return {"Bytes": cv2.imencode(".jpg", pictures.read(path)[:, ::-1])[1].tobytes()}


def index(at: Counter, path: Path, **members: Any) -> dict[str, Any]:
    return at.ask(index_faces, "IndexFaces", **PEOPLE, Image={"Bytes": path.read_bytes()}, **members)


def test_who_is_enrolled_is_found_and_others_are_not(at: Counter, photos: Callable[..., list[Path]]) -> None:
    astronaut, admiral, group = photos("astronaut.png", "grace_hopper.jpg", "sample1.jpg")
    told = index(at, astronaut, ExternalImageId="eileen", DetectionAttributes=["ALL"])
    (eileen,) = face_ids(told["FaceRecords"])
    assert told["FaceRecords"][0]["FaceDetail"]["Gender"]["Value"] == "Female"
    index(at, admiral, ExternalImageId="grace")
    crowd = index(at, group)
    assert len(crowd["FaceRecords"]) >= 3
    assert crowd["FaceModelVersion"] == "1.0"

    probe = PEOPLE | {"Image": mirrored(astronaut)}
    told = at.ask(search_faces_by_image, "SearchFacesByImage", **probe)
    assert [match["Face"]["ExternalImageId"] for match in told["FaceMatches"]] == ["eileen"]
    assert at.ask(search_faces, "SearchFaces", **PEOPLE, FaceId=eileen)["FaceMatches"] == []

    at.ask(create_user, "CreateUser", **PEOPLE, UserId="eileen")
    at.ask(associate_faces, "AssociateFaces", **PEOPLE, UserId="eileen", FaceIds=[eileen])
    (stranger,) = face_ids(crowd["FaceRecords"])[:1]
    told = at.ask(associate_faces, "AssociateFaces", **PEOPLE, UserId="eileen", FaceIds=[stranger])
    assert told["UnsuccessfulFaceAssociations"][0]["Reasons"] == ["LOW_MATCH_CONFIDENCE"]
    told = at.ask(search_users_by_image, "SearchUsersByImage", **probe)
    assert [match["User"]["UserId"] for match in told["UserMatches"]] == ["eileen"]
    told = at.ask(delete_faces, "DeleteFaces", **PEOPLE, FaceIds=[eileen, stranger])
    assert told["DeletedFaces"] == [stranger]


def test_of_a_group_the_largest_are_indexed_and_of_a_cat_nobody(at: Counter, photos: Callable[..., list[Path]]) -> None:
    group, cat = photos("sample1.jpg", "chelsea.png")
    told = index(at, group, MaxFaces=2, QualityFilter="NONE")
    assert len(told["FaceRecords"]) == 2
    assert {reason for one in told["UnindexedFaces"] for reason in one["Reasons"]} == {"EXCEEDS_MAX_FACES"}
    assert index(at, cat)["FaceRecords"] == []
    asked = PEOPLE | {"Image": {"Bytes": cat.read_bytes()}}
    assert at.refused(search_faces_by_image, "SearchFacesByImage", **asked) == (
        "InvalidParameterException",
        "There are no faces in the image. Should be at least 1.",
    )
    assert at.ask(search_users_by_image, "SearchUsersByImage", **asked)["UserMatches"] == []
