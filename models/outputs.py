"""What a model says, as columns of arrays, before anyone gives it a name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Boxes:
    """N detections: `xyxy` [N,4] pixels, `scores` [N] in 0..1 descending, `classes` [N] label indices.

    Face detectors also fill `landmarks` [N,5,2] pixels: right eye, left eye, nose, right and left mouth
    corner, as the subject has them (the right eye lies left in the picture). Of persons they are COCO's 17
    keypoints, [N,17,2], and `seen` [N,17] in 0..1 tells how sure each is.
    """

    xyxy: Floats
    scores: Floats
    classes: Ints
    landmarks: Floats | None = None
    seen: Floats | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, index: NDArray[np.generic]) -> Boxes:
        """The rows that a boolean mask or an index array selects."""
        points = None if self.landmarks is None else self.landmarks[index]
        seen = None if self.seen is None else self.seen[index]
        return Boxes(self.xyxy[index], self.scores[index], self.classes[index], points, seen)


@dataclass(frozen=True, slots=True)
class Scores:
    """One probability in 0..1 per label, [classes]; `features` is what they were made of, where the model tells."""

    values: Floats
    features: Floats | None = None


@dataclass(frozen=True, slots=True)
class Embedding:
    """One vector of unit length, [dimensions]."""

    vector: Floats


Result = Boxes | Scores | Embedding
