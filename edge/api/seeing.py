"""What operations see in a picture with the device's abilities, or why they cannot."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from edge.abilities import Abilities
from edge.api import faults, shapes
from edge.api.faults import Fault
from edge.findings import FaceDetails
from edge.quality import View
from edge.values import Face, Image
from edge.vision.faces import CHIP, FaceAnalyzer, FaceView, faces, largest_first, view_of
from models.outputs import Boxes
from models.tensors import align

FLOOR = 0.7  # score from which something is a face
# Rekognition's smallest face: 40 pixels in a picture of 1920, more in a larger one.
SMALL, WIDE = 40.0, 1920.0


def unavailable(abilities: Abilities, task: str, operation: str) -> Fault:
    """For an ability that is None; of a kind that clients do not try again by themselves."""
    reason = abilities.missing.get(task) or f"its configuration names no model for {task}"
    return faults.invalid_parameter(f"{operation} is not available on this device: {reason}")


def analyzer_of(abilities: Abilities, operation: str) -> FaceAnalyzer:
    """Raises Fault if faces cannot be looked for."""
    if abilities.faces is None:
        raise unavailable(abilities, "faces", operation)
    return abilities.faces


def details(
    abilities: Abilities, image: Image, found: Boxes, attributes: Collection[str], asked: str
) -> Sequence[FaceDetails] | None:
    """Of each face in `found`; None where no attribute takes more models. `asked` begins what a Fault says."""
    if not shapes.wants_details(attributes):
        return None
    if abilities.attributes is None:
        raise unavailable(abilities, "attributes", f"{asked} {', '.join(attributes)}")
    return abilities.attributes.look(image, found)


def find(analyzer: FaceAnalyzer, image: Image) -> Boxes:
    """The faces that Rekognition would find by their size, 100 at most, largest first, in pixels."""
    return largest_first(analyzer.find(image, FLOOR, small=True, smallest=smallest(image)))


def analyze(analyzer: FaceAnalyzer, image: Image) -> list[FaceView]:
    """The same faces with their vectors."""
    return analyzer.views(image, find(analyzer, image))


def smallest(image: Image) -> float:
    """How many pixels wide a face must be to be looked for."""
    return float(SMALL * max(max(image.shape[:2]) / WIDE, 1.0))


def looked(image: Image, found: Boxes) -> list[tuple[Face, View]]:
    """The faces as ratios, and what the quality filter measures of each."""
    if found.landmarks is None:
        return []
    chips = [align(image, points, CHIP) for points in found.landmarks]
    views = [view_of(chip, found.take(np.array([row]))) for row, chip in enumerate(chips)]
    return list(zip(faces(found, image.shape), views, strict=True))
