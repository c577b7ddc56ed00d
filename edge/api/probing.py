"""The face of a picture that a collection is searched with: the largest that passes the quality filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edge.api import seeing
from edge.quality import Level, View, reasons
from edge.values import Face, Image
from edge.vision.faces import FaceAnalyzer, FaceView

NOT_LARGEST = "FACE_NOT_LARGEST"


class Unsearched(NamedTuple):
    """A face that is not searched with, and why."""

    face: Face
    view: View
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """`searched` is None where no face passes; `others` are in the order of their size."""

    searched: FaceView | None
    others: tuple[Unsearched, ...]


def probe(faces: FaceAnalyzer, image: Image, level: Level) -> Probe:
    """Only the face that is searched with is embedded."""
    found = seeing.find(faces, image)
    judged = [Unsearched(face, view, reasons(view, level)) for face, view in seeing.looked(image, found)]
    row = next((row for row, one in enumerate(judged) if not one.reasons), None)
    others = tuple(one._replace(reasons=one.reasons or (NOT_LARGEST,)) for at, one in enumerate(judged) if at != row)
    return Probe(None if row is None else faces.views(image, found.take(np.array([row])))[0], others)
