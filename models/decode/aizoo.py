"""AIZOO's single-shot face detector: offsets to anchors of two sizes and two more shapes, and class scores.

Outputs: offsets [1,anchors,4] (x, y, width, height) and class scores [1,anchors,classes] in 0..1.
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

# The two anchor sides of each level, as ratios of the input; the smaller one also comes in two upright shapes.
SIDES = ((0.04, 0.056), (0.08, 0.11), (0.16, 0.22), (0.32, 0.45), (0.64, 0.72))
ASPECTS = (0.62, 0.42)
# What the offsets were divided by in training.
CENTRE, SIDE = 0.1, 0.2
# An offset beyond this is noise of an anchor far from any face; exp must not overflow.
LARGEST_OFFSET = 4.0 / SIDE


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Boxes:
    """Faces above `floor`, each of its better class, after class-wise suppression."""
    offsets, scores = (array.reshape(-1, array.shape[-1]) for array in outputs.values())
    priors = anchors(how.size, how.strides)
    if not len(offsets) == len(scores) == len(priors):
        raise ModelError(f"{len(offsets)} offsets and {len(scores)} scores for {len(priors)} anchors: wrong strides?")
    rows = np.flatnonzero(scores.max(axis=1) >= floor)
    prior, offset = priors[rows], offsets[rows]
    centres = prior[:, :2] + offset[:, :2] * CENTRE * prior[:, 2:]
    half = np.exp(np.minimum(offset[:, 2:], LARGEST_OFFSET) * SIDE) * prior[:, 2:] / 2
    corners = (np.concatenate([centres - half, centres + half], axis=1) * how.size).astype(np.float32)
    faces = Boxes(corners, scores[rows].max(axis=1), scores[rows].argmax(axis=1))
    return nms(best(faces), how.nms)


@lru_cache(maxsize=4)
def anchors(size: int, strides: tuple[int, ...]) -> Floats:
    """Centre x, y, width and height of each anchor as ratios of the input, [N,4]: row by row, level by level."""
    levels = []
    for (small, large), stride in zip(SIDES, strides, strict=True):
        side = -(-size // stride)
        shapes = np.array([(small, small), (large, large), *((small * a**0.5, small / a**0.5) for a in ASPECTS)])
        steps = (np.arange(side) + 0.5) / side
        y, x, shape = np.meshgrid(steps, steps, np.arange(len(shapes)), indexing="ij")
        levels.append(np.stack([x, y, shapes[shape, 0], shapes[shape, 1]], axis=-1).reshape(-1, 4))
    found: Floats = np.concatenate(levels).astype(np.float32)
    found.flags.writeable = False
    return found
