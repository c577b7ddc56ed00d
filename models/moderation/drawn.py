"""Whether a picture is drawn or rendered rather than photographed, from the statistics of its pixels.

Drawings have areas of one colour and hard edges between them; photographs have noise and texture. Six numbers say how
much of each there is, and a logistic regression weighs them. `drawn.json` is made by tools/train-drawn.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray

from models.outputs import Floats

Image = NDArray[np.uint8]

SIDE = 256  # pixels, the longer side that the statistics are taken at
FEATURES = ("even", "nearly even", "without edges", "hard among changes", "colours", "spread of saturation")


def drawn(image: Image) -> float:
    """How likely uint8 [H,W,3] BGR `image` is drawn, 0..1."""
    mean, scale, weights, offset = _head()
    odds = float(((features(image) - mean) / scale) @ weights + offset)
    return 0.5 + 0.5 * float(np.tanh(odds / 2.0))  # the logistic function, without its overflow


def features(image: Image) -> Floats:
    """The numbers of FEATURES.

    The first three are parts of the picture, as logarithms but for the third, where a pixel's neighbourhood of 3 x 3
    spans at most 1, 5 and 15 grey levels in any channel; then the part of the rest that spans over 63, the entropy of
    its colours at 4 bits a channel in bits, and the standard deviation of saturation.
    """
    small = _shrunk(image)
    kernel = np.ones((3, 3), np.uint8)
    blue, green, red = cv2.split(cv2.subtract(cv2.dilate(small, kernel), cv2.erode(small, kernel)))
    span = cv2.max(cv2.max(blue, green), red)
    below = cv2.calcHist([span], [0], None, [256], [0, 256]).ravel().cumsum() / span.size
    even, nearly, smooth, soft = below[[1, 5, 15, 63]]
    share = cv2.calcHist([small], [0, 1, 2], None, [16, 16, 16], [0, 256] * 3).ravel() / span.size
    share = share[share > 0.0]
    spread = float(cv2.meanStdDev(cv2.cvtColor(small, cv2.COLOR_BGR2HSV))[1][1, 0]) / 255.0
    hard = (1.0 - soft) / max(1.0 - nearly, 1e-3)
    entropy = -float(share @ np.log2(share))
    numbers = (np.log(even + 0.01), np.log(nearly + 0.01), smooth, hard, entropy, spread)
    return np.array(numbers, np.float32)


def _shrunk(image: Image) -> Image:
    """At most SIDE pixels; of a large picture only some rows and columns are averaged, which is quicker."""
    step = max(max(image.shape[:2]) // (2 * SIDE), 1)
    image = image[::step, ::step]
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    if scale >= 1.0:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


@cache
def _head() -> tuple[Floats, Floats, Floats, float]:
    """Mean and scale of each feature, its weight, and the offset."""
    head = json.loads(files("models.moderation").joinpath("drawn.json").read_text("utf-8"))
    mean, scale, weights = (np.array(head[key], np.float32) for key in ("mean", "scale", "weights"))
    return mean, scale, weights, float(head["offset"])
