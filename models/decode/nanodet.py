"""Heads trained with generalised focal loss (NanoDet, PicoDet): class scores and distance bins per stride.

Outputs: for each stride scores [1,n,classes] in 0..1, then for each stride [1,n,4*bins]. A side's
distance from the cell's centre is the expectation over its bins, in strides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.boxes import nms
from models.decode.dense import CANDIDATES, best, centres, columns
from models.manifest import Decode
from models.outputs import Boxes, Floats


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Boxes:
    """Boxes above `floor` after class-wise suppression."""
    arrays = list(outputs.values())
    levels = len(how.strides)
    found = [
        _level(scores.reshape(-1, scores.shape[-1]), bins.reshape(-1, 4 * how.bins), how, stride, floor)
        for scores, bins, stride in zip(arrays[:levels], arrays[levels:], how.strides, strict=True)
    ]
    merged = Boxes(
        np.concatenate([level.xyxy for level in found]),
        np.concatenate([level.scores for level in found]),
        np.concatenate([level.classes for level in found]),
    )
    return nms(best(merged), how.nms)


def _level(scores: Floats, bins: Floats, how: Decode, stride: int, floor: float) -> Boxes:
    flat = scores.ravel()
    places = np.flatnonzero(flat >= floor)
    if len(places) > CANDIDATES:
        places = places[np.argpartition(-flat[places], CANDIDATES - 1)[:CANDIDATES]]
    cells, classes = np.divmod(places, scores.shape[1])
    # Only the cells that are kept pay for the softmax over their bins.
    chosen = bins[cells].reshape(-1, 4, how.bins)
    weights = np.exp(chosen - chosen.max(axis=2, keepdims=True))
    distances = weights @ np.arange(how.bins, dtype=np.float32) / weights.sum(axis=2)
    centre = centres(cells, columns(len(scores), stride)) + np.float32(0.5)
    corners = np.concatenate([centre - distances[:, :2], centre + distances[:, 2:]], axis=1)
    return Boxes(corners * np.float32(stride), flat[places], classes)
