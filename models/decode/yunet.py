"""YuNet: class, objectness, box and five landmarks per cell, for each stride.

Outputs: for each stride class scores [1,n,1], then objectness [1,n,1], boxes [1,n,4] and landmarks
[1,n,10], all in strides and relative to the cell's corner; sizes are logarithms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.boxes import nms
from models.decode.dense import best, centres, columns
from models.manifest import Decode
from models.outputs import Boxes


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Boxes:
    """Faces above `floor` with landmarks, after suppression."""
    arrays = list(outputs.values())
    levels = len(how.strides)
    found = [_level(arrays[level::levels], stride, floor) for level, stride in enumerate(how.strides)]
    merged = Boxes(
        np.concatenate([faces for faces, _, _ in found]),
        np.concatenate([scores for _, scores, _ in found]),
        np.zeros(sum(len(scores) for _, scores, _ in found), np.int64),
        np.concatenate([points for _, _, points in found]),
    )
    return nms(best(merged), how.nms)


def _level(
    arrays: list[NDArray[Any]], stride: int, floor: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    classes, objectness, boxes, points = arrays
    product = classes.ravel() * objectness.ravel()
    # Nearly every cell is empty: only those that the limit to 0..1 can leave above the floor are looked at closely.
    cells = np.flatnonzero(product >= floor * floor)
    scores = np.sqrt(np.clip(classes.ravel()[cells], 0, 1) * np.clip(objectness.ravel()[cells], 0, 1))
    sure = scores >= floor
    cells, scores = cells[sure], scores[sure]
    corner = centres(cells, columns(len(product), stride))
    box = boxes.reshape(-1, 4)[cells]
    middle, half = corner + box[:, :2], np.exp(box[:, 2:]) / 2
    faces = np.concatenate([middle - half, middle + half], axis=1) * np.float32(stride)
    landmarks = (points.reshape(-1, 5, 2)[cells] + corner[:, None]) * np.float32(stride)
    return faces, scores, landmarks
