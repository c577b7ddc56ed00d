"""Detectors without anchors, as `tools/train` makes them: each cell's class scores, and how far away the sides are.

Outputs: `scores` [1,n,classes] before the logistic function and `sides` [1,n,4], the distances from the cell's centre
to the left, top, right and bottom in strides; n are the cells of all strides, joined. A graph that gives only the best
ones tells their places in `cells` [1,n].
"""

from __future__ import annotations

from math import inf, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.boxes import nms
from models.decode.dense import CANDIDATES, grid
from models.manifest import Decode, ModelError
from models.outputs import Boxes


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Boxes:
    """Boxes from `floor` after class-wise suppression. `how.size` is the side of the network's square input."""
    logits, sides = outputs["scores"][0], outputs["sides"][0]
    corners, strides = grid(how.size, how.strides)
    if "cells" not in outputs and len(logits) != len(corners):
        raise ModelError(f"{len(logits)} cells, where strides {how.strides} of {how.size} pixels make {len(corners)}")
    flat = logits.ravel()
    # Only what is kept pays for the logistic function.
    places = np.flatnonzero(flat >= _logit(floor))
    if len(places) > CANDIDATES:
        places = places[np.argpartition(-flat[places], CANDIDATES - 1)[:CANDIDATES]]
    rows, classes = np.divmod(places, logits.shape[1])
    cells = outputs["cells"][0, rows].astype(np.int64) if "cells" in outputs else rows
    half = np.float32(0.5)
    scores = half + half * np.tanh(half * flat[places])
    away = np.maximum(sides[rows], 0.0)  # what quantization rounds below the centre would turn a box inside out
    return nms(Boxes(corners[cells] + away * strides[cells], scores, classes), how.nms)


def _logit(floor: float) -> float:
    """What a score of `floor` was before the logistic function."""
    if not 0.0 < floor < 1.0:
        return -inf if floor <= 0.0 else inf
    return log(floor / (1.0 - floor))
