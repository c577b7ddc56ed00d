"""What a network sees that looks at one face: its box with some of what is around it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.manifest import Input
from models.outputs import Floats

Pixels = NDArray[np.uint8]


def around(image: Pixels, boxes: Floats, spec: Input) -> Pixels:
    """The crops of boxes [N,4] (pixels, of some extent) from uint8 [H,W,3] as uint8 [N,height,width,3].

    A crop is `spec.around` times the box. For `stretch` it is moved, and if it must be made smaller, to lie inside the
    picture; for `square` it is as wide as high and continued beyond the picture's edge by its mirror image.
    """
    cut = _square if spec.fit == "square" else _inside
    crops = np.empty((len(boxes), spec.height, spec.width, 3), np.uint8)
    for crop, box in zip(crops, np.asarray(boxes, np.float64), strict=True):
        seen = cut(image, box, spec.around)
        larger = max(seen.shape[:2]) > max(spec.width, spec.height)
        how = cv2.INTER_LINEAR if cut is _inside else cv2.INTER_AREA if larger else cv2.INTER_LANCZOS4
        cv2.resize(seen, (spec.width, spec.height), dst=crop, interpolation=how)
    return crops


def _inside(image: Pixels, box: NDArray[np.float64], scale: float) -> Pixels:
    """As Silent-Face-Anti-Spoofing cuts its patches (src/generate_patches.py)."""
    size = np.array([image.shape[1], image.shape[0]], np.float64)
    extent = np.maximum(box[2:] - box[:2], 1.0)
    half = extent * min(scale, *(np.maximum(size - 1, 1) / extent)) / 2
    centre = (box[:2] + box[2:]) / 2
    first, last = centre - half, centre + half
    last = np.where(first < 0, last - first, last)
    first = np.maximum(first, 0)
    beyond = np.maximum(last - (size - 1), 0)
    left, top = np.maximum(first - beyond, 0).astype(int).tolist()
    right, bottom = (last - beyond).astype(int).tolist()
    return image[top : bottom + 1, left : right + 1]


def _square(image: Pixels, box: NDArray[np.float64], scale: float) -> Pixels:
    """As face-antispoof-onnx cuts its faces (src/inference/preprocess.py)."""
    height, width = image.shape[:2]
    wanted = float(max(box[2] - box[0], box[3] - box[1], 1.0)) * scale
    side = max(int(wanted), 1)
    left, top = ((box[:2] + box[2:]) / 2 - wanted / 2).astype(int).tolist()
    # At least a pixel of the picture, whatever the box says.
    kept_left, kept_top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    kept_right, kept_bottom = max(min(left + side, width), kept_left + 1), max(min(top + side, height), kept_top + 1)
    kept = image[kept_top:kept_bottom, kept_left:kept_right]
    edges = (max(-top, 0), max(top + side - height, 0), max(-left, 0), max(left + side - width, 0))
    return cv2.copyMakeBorder(kept, *edges, cv2.BORDER_REFLECT_101) if any(edges) else kept  # type: ignore[return-value]
