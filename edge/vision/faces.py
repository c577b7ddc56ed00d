"""Faces: found with five landmarks, judged for quality, embedded as unit vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.engine import Pending, Settings
from edge.errors import InputError
from edge.failover import AnyModel, open_failover
from edge.findings import Pose
from edge.quality import Level, Reason, View, reasons
from edge.values import Box, Face, Image, ModelUse
from models import tiles
from models.faces.five import pose
from models.manifest import ModelError
from models.outputs import Boxes, Embedding, Result
from models.quality import quality as measure
from models.tensors import align

Judgement = TypeVar("Judgement")

CHIP = 112  # pixels, the side of the chip that embedding networks see
MOST = 100  # faces of one picture
SMALLEST = 20.0  # pixels of the picture, and
SEEN = 24.0  # of the network: as wide as a face must be there to be found 98 times in 100
INSIDE = np.s_[16:104, 16:96]  # of the chip: the face without what is beside it
SHARP = 120.0  # variance of the Laplacian of a chip from which sharpness counts in full


@dataclass(frozen=True, slots=True)
class FaceView:
    """One face in one picture. `vector` is float32 [dimensions] of unit length, `quality` 0..1.

    `view` is what the quality filter judges; None if nobody has measured it.
    """

    face: Face
    vector: NDArray[np.float32]
    quality: float
    embedding: ModelUse
    view: View | None = None


Dropped = tuple[FaceView, tuple[Reason, ...]]


class FaceAnalyzer:
    def __init__(self, detector: AnyModel, embedder: AnyModel) -> None:
        self.detector = detector
        self.embedder = embedder

    @property
    def models(self) -> tuple[AnyModel, ...]:
        return self.detector, self.embedder

    def find(self, image: Image, floor: float, *, small: bool = False, smallest: float = SMALLEST) -> Boxes:
        """The largest MOST faces in pixels of `image`, best first, with landmarks.

        With `small`, faces of `smallest` pixels are found however large the picture is, tile by tile.
        """
        found = self.detector.detect(image, floor)
        if small:
            found = tiles.join([found, *self._tiled(image, floor, smallest)])
        return largest(found, MOST)

    def _tiled(self, image: Image, floor: float, smallest: float) -> Iterator[Boxes]:
        height, width = image.shape[:2]
        for tile in tiles.plan(width, height, self.detector.manifest.input.width, smallest, SEEN):
            part = image[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
            yield tiles.place(self.detector.detect(part, floor), tile, width, height)

    def embed(self, image: Image, landmarks: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        """The vector of the face at `landmarks` [5,2] pixels, and the quality of the view."""
        return self.embed_all(image, landmarks[None])[0]

    def embed_all(self, image: Image, landmarks: NDArray[np.float32]) -> list[tuple[NDArray[np.float32], float]]:
        """As `embed`, of each face at `landmarks` [N,5,2], in their order."""
        return self._embedded(image, landmarks, lambda chip, row: quality(chip, landmarks[row]))

    def _embedded(
        self, image: Image, landmarks: NDArray[np.float32], judge: Callable[[Image, int], Judgement]
    ) -> list[tuple[NDArray[np.float32], Judgement]]:
        """Each face's vector, and what `judge` says of its chip; while the network sees one, the next is cut."""
        found: list[Result] = []
        judged: list[Judgement] = []
        flying: Pending | None = None
        for row, points in enumerate(landmarks):
            chip = align(image, points, CHIP)
            begin = self.embedder.prepare(chip)
            if flying:
                found.append(flying.result())
            flying = begin()
            judged.append(judge(chip, row))
        if flying:
            found.append(flying.result())
        return [(self._vector(one), judgement) for one, judgement in zip(found, judged, strict=True)]

    def _vector(self, found: Result) -> NDArray[np.float32]:
        if not isinstance(found, Embedding):
            raise ModelError(f"{self.embedder.manifest.name} gives no vector: it cannot serve as an embedding")
        return found.vector

    def analyze(self, image: Image, floor: float = 0.7, *, small: bool = False) -> list[FaceView]:
        """Every face of a picture that `find` finds, largest first."""
        return sorted(self.views(image, self.find(image, floor, small=small)), key=lambda view: -view.face.box.area)

    def views(self, image: Image, found: Boxes) -> list[FaceView]:
        """The faces of `found`, in its order."""
        seen, landmarks = faces(found, image.shape), found.landmarks
        assert landmarks is not None  # noqa: S101 - faces() has seen them

        def judge(chip: Image, row: int) -> tuple[View, float]:
            return view_of(chip, found.take(np.array([row]))), quality(chip, landmarks[row])

        return [
            FaceView(face, vector, good, self.embedder.use, view)
            for face, (vector, (view, good)) in zip(seen, self._embedded(image, landmarks, judge), strict=True)
        ]

    def close(self) -> None:
        self.detector.close()
        self.embedder.close()


def open_faces(settings: Settings, *, lasting: bool = False) -> FaceAnalyzer:
    """Open the configured detector and embedding as `open_failover` does, and raise what it raises."""
    detector = open_failover("faces", settings, lasting=lasting)
    try:
        return FaceAnalyzer(detector, open_failover("embedding", settings, lasting=lasting))
    except BaseException:
        detector.close()
        raise


def faces(found: Boxes, shape: Sequence[int]) -> list[Face]:
    """Pixels to ratios of a picture whose shape begins with height, width."""
    if found.landmarks is None:
        raise ModelError("the face detector gives no landmarks: choose another one in [models] faces")
    size = np.array([shape[1], shape[0]], np.float32)
    boxes = (found.xyxy / np.tile(size, 2)).tolist()
    points = (found.landmarks / size).tolist()
    return [
        Face(Box(*box), score, tuple((x, y) for x, y in landmarks))
        for box, score, landmarks in zip(boxes, found.scores.tolist(), points, strict=True)
    ]


