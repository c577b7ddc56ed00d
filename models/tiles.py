"""Overlapping tiles, so that a detector of fixed input sees what is small in a large picture, and one answer from all.

Each tile is a part of the picture at one of a few scales, a factor of STEP apart: on the finest one a thing of the
least wanted size is as large as the network needs it, the coarsest is finer than the picture as a whole. Neighbours
overlap by more than the largest thing that their scale answers for, so whatever a seam cuts is whole beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from models.boxes import iou
from models.outputs import Boxes, Floats

STEP = 4.0
ROOM = 1.5  # overlap, in sizes of the largest thing that a scale answers for
DOUBLE = 0.3  # intersection over union from which two boxes are one thing, as detectors suppress them
WITHIN = 0.6  # part of the smaller box that lies in the other one from which it is a piece of it
EDGE = 2.0  # pixels of the network; a box this near to a seam is cut by it
MOST = 3000  # boxes looked at: more say nothing more, and suppression is quadratic in them


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the picture in its pixels; `scale` is the network's pixels for each of them."""

    left: int
    top: int
    width: int
    height: int
    scale: float


def plan(width: int, height: int, side: int, smallest: float, seen: float) -> list[Tile]:
    """The tiles that a picture needs beside itself as a whole; none if the whole shows enough.

    The network's input is a square of `side` pixels and finds what is `seen` of them wide; things of `smallest`
    pixels of the picture are to be found.
    """
    whole, scale = side / max(width, height), seen / smallest
    tiles: list[Tile] = []
    while scale > whole:
        length, overlap = round(side / scale), ROOM * STEP * seen / scale
        for top, high in _spans(height, length, overlap):
            tiles += [Tile(left, top, wide, high, scale) for left, wide in _spans(width, length, overlap)]
        scale /= STEP
    return tiles


def _spans(total: int, length: int, overlap: float) -> list[tuple[int, int]]:
    """Starts and lengths of evenly spread parts of `total` that overlap by at least `overlap`."""
    if total <= length:
        return [(0, total)]
    count = ceil((total - overlap) / (length - overlap))
    return [(round(start), length) for start in np.linspace(0, total - length, count)]


def place(found: Boxes, tile: Tile, width: int, height: int) -> Boxes:
    """What was found in a tile, in pixels of the whole picture, without the things that a seam cuts."""
    near = EDGE / tile.scale
    x1, y1, x2, y2 = found.xyxy.T
    cut = (x1 < near) & (tile.left > 0) | (y1 < near) & (tile.top > 0)
    cut |= (x2 > tile.width - near) & (tile.left + tile.width < width)
    cut |= (y2 > tile.height - near) & (tile.top + tile.height < height)
    whole = found.take(~cut)
    offset = np.array([tile.left, tile.top], np.float32)
    points = None if whole.landmarks is None else whole.landmarks + offset
    return Boxes(whole.xyxy + np.tile(offset, 2), whole.scores, whole.classes, points)


def join(parts: list[Boxes]) -> Boxes:
    """One answer without doubles, best first: of boxes of one thing, whole or in pieces, the best score stays."""
    points = [part.landmarks for part in parts if part.landmarks is not None]
    every = Boxes(
        np.concatenate([part.xyxy for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate(points) if len(points) == len(parts) else None,
    )
    ordered = every.take(np.argsort(-every.scores, kind="stable")[:MOST])
    alike = (iou(ordered.xyxy, ordered.xyxy) > DOUBLE) | (within(ordered.xyxy) > WITHIN)
    kept = np.ones(len(ordered), np.bool_)
    for row in range(len(ordered)):
        if kept[row]:
            kept[row + 1 :] &= ~alike[row, row + 1 :]
    return ordered.take(kept)


def within(boxes: Floats) -> Floats:
    """Intersection over the smaller area of every two of the boxes [N,4], as [N,N]."""
    sides = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    shared = np.clip(sides, 0.0, None).prod(axis=2)
    areas = np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None).prod(axis=1)
    smaller = np.minimum(areas[:, None], areas[None])
    part: Floats = np.divide(shared, smaller, out=np.zeros_like(shared), where=smaller > 0)
    return part
