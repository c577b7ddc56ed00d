"""The faces of collections: indexed, listed, deleted, and searched for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from edge.api import faults, people, probing, seeing, shapes
from edge.api.desk import Desk
from edge.collections import NewFace, picture_id
from edge.findings import FaceDetails
from edge.values import Match
from edge.vision.faces import MOST, limited, sift


def index_faces(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Durable when answered. A picture without faces is no error: then none is indexed."""
    collection = members["CollectionId"]
    faces = seeing.analyzer_of(desk.abilities, "IndexFaces")
    attributes = members.get("DetectionAttributes") or [shapes.DEFAULT]
    with people.told(members):
        desk.collections.check_there(collection)
    picture = desk.images.read(members["Image"])
    found = seeing.find(faces, picture.image)
    views = faces.views(picture.image, found)
    passing, dropped = sift(views, members.get("QualityFilter", "AUTO"))
    kept, beyond = limited(passing, members.get("MaxFaces", MOST))
    details = seeing.details(desk.abilities, picture.image, found, attributes, "IndexFaces with DetectionAttributes")
    known: Sequence[FaceDetails | None] = [None] * len(views) if details is None else details
    shown = {
        id(view): shapes.face_detail(view.face, view.view, detail, attributes)
        for view, detail in zip(views, known, strict=True)
    }
    why = {id(view): reasons for view, reasons in (*dropped, *beyond)}
    with people.told(members):
        indexed = desk.collections.add_faces(
            collection,
            [NewFace(view.vector, view.face.box, view.face.score, view.quality) for view in kept],
            kept[0].embedding.digest if kept else "",
            image_id=picture_id(picture.data),
            external_image_id=members.get("ExternalImageId", ""),
        )
    version = people.version(desk)
    return {
        "FaceRecords": [
            {"Face": shapes.indexed_face(face, version), "FaceDetail": shown[id(view)]}
            for face, view in zip(indexed, kept, strict=True)
        ],
        "FaceModelVersion": version,
        "UnindexedFaces": [
            {"Reasons": list(why[id(view)]), "FaceDetail": shown[id(view)]} for view in views if id(view) in why
        ],
    }


def list_faces(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """In the order they were indexed."""
    read = partial(
        desk.collections.page_faces,
        members["CollectionId"],
        face_ids=members.get("FaceIds") or (),
        user_id=members.get("UserId", ""),
    )
    with people.told(members):
        found, more = people.page(desk, "ListFaces", members, read, people.MOST_FACES)
    version = people.version(desk)
    return {"Faces": [shapes.indexed_face(face, version) for face in found], "FaceModelVersion": version, **more}


def delete_faces(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """A user's faces stay: they are to be disassociated first."""
    with people.told(members):
        outcome = desk.collections.delete_faces(members["CollectionId"], members["FaceIds"], of_users=False)
    return {
        "DeletedFaces": list(outcome.done),
        "UnsuccessfulFaceDeletions": [shapes.refused_face(one) for one in outcome.refused],
    }


def search_faces(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """The searched face is not among its matches."""
    face_id = members["FaceId"]
    with people.told(members):
        matches = desk.collections.search_by_face(members["CollectionId"], face_id, *_wanted(members))
        return {"SearchedFaceId": face_id, **_found(desk, members["CollectionId"], matches)}


def search_faces_by_image(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """With the largest face that passes the filter, which is NONE unless another is asked for."""
    collection = members["CollectionId"]
    faces = seeing.analyzer_of(desk.abilities, "SearchFacesByImage")
    with people.told(members):
        desk.collections.check_there(collection)
    image = desk.images.read(members["Image"]).image
    view = probing.probe(faces, image, members.get("QualityFilter", "NONE")).searched
    if view is None:
        raise faults.no_faces()
    with people.told(members):
        matches = desk.collections.search(collection, view.vector, view.embedding.digest, *_wanted(members))
        return {
            "SearchedFaceBoundingBox": shapes.box(view.face.box),
            "SearchedFaceConfidence": shapes.percent(view.face.score),
            **_found(desk, collection, matches),
        }


def _wanted(members: Mapping[str, Any]) -> tuple[int, float]:
    return members.get("MaxFaces", people.MOST_FACES), members.get("FaceMatchThreshold", people.SIMILARITY)


def _found(desk: Desk, collection: str, matches: Sequence[Match]) -> dict[str, Any]:
    """A face that was deleted meanwhile is left out."""
    version = people.version(desk)
    faces = desk.collections.describe_faces(collection, [match.face_id for match in matches])
    return {
        "FaceMatches": [
            {"Similarity": match.similarity, "Face": shapes.indexed_face(faces[match.face_id], version)}
            for match in matches
            if match.face_id in faces
        ],
        "FaceModelVersion": version,
    }
