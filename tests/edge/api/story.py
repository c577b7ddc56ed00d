"""What every client is asked to do: look at pictures, remember people, and be refused; and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest

Members = Mapping[str, Any]
Call = Callable[..., dict[str, Any]]  # an operation's name and its members; raises Refused

NAMES = ("astronaut.png", "grace_hopper.jpg", "chelsea.png")  # Eileen Collins, Grace Hopper and a cat
WORDS = "Ring twice at night"
PEOPLE = "people"  # a collection that there is
NO_FACE = "There are no faces in the image. Should be at least 1."
THROTTLED = "Slow down; sudden increase in rate of requests"


class Refused(Exception):  # noqa: N818 - as the wire has it
    """What a client raised; `typed` if that was its own exception for this code, with the server's words."""

    def __init__(self, code: str, message: str, *, typed: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.typed = typed


@dataclass(frozen=True, slots=True)
class Pictures:
    """Files as clients send them; `again` is the astronaut, mirrored and small."""

    astronaut: bytes
    again: bytes
    admiral: bytes
    cat: bytes
    sign: bytes
    wide: bytes  # more pixels than there may be
    vast: bytes  # more bytes than there may be

    @classmethod
    def of(cls, astronaut: Path, admiral: Path, cat: Path) -> Pictures:
        photo = cv2.imread(str(astronaut))
        assert photo is not None
        small = cv2.resize(photo[:, ::-1], None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
        sign = np.full((240, 640, 3), 235, np.uint8)
        cv2.putText(sign, WORDS, (60, 130), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (30, 30, 30), 3, cv2.LINE_AA)
        again, written, wide = (
            cv2.imencode(".jpg", image)[1].tobytes() for image in (small, sign, np.zeros((80, 10_001, 3), np.uint8))
        )
        first, second, third = (path.read_bytes() for path in (astronaut, admiral, cat))
        return cls(first, again, second, third, written, wide, first + bytes((5 << 20) + 1 - len(first)))


def page() -> bytes:
    """A picture with so much to read that it takes a while."""
    paper = np.full((1600, 1200, 3), 245, np.uint8)
    for row in range(20):
        at = (60, 100 + 72 * row)
        cv2.putText(paper, f"{WORDS} {WORDS} {row}", at, cv2.FONT_HERSHEY_SIMPLEX, 1.4, (30, 30, 30), 3, cv2.LINE_AA)
    return cv2.imencode(".jpg", paper)[1].tobytes()


def refused(call: Call, operation: str, **members: Any) -> Refused:
    """How a call is refused; it must be."""
    with pytest.raises(Refused) as told:
        call(operation, **members)
    return told.value


def persistently(call: Call, operation: str, **members: Any) -> Refused:
    """How a call is refused in the end: when it is asked too often, or while others ask."""
    for _ in range(20):
        try:
            call(operation, **members)
        except Refused as told:
            return told
    raise AssertionError(f"{operation} is never refused")


def look(call: Call, pictures: Pictures) -> None:
    """The operations that look at pictures."""
    _look_at_things(call, pictures)
    _look_at_faces(call, pictures)
    _look_at_people(call, pictures)


def _look_at_things(call: Call, pictures: Pictures) -> None:
    stored = {"S3Object": {"Bucket": "my-bucket", "Name": "images/photo.jpg"}}
    labels = call("DetectLabels", Image=stored, MaxLabels=10, MinConfidence=60)["Labels"]
    known = {label["Name"]: label for label in labels}
    assert known["Person"]["Instances"][0]["BoundingBox"]["Height"] > 0.8
    assert "Clothing" in [parent["Name"] for parent in known["Tie"]["Parents"]]
    assert len(labels) <= 10
    confidences = [label["Confidence"] for label in labels]
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[-1] >= 60
    assert call("DetectLabels", Image={"Bytes": pictures.admiral}, MaxLabels=10, MinConfidence=60)["Labels"] == labels

    written = call("DetectText", Image={"Bytes": pictures.sign})["TextDetections"]
    lines = [one for one in written if one["Type"] == "LINE"]
    words = [one for one in written if one["Type"] == "WORD"]
    assert [one["DetectedText"] for one in lines] == [WORDS]
    assert [one["DetectedText"] for one in words] == WORDS.split()
    assert {one["ParentId"] for one in words} == {lines[0]["Id"]}

    moderated = call("DetectModerationLabels", Image={"Bytes": pictures.cat}, MinConfidence=60)
    assert moderated["ModerationLabels"] == []
    assert moderated["ModerationModelVersion"] == "7.0"
    flags = call("DetectModerationLabels", Image={"Bytes": pictures.cat}, MinConfidence=0)["ModerationLabels"]
    (nudity,) = [flag for flag in flags if flag["Name"] == "Explicit Nudity"]
    assert (nudity["ParentName"], nudity["TaxonomyLevel"]) == ("Explicit", 2)
    assert max(flag["Confidence"] for flag in flags) < 20


def _look_at_faces(call: Call, pictures: Pictures) -> None:
    (face,) = call("DetectFaces", Image={"Bytes": pictures.astronaut}, Attributes=["ALL"])["FaceDetails"]
    box = face["BoundingBox"]
    marks = {mark["Type"]: (mark["X"], mark["Y"]) for mark in face["Landmarks"]}
    assert box["Left"] < marks["eyeLeft"][0] < marks["eyeRight"][0] < box["Left"] + box["Width"]
    assert box["Top"] < marks["nose"][1] < marks["mouthLeft"][1] < box["Top"] + box["Height"]
    assert face["Smile"]["Value"] is True
    assert face["Gender"]["Value"] == "Female"
    assert face["AgeRange"]["Low"] < 40 < face["AgeRange"]["High"] + 15
    assert face["Confidence"] > 80

    source = {"Bytes": pictures.astronaut}
    same = call("CompareFaces", SourceImage=source, TargetImage={"Bytes": pictures.again}, SimilarityThreshold=80)
    other = call("CompareFaces", SourceImage=source, TargetImage={"Bytes": pictures.admiral}, SimilarityThreshold=80)
    assert [match["Similarity"] > 90 for match in same["FaceMatches"]] == [True]
    assert same["UnmatchedFaces"] == other["FaceMatches"] == []
    assert len(other["UnmatchedFaces"]) == 1


def _look_at_people(call: Call, pictures: Pictures) -> None:
    wanted = {"MinConfidence": 80, "RequiredEquipmentTypes": ["HEAD_COVER"]}
    worn = call("DetectProtectiveEquipment", Image={"Bytes": pictures.admiral}, SummarizationAttributes=wanted)
    (admiral,) = worn["Persons"]
    parts = {part["Name"]: [item["Type"] for item in part["EquipmentDetections"]] for part in admiral["BodyParts"]}
    assert parts["HEAD"] == ["HEAD_COVER"]
    assert worn["Summary"]["PersonsWithRequiredEquipment"] == [admiral["Id"]]

    recognised = call("RecognizeCelebrities", Image={"Bytes": pictures.astronaut})
    (collins,) = recognised["CelebrityFaces"]
    assert collins["Name"] == "Eileen Collins"
    assert collins["MatchConfidence"] > 90
    assert recognised["UnrecognizedFaces"] == []
    assert call("GetCelebrityInfo", Id=collins["Id"])["Name"] == "Eileen Collins"


def remember(call: Call, pictures: Pictures) -> None:
    """The life of a collection, from its creation to its end."""
    collection = f"people-{uuid4()}"
    created = call("CreateCollection", CollectionId=collection)
    assert created["StatusCode"] == 200
    assert created["CollectionArn"].endswith(f":collection/{collection}")
    eileen, again, grace = (
        _indexed(call, collection, name, image)
        for name, image in (("eileen", pictures.astronaut), ("again", pictures.again), ("grace", pictures.admiral))
    )
    found = call("SearchFacesByImage", CollectionId=collection, Image={"Bytes": pictures.again}, FaceMatchThreshold=80)
    assert {match["Face"]["FaceId"] for match in found["FaceMatches"]} == {eileen, again}
    assert found["FaceMatches"][0]["Face"]["ExternalImageId"] == "again"
    assert found["FaceMatches"][0]["Similarity"] > 99
    found = call("SearchFaces", CollectionId=collection, FaceId=eileen, FaceMatchThreshold=80)
    assert found["SearchedFaceId"] == eileen
    assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == [again]
    _have_a_user(call, collection, pictures, [eileen, again])
    gone = call("DeleteFaces", CollectionId=collection, FaceIds=[grace, eileen])
    assert gone["DeletedFaces"] == [grace]
    (kept,) = gone["UnsuccessfulFaceDeletions"]
    assert (kept["FaceId"], kept["UserId"]) == (eileen, "collins")
    assert kept["Reasons"] == ["ASSOCIATED_TO_AN_EXISTING_USER"]
    assert call("DeleteCollection", CollectionId=collection)["StatusCode"] == 200


def _indexed(call: Call, collection: str, name: str, image: bytes) -> str:
    answer = call("IndexFaces", CollectionId=collection, Image={"Bytes": image}, ExternalImageId=name, MaxFaces=1)
    (record,) = answer["FaceRecords"]
    assert record["Face"]["ExternalImageId"] == name
    assert answer["UnindexedFaces"] == []
    face: str = record["Face"]["FaceId"]
    return face


def _have_a_user(call: Call, collection: str, pictures: Pictures, faces: list[str]) -> None:
    call("CreateUser", CollectionId=collection, UserId="collins")
    associated = call("AssociateFaces", CollectionId=collection, UserId="collins", FaceIds=faces)
    assert {face["FaceId"] for face in associated["AssociatedFaces"]} == {*faces}
    assert associated["UnsuccessfulFaceAssociations"] == []
    found = call("SearchUsersByImage", CollectionId=collection, Image={"Bytes": pictures.again}, UserMatchThreshold=80)
    (match,) = found["UserMatches"]
    assert match["User"]["UserId"] == "collins"
    assert match["Similarity"] > 90


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is refused for what it asks: with this code, and these words in the message."""

    name: str
    operation: str
    members: Callable[[Pictures], Members]
    code: str
    words: str


REFUSALS = (
    Refusal(
        "missing-collection",
        "ListFaces",
        lambda _: {"CollectionId": "nowhere"},
        "ResourceNotFoundException",
        "nowhere",
    ),
    Refusal(
        "no-face",
        "SearchFacesByImage",
        lambda pictures: {"CollectionId": PEOPLE, "Image": {"Bytes": pictures.sign}},
        "InvalidParameterException",
        NO_FACE,
    ),
    Refusal(
        "too-many-bytes",
        "DetectLabels",
        lambda pictures: {"Image": {"Bytes": pictures.vast}},
        "ValidationException",
        "Member must have length less than or equal to 5242880",
    ),
    Refusal(
        "too-many-pixels",
        "DetectLabels",
        lambda pictures: {"Image": {"Bytes": pictures.wide}},
        "ImageTooLargeException",
        "Input image dimensions 10001 x 80 exceed maximum dimension size of 10000 pixels",
    ),
    Refusal(
        "not-an-image",
        "DetectLabels",
        lambda _: {"Image": {"Bytes": b"GIF89a, so to say"}},
        "InvalidImageFormatException",
        "Request has invalid image format",
    ),
    Refusal(
        "not-in-the-bucket",
        "DetectLabels",
        lambda _: {"Image": {"S3Object": {"Bucket": "my-bucket", "Name": "images/nothing.jpg"}}},
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    ),
    Refusal(
        "bad-enum",
        "DetectFaces",
        lambda pictures: {"Image": {"Bytes": pictures.sign}, "Attributes": ["HAT"]},
        "ValidationException",
        "Member must satisfy enum value set",
    ),
    Refusal(
        "bad-token",
        "ListCollections",
        lambda _: {"NextToken": "forged"},
        "InvalidPaginationTokenException",
        "Token",
    ),
)
