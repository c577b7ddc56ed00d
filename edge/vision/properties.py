"""How a picture was taken and what colours it has: all of it, what stands in it, and what lies behind."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import cv2
import numpy as np

from edge.findings import Colour, Properties, Quality, Region
from edge.values import Box, Image
from models import colours
from models.quality import Luma, Mask, odd, quality

SAMPLE = 1 << 13  # pixels whose colours are counted, in a lattice over the region


def properties(image: Image, boxes: Sequence[Box] = ()) -> Properties:
    """Of uint8 [H,W,3] BGR; the foreground is what lies in `boxes`, to the nearest pixel.

    Without a pixel in a box there is neither foreground nor background; boxes that cover everything leave no
    background.
    """
    luma: Luma = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)  # type: ignore[assignment]  # cv2 types it wider than uint8
    whole = _region(image, luma, np.ones(luma.shape, np.bool_))
    inside = _inside(boxes, luma.shape)
    foreground = _region(image, luma, inside) if inside.any() else None
    background = _region(image, luma, ~inside) if foreground and not inside.all() else None
    return Properties(whole.quality, whole.colours, foreground, background)


def _inside(boxes: Sequence[Box], shape: tuple[int, ...]) -> Mask:
    height, width = shape
    mask = np.zeros(shape, np.bool_)
    for box in boxes:
        top, bottom = max(round(box.y1 * height), 0), max(round(box.y2 * height), 0)
        left, right = max(round(box.x1 * width), 0), max(round(box.x2 * width), 0)
        mask[top:bottom, left:right] = True
    return mask


def _region(image: Image, luma: Luma, mask: Mask) -> Region:
    """Of the pixels that the mask holds, of which there is one at least."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    part = np.s_[y : y + height, x : x + width]
    image, luma, mask = image[part], luma[part], mask[part]
    every = odd(sqrt(np.count_nonzero(mask) / SAMPLE))
    lattice = np.s_[every // 2 :: every, every // 2 :: every]
    pixels = image[lattice][mask[lattice]]
    if not len(pixels):
        pixels = image[mask]  # thin boxes between the lattice's lines
    return Region(
        Quality(*quality(luma, None if mask.all() else mask)),
        tuple(_colour(found) for found in colours.dominant(pixels)),
    )


def _colour(found: colours.Colour) -> Colour:
    red, green, blue, css, simple, percent = found
    return Colour(red, green, blue, f"#{red:02x}{green:02x}{blue:02x}", css, simple, percent)
