"""Differentiable binarization (DB, Liao et al. 2020): from a map of text probabilities to rotated rectangles.

Output: probabilities [1,1,H,W]. The network was taught shrunken text, so a region found is grown back by the distance
of Liao's equation, area * GROWTH / perimeter.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.manifest import Decode
from models.outputs import Floats, Quads

PIXEL = 0.3  # probability from which a pixel belongs to text
GROWTH = 1.6
LEAST = 3.0  # pixels: the shorter side of a region worth a look, before it is grown
MOST = 1000  # regions of one picture; more are texture, not text


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Quads:  # noqa: ARG001 no constants
    """Rectangles whose mean probability is at least `floor`, in the order they stand in the picture."""
    (probabilities,) = outputs.values()
    chances: Floats = np.ascontiguousarray(probabilities.reshape(probabilities.shape[-2:]), np.float32)
    mask = cv2.dilate((chances > PIXEL).astype(np.uint8), np.ones((2, 2), np.uint8))
    outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    corners, scores = [], []
    for outline in outlines[-MOST:]:  # OpenCV lists the lowest first
        centre, size, angle = cv2.minAreaRect(outline)
        if min(size) < LEAST:
            continue
        score = inside(chances, cv2.boxPoints((centre, size, angle)).astype(np.float32))
        if score >= floor:
            corners.append(cv2.boxPoints((centre, grown(*size), angle)))
            scores.append(score)
    found = np.array(corners[::-1], np.float32).reshape(-1, 4, 2)
    return Quads(upright(found), np.array(scores[::-1], np.float32))


def grown(width: float, height: float) -> tuple[float, float]:
    """The sides of a rectangle moved outwards by its area * GROWTH / perimeter."""
    reach = width * height * GROWTH / (width + height)  # both sides of half the perimeter
    return width + reach, height + reach


def inside(chances: Floats, corners: Floats) -> float:
    """The mean of a map inside the polygon `corners` [4,2], as far as it lies on the map."""
    height, width = chances.shape
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, (width - 1, height - 1))
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, (width - 1, height - 1))
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - (left, top)).astype(np.int32)], 1)
    return float(cv2.mean(chances[top : bottom + 1, left : right + 1], mask)[0])


def upright(corners: Floats) -> Floats:
    """The same rectangles [N,4,2], clockwise, from the corner whose first side points most to the right."""
    sides = np.roll(corners, -1, axis=1) - corners
    first = np.argmax(sides[..., 0] - np.abs(sides[..., 1]), axis=1)
    places = (first[:, None] + np.arange(4)) % 4
    return np.take_along_axis(corners, places[..., None], axis=1)
