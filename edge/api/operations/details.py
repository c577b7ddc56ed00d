"""DetectFaces: the faces of a picture, and what is asked of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import seeing, shapes
from edge.api.desk import Desk


def detect_faces(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Largest first, 100 at most. The networks of attributes run only where one of these is asked for."""
    asked = members.get("Attributes") or [shapes.DEFAULT]
    analyzer = seeing.analyzer_of(desk.abilities, "DetectFaces")
    image = desk.images.read(members["Image"]).image
    found = seeing.find(analyzer, image)
    details = seeing.details(desk.abilities, image, found, asked, "DetectFaces with Attributes")
    if details is None:
        return {"FaceDetails": [shapes.face_detail(face, view) for face, view in seeing.looked(image, found)]}
    return {"FaceDetails": [shapes.face_detail(one.face, details=one, attributes=asked) for one in details]}
