"""What dense detectors share: the grid of cells, and the cap on candidates."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from models.manifest import ModelError
from models.outputs import Boxes, Floats, Ints

# More boxes than this say nothing more about one picture, and suppression is quadratic in them.
CANDIDATES = 1000


def columns(cells: int, stride: int) -> int:
    """How many cells a row of this stride has; inputs are square."""
    side = math.isqrt(cells)
    if side * side != cells:
        raise ModelError(f"stride {stride} has {cells} cells, which is no square grid: is the input square?")
    return side


def centres(cells: Ints, side: int) -> Floats:
    """Column and row [N,2] of each cell, in cells."""
    rows, cols = np.divmod(cells, side)
    return np.stack([cols, rows], axis=1).astype(np.float32)


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
