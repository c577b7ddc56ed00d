"""DetectFaces: the faces of a picture, and what is asked of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import seeing, shapes
from edge.api.desk import Desk


def detect_faces(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Largest first, 100 at most. The networks of attributes run only where one of these is asked for."""
    asked = members.get("Attributes") or [shapes.DEFAULT]
    abilities = desk.abilities
    if abilities.faces is None:
        raise seeing.unavailable(abilities, "faces", "DetectFaces")
    image = desk.images.read(members["Image"]).image
    found = seeing.find(abilities.faces, image)
    if not shapes.wants_details(asked):
        return {"FaceDetails": [shapes.face_detail(face, view) for face, view in seeing.looked(image, found)]}
    if abilities.attributes is None:
        raise seeing.unavailable(abilities, "attributes", f"DetectFaces with Attributes {', '.join(asked)}")
    details = abilities.attributes.look(image, found)
    return {"FaceDetails": [shapes.face_detail(one.face, details=one, attributes=asked) for one in details]}
