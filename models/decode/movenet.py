"""MoveNet MultiPose: at most six persons, each with 17 keypoints of COCO's order and a box.

Output: [1,6,56], per person 17 times (y, x, score), then top, left, bottom, right and the person's score, all places as
ratios of the input. `how.size` is the side of that square input in pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.boxes import nms
from models.manifest import Decode
from models.outputs import Boxes, Floats

POINTS = 17
# Two poses of which most is the same are one person: the network itself leaves such pairs.
SAME = 0.7


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Boxes:
    """Persons above `floor`, best first, with `landmarks` [N,17,2] and how sure each is, `seen` [N,17] in 0..1."""
    (rows,) = outputs.values()
    persons: Floats = rows.reshape(-1, POINTS * 3 + 5).astype(np.float32, copy=False)
    persons = persons[persons[:, -1] >= floor]
    persons = persons[np.argsort(-persons[:, -1], kind="stable")]
    points = persons[:, : POINTS * 3].reshape(-1, POINTS, 3)
    boxes = persons[:, [-4, -5, -2, -3]] * np.float32(how.size)
    scores = np.clip(persons[:, -1], 0.0, 1.0)
    classes = np.zeros(len(persons), np.int64)
    places = points[..., 1::-1] * np.float32(how.size)
    return nms(Boxes(boxes, scores, classes, places, np.clip(points[..., 2], 0.0, 1.0)), SAME)
