"""The values that travel: frozen, small. Scores are 0..1, boxes are ratios of the frame, times epoch seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera: `image` uint8 [H,W,3] BGR, `at` its capture time, `index` counted per camera."""

    camera: str
    image: Image
    at: float
    index: int = 0


@dataclass(frozen=True, slots=True)
class Box:
    """Left, top, right and bottom as ratios of the frame's width and height."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)


@dataclass(frozen=True, slots=True)
class Detection:
    """A labelled box."""

    label: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Face:
    """A face: five landmarks as (x, y) ratios (right eye, left eye, nose, right and left mouth corner)."""

    box: Box
    score: float
    landmarks: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A name for the whole picture, with the names above it, nearest first.

    `aliases` are other names of the same thing, `instances` its boxes where a detector found any.
    """

    name: str
    score: float
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    instances: tuple[Detection, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """A face of a collection that a probe resembles. `similarity` is percent, `cosine` -1..1.

    `person` is what the match is about: the user id if the face is associated with one, else the external
    image id, else the face id.
    """

    face_id: str
    external_image_id: str
    user_id: str
    cosine: float
    similarity: float

    @property
    def person(self) -> str:
        return self.user_id or self.external_image_id or self.face_id


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Which model spoke: enough to tell, years later, whose word an event rests on."""

    task: str
    name: str
    version: int
    digest: str
    backend: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling, before the log numbers it.

    `type` is one of `edge.events.schema.TYPES`, `values` the fields of that type, `stages` milliseconds by stage,
    `still` the path of the annotated picture, if one was written.
    """

    type: str
    camera: str
    captured_at: float
    values: Mapping[str, Any]
    models: tuple[ModelUse, ...] = ()
    stages: Mapping[str, float] = field(default_factory=dict)
    still: str = ""
