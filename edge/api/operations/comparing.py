"""CompareFaces: the largest face of one picture against those of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import faults, seeing, shapes
from edge.api.desk import Desk
from edge.comparison import compare
from edge.errors import InputError
from edge.vision.faces import FaceView

THRESHOLD = 80.0


def compare_faces(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """A picture without a face that passes the quality filter has invalid parameters, as it has for Rekognition."""
    analyzer = seeing.analyzer_of(desk.abilities, "CompareFaces")
    source, target = (desk.images.read(members[name]).image for name in ("SourceImage", "TargetImage"))
    threshold, level = members.get("SimilarityThreshold", THRESHOLD), members.get("QualityFilter", "NONE")
    try:
        found = compare(seeing.analyze(analyzer, source), seeing.analyze(analyzer, target), threshold, level)
    except InputError as error:
        raise faults.invalid_parameter() from error
    face = found.source.face
    return {
        "SourceImageFace": {"BoundingBox": shapes.box(face.box), "Confidence": shapes.percent(face.score)},
        "FaceMatches": [{"Similarity": one.similarity, "Face": _face(one.view)} for one in found.matches],
        "UnmatchedFaces": [_face(one.view) for one in found.unmatched],
    }


def _face(view: FaceView) -> dict[str, Any]:
    return shapes.compared_face(view.face, view.view)
