"""Rectangles: overlap, suppression of doubles, and the way back from the network's input to the picture."""

from __future__ import annotations

from typing import Any

import cv2
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
    if len(boxes) < 2:
        return boxes
    # OpenCV sets classes apart by the largest coordinate: none may be negative.
    rectangles = boxes.xyxy - boxes.xyxy.min()
    rectangles[:, 2:] -= rectangles[:, :2]
    # Arrays are faster than the sequences that OpenCV's annotations ask for.
    suppress: Any = cv2.dnn.NMSBoxesBatched
    kept = suppress(rectangles, boxes.scores, boxes.classes, 0.0, threshold)
    return boxes.take(np.asarray(kept, np.int64))  # an empty tuple, where no score is above 0


def restore(boxes: Boxes, placement: Placement, width: int, height: int) -> Boxes:
    """Move boxes from the input's pixels to the picture's and clip them; those outside it are dropped.

    Landmarks are moved but not clipped: a face at the edge is aligned by where its eyes would be.
    """
    if not len(boxes):
        return boxes
    offset = np.array([placement.offset_x, placement.offset_y] * 2, np.float32)
    scale = np.array([placement.scale_x, placement.scale_y] * 2, np.float32)
    xyxy = (boxes.xyxy - offset) / scale
    np.maximum(xyxy, 0.0, out=xyxy)
    np.minimum(xyxy, np.array([width, height] * 2, np.float32), out=xyxy)
    landmarks = None if boxes.landmarks is None else (boxes.landmarks - offset[:2]) / scale[:2]
    moved = Boxes(xyxy, boxes.scores, boxes.classes, landmarks, boxes.seen)
    inside = xyxy[:, 2:] > xyxy[:, :2]
    return moved if inside.all() else moved.take(np.logical_and(inside[:, 0], inside[:, 1]))
