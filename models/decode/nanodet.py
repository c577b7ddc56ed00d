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
from models.decode.dense import CANDIDATES, grid
from models.manifest import Decode
from models.outputs import Boxes, Floats

LARGEST = 60.0  # of a bin's logit, near which single precision's exponentials end; to look for the largest takes longer


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Boxes:
    """Boxes above `floor` after class-wise suppression. `how.size` is the side of the network's square input."""
    cells, scores, bins = outputs["cells"][0], outputs["scores"][0], outputs["bins"][0]
    flat = scores.ravel()
    places = np.flatnonzero(flat >= floor)
    if len(places) > CANDIDATES:
        places = places[np.argpartition(-flat[places], CANDIDATES - 1)[:CANDIDATES]]
    rows, classes = np.divmod(places, scores.shape[1])
    # Only what is kept pays for the softmax over its bins.
    weights = np.exp(bins[rows].reshape(-1, how.bins).clip(-LARGEST, LARGEST))
    mean = (weights @ _expectation(how.bins)).reshape(-1, 4, 2)
    corners, strides = grid(how.size, how.strides)
    cell = cells[rows].astype(np.int64)
    return nms(Boxes(corners[cell] + mean[..., 0] / mean[..., 1] * strides[cell], flat[places], classes), how.nms)


@cache
def _expectation(bins: int) -> Floats:
    """What sums weights [bins] to their first moment and their total, [bins,2]."""
    return np.stack([np.arange(bins), np.ones(bins)], axis=1).astype(np.float32)
