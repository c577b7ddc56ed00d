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


@dataclass(frozen=True, slots=True)
class Quads:
    """N regions of text: `corners` [N,4,2] pixels of the network's input, clockwise from the upper left; `scores`."""

    corners: Floats
    scores: Floats


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a batch of lines, as they stand: M of them in all.

    `lines` [M] is the row of the batch, `classes` [M] label indices, `scores` [M] 0..1, `places` [M] where the middle
    of a character lies along the network's input, 0..1.
    """

    lines: Ints
    classes: Ints
    scores: Floats
    places: Floats


@dataclass(frozen=True, slots=True)
class Turns:
    """How likely each picture of a batch stands upside down, [N] in 0..1."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Meshes:
    """N faces: `points` [N,478,3] as x, y, z in pixels of the crop, z growing away from the camera.

    `presence` [N] in 0..1 is whether the crop shows a face at all.
    """

    points: Floats
    presence: Floats


@dataclass(frozen=True, slots=True)
class Blendshapes:
    """N faces: `values` [N,52] in 0..1, how far each movement goes."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Traits:
    """N faces: `ages` [N,years] probabilities that sum to 1, `male` [N] in 0..1, `features` [N,features]."""

    ages: Floats
    male: Floats
    features: Floats


@dataclass(frozen=True, slots=True)
class Expressions:
    """N faces: `scores` [N,labels] in 0..1, `features` [N,features]."""

    scores: Floats
    features: Floats


@dataclass(frozen=True, slots=True)
class Votes:
    """N faces: `values` [N] in 0..1, how surely each is one in the flesh."""

    values: Floats


Result = Boxes | Scores | Embedding | Quads | Glyphs | Turns | Meshes | Blendshapes | Traits | Expressions | Votes
