"""Single-shot detectors of the TensorFlow family: offsets to a fixed set of anchors, and class logits.

Outputs: box codes [1,anchors,4] (y, x, height, width) and class logits [1,anchors,classes].
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.boxes import nms
from models.decode.dense import best
from models.manifest import Decode, ModelError
from models.outputs import Boxes, Floats

SMALLEST, LARGEST = 0.2, 0.95
ASPECTS = (1.0, 2.0, 0.5, 3.0, 1 / 3)
# What the codes were multiplied with in training.
CENTRE_CODE, SIDE_CODE = 10.0, 5.0
# A code beyond this is noise of an anchor far from anything; exp must not overflow.
LARGEST_SIDE_CODE = 20.0
# Rounding may put a score that equals the floor a little below it.
MARGIN = 1e-3


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Boxes:
    """Boxes above `floor` after class-wise suppression; an anchor may carry several classes."""
    codes, logits = (array.reshape(-1, array.shape[-1]) for array in outputs.values())
    priors = anchors(how.size, how.strides)
    if not len(codes) == len(logits) == len(priors):
        raise ModelError(f"{len(codes)} box codes and {len(logits)} scores for {len(priors)} anchors: wrong strides?")
    logits = logits[:, int(how.background) :]
    # Nearly all logits lie far below the floor and need not be squashed to be left out.
    rows, classes = np.nonzero(logits >= _logit(floor) - MARGIN)
    scores = 1 / (1 + np.exp(-logits[rows, classes]))
    kept = scores >= floor
    rows, classes, scores = rows[kept], classes[kept], scores[kept]
    corners = boxes_of(codes[rows], priors[rows]) * np.float32(how.size)
    return nms(best(Boxes(corners, scores.astype(np.float32), classes)), how.nms)


def _logit(score: float) -> float:
    score = min(max(score, 1e-6), 1 - 1e-6)
    return float(np.log(score / (1 - score)))


def boxes_of(codes: Floats, priors: Floats) -> Floats:
    """Corners [N,4] x1, y1, x2, y2 from codes and anchors (y, x, height, width)."""
    centres = codes[:, :2] / CENTRE_CODE * priors[:, 2:] + priors[:, :2]
    sides = np.exp(np.minimum(codes[:, 2:], LARGEST_SIDE_CODE) / SIDE_CODE) * priors[:, 2:]
    corners: Floats = np.concatenate([(centres - sides / 2)[:, ::-1], (centres + sides / 2)[:, ::-1]], axis=1)
    return corners.astype(np.float32)


@lru_cache(maxsize=4)
def anchors(size: int, strides: tuple[int, ...]) -> Floats:
    """Centre y, x, height and width of each anchor, as ratios of the input, [N,4]."""
    scales = [*np.linspace(SMALLEST, LARGEST, len(strides)), 1.0]
    levels = []
    for level, stride in enumerate(strides):
        side = -(-size // stride)
        shapes = _shapes(scales[level], scales[level + 1], lowest=level == 0)
        steps = (np.arange(side) + 0.5) / side
        y, x, shape = np.meshgrid(steps, steps, np.arange(len(shapes)), indexing="ij")
        levels.append(np.stack([y, x, shapes[shape, 0], shapes[shape, 1]], axis=-1).reshape(-1, 4))
    found: Floats = np.concatenate(levels).astype(np.float32)
    found.flags.writeable = False
    return found


def _shapes(scale: float, following: float, *, lowest: bool) -> NDArray[np.float64]:
    """Height and width of the anchors in one cell; the finest level has only three."""
    if lowest:
        shapes = [(0.1, 1.0), (scale, 2.0), (scale, 0.5)]
    else:
        shapes = [*((scale, aspect) for aspect in ASPECTS), (float(np.sqrt(scale * following)), 1.0)]
    return np.array([(side / aspect**0.5, side * aspect**0.5) for side, aspect in shapes])
