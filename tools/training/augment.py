"""Views of labelled pictures that no two steps of the training share: crops, scales, flips, mosaics and other light.

Everything random comes out of the generator that is handed in, so the same seed gives the same views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from training.images import Random, lit

from edge.values import Image

Floats = NDArray[np.float32]

# Of the networks' letterboxes, so that a margin is nothing new to them.
PAD = 114
# How large a picture is shown: 1 just fits in. Of a mosaic's tiles more is cut away.
ALONE, TILED = (0.6, 1.5), (0.8, 1.6)
# A box of which less than this part (by area) is left, or that is thinner than this many pixels, is no example.
KEPT, THIN = 0.4, 6.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A BGR picture with boxes [N,4] (left, top, right, bottom in pixels) and the number of each box's label [N]."""

    image: Image
    boxes: Floats
    classes: NDArray[np.int64]


def alone(picture: Picture, size: int, random: Random) -> Picture:
    """A square view of one picture."""
    return _lit(_window(picture, (size, size), ALONE, random), random)


def mosaic(four: Sequence[Picture], size: int, random: Random) -> Picture:
    """A square of four pictures around a point near its middle."""
    x, y = (int(size * part) for part in random.uniform(0.3, 0.7, 2))
    places = [(0, 0, x, y), (x, 0, size, y), (0, y, x, size), (x, y, size, size)]
    canvas = np.empty((size, size, 3), np.uint8)
    boxes, classes = [], []
    for picture, (left, top, right, bottom) in zip(four, places, strict=True):
        tile = _window(picture, (right - left, bottom - top), TILED, random)
        canvas[top:bottom, left:right] = tile.image
        boxes.append(tile.boxes + np.array([left, top, left, top], np.float32))
        classes.append(tile.classes)
    return _lit(Picture(canvas, np.concatenate(boxes), np.concatenate(classes)), random)


def _lit(picture: Picture, random: Random) -> Picture:
    return Picture(lit(picture.image, random), picture.boxes, picture.classes)


def _window(picture: Picture, shape: tuple[int, int], scales: tuple[float, float], random: Random) -> Picture:
    """The picture, perhaps turned left to right, behind a window of width x height; where it ends there is grey."""
    width, height = shape
    high, wide = picture.image.shape[:2]
    scale = min(width / wide, height / high) * float(np.exp(random.uniform(*np.log(scales))))
    stretch = float(np.exp(random.uniform(-0.2, 0.2)))
    x, y = scale * stretch, scale / stretch
    left, top = (float(random.uniform(*sorted((0.0, room)))) for room in (width - wide * x, height - high * y))
    if random.random() < 0.5:
        x, left = -x, left + wide * x
    boxes = picture.boxes * np.array([x, y, x, y]) + np.array([left, top, left, top])
    if x < 0:
        boxes = boxes[:, [2, 1, 0, 3]]
    moved = np.array([[x, 0.0, left], [0.0, y, top]])
    return _seen(Picture(_warped(picture.image, moved, shape), boxes.astype(np.float32), picture.classes))


def _warped(image: Image, moved: NDArray[np.float64], shape: tuple[int, int]) -> Image:
    """As `moved` [2,3] says, without the patterns that appear where a picture is shrunk by leaving pixels out."""
    while max(abs(moved[0, 0]), abs(moved[1, 1])) <= 0.5 and min(image.shape[:2]) > 1:
        high, wide = image.shape[0] // 2, image.shape[1] // 2
        moved = moved * np.array([image.shape[1] / wide, image.shape[0] / high, 1.0])
        image = np.asarray(cv2.resize(image, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.warpAffine(image, moved, shape, borderValue=(PAD, PAD, PAD)), np.uint8)


def _seen(picture: Picture) -> Picture:
    """Cut the boxes at the edge and leave out those of which too little is left."""
    height, width = picture.image.shape[:2]
    cut = picture.boxes.clip(0, np.array([width, height, width, height], np.float32))
    sides, whole = cut[:, 2:] - cut[:, :2], picture.boxes[:, 2:] - picture.boxes[:, :2]
    kept = (sides.min(1) >= THIN) & (sides.prod(1) >= KEPT * whole.prod(1))
    return Picture(picture.image, cut[kept], picture.classes[kept])
