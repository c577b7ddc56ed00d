"""YuNet: class, objectness, box and five landmarks per cell, for each stride.

Outputs: for each stride class scores [1,n,1], then objectness [1,n,1], boxes [1,n,4] and landmarks
[1,n,10], all in strides and relative to the cell's corner; sizes are logarithms.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.boxes import nms
from models.decode.dense import best
from models.manifest import Decode, ModelError
from models.outputs import Boxes, Floats


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Boxes:
    """Faces above `floor` with landmarks, after suppression."""
    arrays = list(outputs.values())
    levels = len(how.strides)
    found = np.concatenate([_level(arrays[level::levels], stride, floor) for level, stride in enumerate(how.strides)])
    sure = found[:, :2].clip(0.0, 1.0)
    scores = np.sqrt(sure[:, 0] * sure[:, 1])
    if (scores < floor).any():
        found, scores = found[scores >= floor], scores[scores >= floor]
    corner, stride = found[:, 2:4], found[:, 4:5]
    middle, half = corner + found[:, 5:7] * stride, np.exp(found[:, 7:9]) * stride / 2
    landmarks = found[:, 9:].reshape(-1, 5, 2) * stride[:, None] + corner[:, None]
    faces = np.concatenate([middle - half, middle + half], axis=1)
    return nms(best(Boxes(faces, scores, np.zeros(len(scores), np.int64), landmarks)), how.nms)


def _level(arrays: list[NDArray[Any]], stride: int, floor: float) -> Floats:
    """Of the cells that may be faces [n,19]: class and objectness, corner and stride in pixels, box, landmarks."""
    classes, objectness, boxes, points = arrays
    product = classes.ravel() * objectness.ravel()
    corners = _corners(len(product), stride)
    # Nearly every cell is empty: only those that the limit to 0..1 can leave above the floor are looked at closely.
    cells = (product >= floor * floor).nonzero()[0]
    if not len(cells):
        return np.empty((0, 19), np.float32)
    return np.concatenate(
        [classes[0, cells], objectness[0, cells], corners[cells], boxes[0, cells], points[0, cells]], axis=1
    )


@cache
def _corners(cells: int, stride: int) -> Floats:
    """Left, top and stride in pixels of every cell, [cells,3]; inputs are square."""
    side = math.isqrt(cells)
    if side * side != cells:
        raise ModelError(f"stride {stride} has {cells} cells, which is no square grid: is the input square?")
    rows, cols = np.divmod(np.arange(cells), side)
    return (np.column_stack([cols, rows, np.ones(cells)]) * stride).astype(np.float32)
