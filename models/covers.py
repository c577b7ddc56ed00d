"""Covers of face and head: linear heads on what a classifier's last layer says about a crop of the head.

They lie in `covers.npz` beside the classifier's manifest, made by tools/covers; COVERS.md there is their card.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.manifest import ModelError, folder
from models.outputs import Floats

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class View:
    """A square crop of so many heights of the face, its middle raised by so many."""

    side: float
    raised: float


HEAD = View(2.2, 0.2)  # room for a helmet
FACE = View(1.4, -0.05)
MASKS = View(1.6, 0.0)  # for the mask detector, which looks for the face itself


@dataclass(frozen=True, slots=True)
class Heads:
    """`weights` [3,features] and `biases` [3]: one of the view HEAD, two of the view FACE."""

    weights: Floats
    biases: Floats

    def head(self, features: Floats) -> float:
        """The probability that something covers the head; `features` [features] are of its view."""
        return float(self._told(features)[0])

    def face(self, features: Floats) -> tuple[float, float]:
        """The probabilities that something covers the mouth and, if so, that it covers the nose too."""
        _, mouth, nose = self._told(features).tolist()
        return mouth, nose

    def _told(self, features: Floats) -> Floats:
        told: Floats = 0.5 + 0.5 * np.tanh(0.5 * (self.weights @ features + self.biases))
        return told


@cache
def load(model: str) -> Heads:
    """The heads made for a model's features; raises ModelError if there are none."""
    file = folder(model).joinpath("covers.npz")
    if not file.is_file():
        raise ModelError(
            f"model {model!r} has no covers.npz, so covers cannot be told by it: set labels = ['efficientnet-lite0']"
        )
    with file.open("rb") as stream, np.load(stream) as stored:
        return Heads(stored["weights"].astype(np.float32), stored["biases"].astype(np.float32))


def crop(image: Image, face: Floats, view: View = HEAD, kept: float = 1.0) -> Image:
    """The view of a head whose face lies at `face` [4] pixels; what is beyond the edge repeats the edge.

    `kept` is the part of each side that the network will look at: the crop is so much larger.
    """
    height = max(float(face[3] - face[1]), 1.0)
    middle = (face[:2] + face[2:]) / 2 - (0.0, view.raised * height)
    half = view.side * height / kept / 2
    left, top = np.floor(middle - half).astype(int).tolist()
    right, bottom = np.maximum(np.ceil(middle + half).astype(int), (left + 1, top + 1)).tolist()
    rows, columns = image.shape[:2]
    inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    above, below, before, after = max(-top, 0), max(bottom - rows, 0), max(-left, 0), max(right - columns, 0)
    if not inside.size:
        return image[:1, :1]  # a head that lies wholly beyond the edge
    whole = cv2.copyMakeBorder(inside, above, below, before, after, cv2.BORDER_REPLICATE)
    return whole.astype(np.uint8, copy=False)
