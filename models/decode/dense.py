"""What dense detectors share: the grid of cells, and the cap on candidates."""

from __future__ import annotations

from functools import cache

import numpy as np

from models.outputs import Boxes, Floats

# More boxes than this say nothing more about one picture, and suppression is quadratic in them.
CANDIDATES = 1000


def best(boxes: Boxes, limit: int = CANDIDATES) -> Boxes:
    """The `limit` boxes of highest score, in no order."""
    if len(boxes) <= limit:
        return boxes
    return boxes.take(np.argpartition(-boxes.scores, limit - 1)[:limit])


@cache
def grid(size: int, strides: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Centre (x, y, x, y) in pixels and stride (-, -, +, +) of every cell, strides one after the other: [N,4] each."""
    centres, widths = [], []
    for stride in strides:
        side = -(-size // stride)
        rows, columns = np.divmod(np.arange(side * side), side)
        centres.append((np.stack([columns, rows] * 2, axis=1) + 0.5) * stride)
        widths.append(np.tile(stride * np.array([-1, -1, 1, 1]), (side * side, 1)))
    return np.concatenate(centres).astype(np.float32), np.concatenate(widths).astype(np.float32)