def sift(views: Sequence[FaceView], level: Level) -> tuple[list[FaceView], list[Dropped]]:
    """The faces that pass the quality filter, and the others with the reasons."""
    told = [(view, reasons(view.view, level) if view.view else ()) for view in views]
    return [view for view, why in told if not why], [(view, why) for view, why in told if why]


def limited(passing: Sequence[FaceView], most: int) -> tuple[list[FaceView], list[Dropped]]:
    """At most so many, in their order, and the others: the poor ones go first, the worst before all, then the smallest.

    Poor is what AUTO would drop. Where the filter was no laxer, there is none.
    """

    def worth(place: int) -> tuple[bool, float]:
        view = passing[place]
        poor = bool(view.view and reasons(view.view, "AUTO"))
        return not poor, view.quality if poor else view.face.box.area

    kept = set(sorted(range(len(passing)), key=worth, reverse=True)[:most])
    return (
        [view for place, view in enumerate(passing) if place in kept],
        [(view, (Reason.EXCEEDS_MAX_FACES,)) for place, view in enumerate(passing) if place not in kept],
    )


def unfit(dropped: Sequence[Dropped], level: Level) -> str:
    """Why no face of a picture is left, and what to do."""
    why = ", ".join(dict.fromkeys(reason for _, told in dropped for reason in told))
    return f"no face passes --quality {level} ({why}); take a better picture, or this one with --quality NONE"


def fit(views: Sequence[FaceView], level: Level, place: str) -> list[FaceView]:
    """The faces that pass the filter, largest first; raises InputError if there is none."""
    if not views:
        raise InputError(f"{place}: no face found; take a picture in which a face is larger, sharper or more frontal")
    passing, dropped = sift(views, level)
    if not passing:
        raise InputError(f"{place}: {unfit(dropped, level)}")
    return passing


def largest(found: Boxes, most: int) -> Boxes:
    """At most so many, in their order."""
    return found if len(found) <= most else found.take(np.sort(_by_size(found)[:most]))


def largest_first(found: Boxes) -> Boxes:
    """All of them; those of one size stay in their order."""
    return found.take(_by_size(found))


def _by_size(found: Boxes) -> NDArray[np.intp]:
    areas = np.prod(found.xyxy[:, 2:] - found.xyxy[:, :2], axis=1)
    return np.argsort(-areas, kind="stable")


def frontal(landmarks: NDArray[np.float32]) -> float:
    """Size times frontalness of a face with `landmarks` [5,2] pixels, 0..1, before anything is cut out.

    Size is the distance between the eyes over that of the chip's template (35 px); frontalness falls as the
    nose leaves the middle between the eyes.
    """
    (right, top), (left, bottom), (nose_x, nose_y) = landmarks[:3].tolist()
    across, down = left - right, bottom - top
    distance = hypot(across, down)
    if distance < 1.0:
        return 0.0
    turned = abs((nose_x - (right + left) / 2) * across + (nose_y - (top + bottom) / 2) * down) / distance**2
    return float(min(distance / 35.0, 1.0) * max(1.0 - 1.6 * turned, 0.0))


def quality(chip: Image, landmarks: NDArray[np.float32]) -> float:
    """How good a view is for recognition, 0..1: `frontal` times sharpness, the Laplacian's variance of the chip."""
    grey = cv2.cvtColor(chip, cv2.COLOR_BGR2GRAY)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
    sharp = min(deviation.item() ** 2 / SHARP, 1.0)
    return frontal(landmarks) * (0.5 + 0.5 * sharp)


def view_of(chip: Image, found: Boxes) -> View:
    """What the quality filter judges of one face, [1] in pixels of its picture, whose chip this is."""
    assert found.landmarks is not None  # noqa: S101 - chips are made of them
    luma = cv2.cvtColor(chip[INSIDE], cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    light = measure(luma)
    return View(
        size=float((found.xyxy[0, 2:] - found.xyxy[0, :2]).min()),
        score=float(found.scores[0]),
        pose=Pose(*pose(found.landmarks[0])),
        brightness=light.brightness,
        sharpness=light.sharpness,
    )


def owners_of(faces: NDArray[np.float32], people: NDArray[Any]) -> NDArray[np.int64]:
    """For each face [F,4] the row of the person [P,4] it belongs to, or -1; nobody gets two faces.

    A face belongs where its centre lies in the upper half of a person's box, nearest to the middle of its top
    quarter in widths of that box.
    """
    owners = np.full(len(faces), -1, np.int64)
    if not len(faces) or not len(people):
        return owners
    centre = ((faces[:, :2] + faces[:, 2:]) / 2)[:, None]
    width = np.maximum(people[:, 2] - people[:, 0], 1.0)
    height = np.maximum(people[:, 3] - people[:, 1], 1.0)
    x = (centre[..., 0] - people[:, 0]) / width
    y = (centre[..., 1] - people[:, 1]) / height
    distance = np.where(
        (x > 0) & (x < 1) & (y > -0.1) & (y < 0.5), np.hypot(x - 0.5, (y - 0.125) * height / width), np.inf
    )
    for flat in np.argsort(distance, axis=None):
        face, person = divmod(int(flat), len(people))
        if not np.isfinite(distance[face, person]):
            break
        if owners[face] < 0 and person not in owners:
            owners[face] = person
    return owners
