"""Rectangles: overlap, suppression of doubles, and the way back from the network's input to the picture."""

from __future__ import annotations

import numpy as np

from models.outputs import Boxes, Floats
from models.tensors import Placement


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every box of `a` [N,4] with every box of `b` [M,4], as [N,M]."""
    # A column at a time: numpy is several times slower along a last axis of two.
    width = np.minimum(a[:, 2, None], b[:, 2]) - np.maximum(a[:, 0, None], b[:, 0])
    height = np.minimum(a[:, 3, None], b[:, 3]) - np.maximum(a[:, 1, None], b[:, 1])
    shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    union = _areas(a)[:, None] + _areas(b)[None] - shared
    ratio: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratio


def _areas(boxes: Floats) -> Floats:
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None)
    area: Floats = sides[:, 0] * sides[:, 1]
    return area


def nms(boxes: Boxes, threshold: float) -> Boxes:
    """Keep, within each class, the best box of every group overlapping by more than `threshold`; best first."""
    boxes = boxes.take(np.argsort(-boxes.scores, kind="stable"))
    # All overlaps at once: a numpy call for each kept box would cost more than the network's own post-processing.
    double = (iou(boxes.xyxy, boxes.xyxy) > threshold) & (boxes.classes[:, None] == boxes.classes)
    alive = np.ones(len(boxes), bool)
    for row in np.flatnonzero(np.triu(double, 1).any(axis=1)).tolist():
        if alive[row]:
            alive[row + 1 :] &= ~double[row, row + 1 :]
    return boxes.take(alive)


def restore(boxes: Boxes, placement: Placement, width: int, height: int) -> Boxes:
    """Move boxes from the input's pixels to the picture's and clip them; those outside it are dropped.

    Landmarks are moved but not clipped: a face at the edge is aligned by where its eyes would be.
    """
    offset = np.array([placement.offset_x, placement.offset_y], np.float32)
    scale = np.array([placement.scale_x, placement.scale_y], np.float32)
    corners = (boxes.xyxy.reshape(-1, 2, 2) - offset) / scale
    xyxy = np.clip(corners, 0, np.array([width, height], np.float32)).reshape(-1, 4)
    landmarks = None if boxes.landmarks is None else (boxes.landmarks - offset) / scale
    inside = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    return Boxes(xyxy, boxes.scores, boxes.classes, landmarks).take(inside)
