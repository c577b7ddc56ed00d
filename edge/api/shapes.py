"""Our values in the wire's shapes: members are called as Rekognition calls them, scores become percent.

Boxes may reach beyond the picture (a negative Left, say), as Rekognition's do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from edge.collections import IndexedFace, Refused
from edge.findings import Colour, FaceDetails, Point, Pose, Trait
from edge.quality import View
from edge.values import Box, Face

Shape = dict[str, Any]

# The five points of a `Face`, which names sides as the person has them; these, and all thirty, are the picture's:
# the eye at the picture's left is eyeLeft.
FIVE = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")


def percent(score: float) -> float:
    """Of 0..1; what rounding left outside goes back inside."""
    return min(max(100.0 * score, 0.0), 100.0)


def box(given: Box) -> Shape:
    return {"Width": given.width, "Height": given.height, "Left": given.x1, "Top": given.y1}


def points(given: Iterable[Point]) -> list[Shape]:
    return [{"X": x, "Y": y} for x, y in given]


def geometry(given: Box, polygon: Iterable[Point]) -> Shape:
    return {"BoundingBox": box(given), "Polygon": points(polygon)}


def names(given: Iterable[str]) -> list[Shape]:
    """Parents, aliases and categories: each an object of one member."""
    return [{"Name": name} for name in given]


def landmarks(face: Face, details: FaceDetails | None = None) -> list[Shape]:
    """All thirty where `details` are known, else the five of the detector."""
    if details:
        return [{"Type": one.kind, "X": one.x, "Y": one.y} for one in details.landmarks]
    return [{"Type": kind, "X": x, "Y": y} for kind, (x, y) in zip(FIVE, face.landmarks, strict=True)]


def pose(given: Pose) -> Shape:
    return {"Roll": given.roll, "Yaw": given.yaw, "Pitch": given.pitch}


def quality(brightness: float, sharpness: float) -> Shape:
    return {"Brightness": brightness, "Sharpness": sharpness}


def answer(given: Trait) -> Shape:
    return {"Value": given.value, "Confidence": percent(given.score)}


def colour(given: Colour) -> Shape:
    return {
        "Red": given.red,
        "Green": given.green,
        "Blue": given.blue,
        "HexCode": given.hex,
        "CSSColor": given.css,
        "SimplifiedColor": given.simple,
        "PixelPercent": given.percent,
    }


# What an Attribute adds to a face, and from what.
ATTRIBUTES: Mapping[str, tuple[str, Callable[[FaceDetails], Any]]] = {
    "AGE_RANGE": ("AgeRange", lambda of: {"Low": of.age[0], "High": of.age[1]}),
    "SMILE": ("Smile", lambda of: answer(of.smile)),
    "EYEGLASSES": ("Eyeglasses", lambda of: answer(of.eyeglasses)),
    "SUNGLASSES": ("Sunglasses", lambda of: answer(of.sunglasses)),
    "GENDER": ("Gender", lambda of: answer(of.gender)),
    "BEARD": ("Beard", lambda of: answer(of.beard)),
    "MUSTACHE": ("Mustache", lambda of: answer(of.mustache)),
    "EYES_OPEN": ("EyesOpen", lambda of: answer(of.eyes_open)),
    "MOUTH_OPEN": ("MouthOpen", lambda of: answer(of.mouth_open)),
    "EMOTIONS": ("Emotions", lambda of: [_emotion(one) for one in of.emotions]),
    "FACE_OCCLUDED": ("FaceOccluded", lambda of: answer(of.occluded)),
    "EYE_DIRECTION": (
        "EyeDirection",
        lambda of: {"Yaw": of.gaze.yaw, "Pitch": of.gaze.pitch, "Confidence": percent(of.gaze.score)},
    ),
}
ALL, DEFAULT = "ALL", "DEFAULT"


def wants_details(attributes: Collection[str]) -> bool:
    """Whether these take the models of `attributes`, and not only the detector."""
    return bool(set(attributes) - {DEFAULT})


def face_detail(
    face: Face, view: View | None = None, details: FaceDetails | None = None, attributes: Collection[str] = ()
) -> Shape:
    """FaceDetail: always box, landmarks, pose, quality and confidence; of the rest what `attributes` name.

    Pose and quality are the `details`' where there are any, for these know a face better than the `view` does. Thirty
    landmarks come with ALL, as they do from Rekognition; else five.
    """
    everything = ALL in attributes
    told = compared_face(face, view, details, thirty=everything)
    if details:
        told |= {name: of(details) for key, (name, of) in ATTRIBUTES.items() if everything or key in attributes}
    return told


def compared_face(
    face: Face, view: View | None = None, details: FaceDetails | None = None, *, thirty: bool = False
) -> Shape:
    """ComparedFace without emotions and smile, for which no model is asked; `thirty` landmarks are the `details`'."""
    told = {
        "BoundingBox": box(face.box),
        "Confidence": percent(face.score),
        "Landmarks": landmarks(face, details if thirty else None),
    }
    if seen := details or view:
        told |= {"Pose": pose(seen.pose), "Quality": quality(seen.brightness, seen.sharpness)}
    return told


def indexed_face(face: IndexedFace, version: str = "") -> Shape:
    """Face of a collection; `version` is the IndexFacesModelVersion. What is not given is left out."""
    told = {
        "FaceId": face.face_id,
        "BoundingBox": box(face.box),
        "ImageId": face.image_id,
        "ExternalImageId": face.external_image_id,
        "Confidence": percent(face.confidence),
        "IndexFacesModelVersion": version,
        "UserId": face.user_id,
    }
    return {name: value for name, value in told.items() if value or value == 0.0}


def refused_face(given: Refused) -> Shape:
    """UnsuccessfulFaceDeletion, …Association and …Disassociation."""
    told: Shape = {"FaceId": given.face_id, "Reasons": [given.reason]}
    if given.user_id:
        told["UserId"] = given.user_id
    if given.similarity is not None:
        told["Confidence"] = given.similarity
    return told


def _emotion(given: Trait) -> Shape:
    return {"Type": given.value, "Confidence": percent(given.score)}
