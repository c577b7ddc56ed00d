"""Heads trained with generalised focal loss (NanoDet, PicoDet): class scores and distance bins of the best cells.

Outputs: `cells` [1,n] places among the cells of all strides joined, `scores` [1,n,classes] in 0..1 and `bins`
[1,n,4*bins] of these cells. A side's distance from the cell's centre is the expectation over its bins, in strides.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.boxes import nms
from models.decode.dense import CANDIDATES
from models.manifest import Decode
from models.outputs import Boxes, Floats


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Boxes:
    """Boxes above `floor` after class-wise suppression. `how.size` is the side of the network's square input."""
    cells, scores, bins = outputs["cells"][0], outputs["scores"][0], outputs["bins"][0]
    places = np.flatnonzero(scores >= floor)
    flat = scores.ravel()
    if len(places) > CANDIDATES:
        places = places[np.argpartition(-flat[places], CANDIDATES - 1)[:CANDIDATES]]
    rows, classes = np.divmod(places, scores.shape[1])
    centres, strides = _grid(how.size, how.strides)
    cell = cells[rows].astype(np.int64)
    # Only what is kept pays for the softmax over its bins.
    chosen = bins[rows].reshape(-1, 4, how.bins)
    weights = np.exp(chosen - chosen.max(axis=2, keepdims=True))
    distances = weights @ np.arange(how.bins, dtype=np.float32) / weights.sum(axis=2) * strides[cell, None]
    centre = centres[cell]
    corners = np.concatenate([centre - distances[:, :2], centre + distances[:, 2:]], axis=1)
    return nms(Boxes(corners, flat[places], classes), how.nms)


@cache
def _grid(size: int, strides: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Centre [N,2] in pixels and stride [N] of every cell, strides one after the other."""
    centres, widths = [], []
    for stride in strides:
        side = -(-size // stride)
        rows, columns = np.divmod(np.arange(side * side), side)
        centres.append((np.stack([columns, rows], axis=1) + 0.5) * stride)
        widths.append(np.full(side * side, stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(widths).astype(np.float32)
