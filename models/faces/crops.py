"""What the networks of a face are shown: squares around its box, lying straight in the picture or turned upright."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.outputs import Floats

Image = NDArray[np.uint8]
Transforms = NDArray[np.float64]


def straight(boxes: Floats, scale: float, size: int) -> Transforms:
    """From the picture to a square of `size` pixels, `scale` times the longer side of each box [N,4]; as [N,2,3]."""
    return _around(boxes, np.zeros(len(boxes)), scale, size)


def upright(boxes: Floats, landmarks: Floats, scale: float, size: int) -> Transforms:
    """As `straight`, turned so that the eyes are level. `landmarks` are [N,5,2] pixels."""
    across = (landmarks[:, 1] - landmarks[:, 0]).astype(np.float64)
    return _around(boxes, np.arctan2(across[:, 1], across[:, 0]), scale, size)


def _around(boxes: Floats, angles: NDArray[np.float64], scale: float, size: int) -> Transforms:
    corners = boxes.astype(np.float64)
    centre = (corners[:, :2] + corners[:, 2:]) / 2
    side = scale * np.maximum((corners[:, 2:] - corners[:, :2]).max(1), 1.0)
    cosine, sine, zoom = np.cos(angles), np.sin(angles), size / side
    turn = np.stack([np.stack([cosine, sine], 1), np.stack([-sine, cosine], 1)], 1) * zoom[:, None, None]
    shift = size / 2 - np.einsum("nij,nj->ni", turn, centre)
    return np.concatenate([turn, shift[:, :, None]], 2)


def cut(image: Image, transforms: Transforms, size: int) -> Image:
    """The squares, [N,size,size,3], black where the picture ends.

    Where a face is more than twice as large as its square, the picture is shrunk first: sampling alone would see
    every other pixel of it, which looks like noise to a network.
    """
    squares = np.empty((len(transforms), size, size, 3), np.uint8)
    for place, transform in enumerate(transforms):
        shrink = int(1 / max(float(np.hypot(*transform[:, 0])), 1e-6))
        source, matrix = (image, transform) if shrink < 2 else _shrunk(image, transform, size, shrink)
        cv2.warpAffine(source, matrix, (size, size), dst=squares[place], flags=cv2.INTER_LINEAR)
    return squares


def _shrunk(image: Image, transform: NDArray[np.float64], size: int, shrink: int) -> tuple[Image, NDArray[np.float64]]:
    """The part of the picture that a square shows, `shrink` times smaller, and the transform from there."""
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float64)
    shown = back(corners[None], transform[None])[0]
    height, width = image.shape[:2]
    first = np.clip(np.floor(shown.min(0)), 0, [width, height]).astype(int)
    last = np.clip(np.ceil(shown.max(0)), 0, [width, height]).astype(int)
    kept = (last - first) // shrink
    if kept.min() < 1:
        return image, transform
    part = image[first[1] : first[1] + kept[1] * shrink, first[0] : first[0] + kept[0] * shrink]
    small = cv2.resize(part, (int(kept[0]), int(kept[1])), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    # A pixel of the small picture is the mean of `shrink` ones, so its middle lies half a pixel less one half further.
    turn = transform[:, :2]
    shift = transform[:, 2] + turn @ (first + (shrink - 1) / 2)
    return small, np.column_stack([turn * shrink, shift])


def back(points: NDArray[np.float64], transforms: Transforms) -> NDArray[np.float64]:
    """Points [N,P,2] of the squares as points of the picture."""
    turn, shift = transforms[:, :, :2], transforms[:, :, 2]
    moved: NDArray[np.float64] = np.einsum("npj,nij->npi", points - shift[:, None], np.linalg.inv(turn))
    return moved
