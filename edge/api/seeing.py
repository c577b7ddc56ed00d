"""What operations see in a picture with the device's abilities, or why they cannot."""

from __future__ import annotations

import numpy as np

from edge.abilities import Abilities
from edge.api import faults
from edge.api.faults import Fault
from edge.quality import View
from edge.values import Face, Image
from edge.vision.faces import CHIP, FaceAnalyzer, FaceView, faces, view_of
from models.outputs import Boxes
from models.tensors import align

FLOOR = 0.7  # score from which something is a face
# Rekognition's smallest face: 40 pixels in a picture of 1920, more in a larger one.
SMALL, WIDE = 40.0, 1920.0


def unavailable(abilities: Abilities, task: str, operation: str) -> Fault:
    """For an ability that is None; of a kind that clients do not try again by themselves."""
    reason = abilities.missing.get(task) or f"its configuration names no model for {task}"
    return faults.invalid_parameter(f"{operation} is not available on this device: {reason}")


def find(analyzer: FaceAnalyzer, image: Image) -> Boxes:
    """The faces that Rekognition would find by their size, 100 at most, largest first, in pixels."""
    found = analyzer.find(image, FLOOR, small=True, smallest=smallest(image))
    sides = found.xyxy[:, 2:] - found.xyxy[:, :2]
    return found.take(np.argsort(-sides.prod(axis=1), kind="stable"))


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
