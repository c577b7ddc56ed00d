"""The labelled pictures of a detector's training, as large as it ever shows them, and chance's hand in the shelf."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from training import augment
from training.augment import Picture
from training.datasets import Sample
from training.images import Random

from edge import pictures
from edge.values import Image

# Half a megabyte each. Of more pictures than this, JPEGs are kept, a tenth of that.
PLAIN = 2000
QUALITY = 95


class Shelf:
    """All pictures, decoded once."""

    def __init__(
        self, samples: Sequence[Sample], labels: Sequence[str], size: int, progress: Callable[[float], None]
    ) -> None:
        self.size = size
        self._images: list[Image] = []
        self._boxes: list[tuple[NDArray[np.float32], NDArray[np.int64]]] = []
        number = {label: place for place, label in enumerate(labels)}
        for sample in samples:
            image = shrunk(pictures.read(sample.path), round(size * augment.ALONE[1]))
            ratios = [(mark.x1, mark.y1, mark.x2, mark.y2) for mark in sample.marks]
            corners = np.array(ratios, np.float32).reshape(-1, 4) * np.array([*image.shape[1::-1]] * 2, np.float32)
            self._boxes.append((corners, np.array([number[mark.label] for mark in sample.marks], np.int64)))
            self._images.append(image if len(samples) <= PLAIN else encoded(image))
            progress(len(self._images) / len(samples))

    def picture(self, row: int) -> Picture:
        image = self._images[row]
        if image.ndim == 1:
            image = np.asarray(cv2.imdecode(image, cv2.IMREAD_COLOR), np.uint8)
        return Picture(image, *self._boxes[row])

    def view(self, rows: Sequence[int], chances: NDArray[np.float64], tiled: float, random: Random) -> Picture:
        """A view of one of those rows, or (as often as `tiled`, 0..1, says) a mosaic of four."""
        mosaic = random.random() < tiled
        chosen = [self.picture(int(row)) for row in random.choice(rows, 4 if mosaic else 1, p=chances)]
        return augment.mosaic(chosen, self.size, random) if mosaic else augment.alone(chosen[0], self.size, random)


def shrunk(image: Image, longest: int) -> Image:
    """At most so many pixels long."""
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.shape[1::-1])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def encoded(image: Image) -> Image:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return np.asarray(data, np.uint8).ravel()


def chances(samples: Sequence[Sample]) -> NDArray[np.float64]:
    """How often each picture is shown: those with rare labels more often, by the root of how rare they are."""
    borne = [{mark.label for mark in sample.marks} for sample in samples]
    often = Counter(label for labels in borne for label in labels)
    most = max(often.values(), default=1)
    weights = np.array([max((often[label] / most) ** -0.5 for label in labels) if labels else 1.0 for labels in borne])
    return np.asarray(weights / weights.sum())
