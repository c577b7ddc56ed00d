"""How bright, sharp and rich in contrast a picture is, as three numbers of 0..100.

All rest on luma (Rec. 601, as `cv2.COLOR_BGR2GRAY` weighs it), and each can be worked out with a pencil:

*Brightness* is its mean: black 0, white 100.

*Contrast* is its standard deviation (RMS contrast; Peli, "Contrast in complex images", 1990), in percent of the
largest there is: one tone 0, half black and half white 100.

*Sharpness* is how much of the picture's steps from pixel to pixel is lost in a mean over nine of them (Crete et al.,
"The blur effect", 2007), both directions taken together. An edge that takes one pixel is 100, a thin line too, and one
that takes w of at most 5 is 100 (9 - w) / 8, whatever its contrast. Steps of NOISE levels or less are rounding and
noise, and nobody's edge; a picture without any other is 0.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
Mask = NDArray[np.bool_]

REACH = 4  # pixels on either side: a mean over nine
NOISE = 2
SAMPLE = 1 << 18  # pixels whose steps are looked at, in whole lines spread over the picture


class Quality(NamedTuple):
    brightness: float
    sharpness: float
    contrast: float


def quality(luma: Luma, mask: Mask | None = None) -> Quality:
    """Of uint8 [H,W] where `mask` [H,W] is set, which must be somewhere; of all of it without a mask."""
    mean, deviation = cv2.meanStdDev(luma, mask=None if mask is None else mask.view(np.uint8))
    return Quality(float(mean.item()) / 2.55, sharpness(luma, mask), float(deviation.item()) / 1.275)


def sharpness(luma: Luma, mask: Mask | None = None) -> float:
    """A step counts where `mask` holds on both its sides."""
    every = odd(luma.size / SAMPLE)
    parts = []
    for lines, within in ((luma, mask), (luma.T, None if mask is None else mask.T)):
        some = slice(every // 2, None, every)
        held = None if within is None else np.ascontiguousarray(within[some])
        parts.append(_steps(np.ascontiguousarray(lines[some]), held))
    kept, there = (sum(part) for part in zip(*parts, strict=True))
    most = 2 * REACH  # of each nine parts: what the mean leaves of a step of one pixel is the ninth
    return min(100.0 * kept / (most * there), 100.0) if there else 0.0


def odd(ratio: float) -> int:
    """How far apart samples lie, `ratio` or a little more: stripes of two pixels must not fool them."""
    return int(np.ceil(ratio)) | 1 if ratio > 1 else 1


def _steps(lines: Luma, mask: Mask | None) -> tuple[int, int]:
    """What the mean takes from the steps along the lines [N,L], in ninths of a level, and the steps, in levels."""
    if lines.shape[1] < 2:
        return 0, 0
    padded = cv2.copyMakeBorder(lines, 0, 0, REACH, REACH, cv2.BORDER_REPLICATE)
    near = cv2.absdiff(lines[:, 1:], lines[:, :-1])
    far = cv2.absdiff(padded[:, 2 * REACH + 1 :], padded[:, : -2 * REACH - 1])  # nine times the step of the mean
    near[near <= NOISE] = 0
    if mask is not None:
        near[~(mask[:, 1:] & mask[:, :-1])] = 0
    lost = cv2.subtract(np.multiply(near, 2 * REACH + 1, dtype=np.uint16), far.astype(np.uint16))
    return int(lost.sum(dtype=np.int64)), int(near.sum(dtype=np.int64))
