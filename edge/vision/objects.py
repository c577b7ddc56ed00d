"""Objects: a detector's columns of pixels as labelled boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.values import Box, Detection
from models.outputs import Boxes


def allowed(labels: Sequence[str], wanted: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which classes a camera asks for, [classes], in any case of letters; nothing wanted means all."""
    names = {name.lower() for name in wanted}
    return np.array([not names or label.lower() in names for label in labels], bool)


def detections(found: Boxes, labels: Sequence[str], shape: Sequence[int]) -> list[Detection]:
    """Pixels to ratios of a picture whose shape begins with height, width; best first."""
    size = np.array([shape[1], shape[0]] * 2, np.float32)
    rows = zip(found.classes.tolist(), found.scores.tolist(), (found.xyxy / size).tolist(), strict=True)
    return [Detection(labels[kind], score, Box(*box)) for kind, score, box in rows]
