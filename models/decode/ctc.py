"""Connectionist temporal classification (CTC, Graves et al. 2006): from steps along a line to its characters.

Outputs: `classes` [N,T], the likeliest class of each step, and `scores` [N,T], its probability. Class 0 is the blank
between characters; class c is label c - 1. A character may last several steps: repeats without a blank are one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.manifest import Decode
from models.outputs import Glyphs

BLANK = 0


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Glyphs:  # noqa: ARG001 all characters stay
    """Every character of every line; `floor` is left to who puts lines together."""
    classes, scores = outputs["classes"].astype(np.int64), outputs["scores"].astype(np.float32, copy=False)
    starts = classes != BLANK
    starts[:, 1:] &= classes[:, 1:] != classes[:, :-1]
    lines, first = np.nonzero(starts)
    # A run ends where the class changes; the step after the last always does.
    ends = np.ones_like(starts)
    ends[:, :-1] = classes[:, 1:] != classes[:, :-1]
    last = np.nonzero(ends & (classes != BLANK))[1]
    sums = np.concatenate([np.zeros((len(scores), 1)), np.cumsum(scores, axis=1, dtype=np.float64)], axis=1)
    means = (sums[lines, last + 1] - sums[lines, first]) / (last + 1 - first)
    places = (first + last + 1) / (2.0 * classes.shape[1])
    return Glyphs(lines, classes[lines, first] - 1, means.astype(np.float32), places.astype(np.float32))
