"""The occlusion head: trained on photos of faces over which masks, hands, things and dark glasses are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from evaluation.figures import watched
from evaluation.opening import shipped
from heads.linear import Floats, Ints, even_odds, fit
from numpy.typing import NDArray

from edge import pictures
from edge.values import Image
from edge.vision.attributes import TRAITS_CROP
from models.faces import crops
from models.faces.heads import Head
from models.outputs import Boxes, Traits

USES = ("traits",)
PENALTY = 1.0
RARE = 3.0  # times as many faces are bare as covered: what even odds mean
DRAWN = 2  # covered copies of each face, beside the bare one and one with something next to it
SEED = 1
SIDE = 224

Random = np.random.Generator
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Place:
    """A face in pixels: its five landmarks [5,2], the way from eye to eye, the way down the face, in eye distances."""

    points: Points
    across: Points
    down: Points

    def at(self, along: float, below: float) -> Points:
        """So far along and below the middle between the eyes."""
        middle: Points = (self.points[0] + self.points[1]) / 2
        return middle + along * self.across + below * self.down


def place(landmarks: Floats) -> Place:
    points = landmarks.astype(np.float64)
    across = points[1] - points[0]
    down = (points[3] + points[4]) / 2 - (points[0] + points[1]) / 2
    return Place(points, across, down / max(float(np.hypot(*down)), 1e-6) * float(np.hypot(*across)))


def mask(image: Image, face: Place, rng: Random) -> None:
    """Cloth from the nose to below the chin."""
    top, side = rng.uniform(0.35, 0.75), rng.uniform(0.85, 1.1)
    outline = [(-side, top + 0.1), (0, top - rng.uniform(0, 0.2)), (side, top + 0.1), (side * 0.9, 1.5), (0, 2.0)]
    _fill(image, [face.at(*point) for point in [*outline, (-side * 0.9, 1.5)]], _paint(rng), rng)


def hand(image: Image, face: Place, rng: Random) -> None:
    """Fingers in the colour of the cheek, over mouth, nose or an eye."""
    x, y = (int(value) for value in face.at(rng.choice([-0.45, 0.45]), 0.65))
    skin = image[np.clip(y, 0, image.shape[0] - 1), np.clip(x, 0, image.shape[1] - 1)].astype(np.float64)
    start, angle = face.at(rng.uniform(-0.6, 0.6), rng.uniform(-0.1, 1.2)), rng.uniform(-2.6, -0.5)
    unit = float(np.hypot(*face.across))
    way, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    for finger in range(rng.integers(2, 5)):
        colour = np.clip(skin * rng.uniform(0.75, 1.15), 0, 255)
        begin = start + aside * unit * (0.22 * finger - 0.3)
        end = begin - way * unit * rng.uniform(1.2, 2.2)
        for width, shade in ((0.26, 0.72), (0.21, 1.0)):
            cv2.line(image, _pixel(begin), _pixel(end), (colour * shade).tolist(), max(1, int(width * unit)))


def thing(image: Image, face: Place, rng: Random) -> None:
    """A board, a cup, a telephone: a turned rectangle over half of the face or the lower part of it."""
    width, height = rng.uniform(0.8, 1.8), rng.uniform(0.7, 1.6)
    along, below = rng.choice([(-0.7, 0.4), (0.7, 0.4), (0.0, 1.15), (0.0, 0.1)]) + rng.uniform(-0.15, 0.15, 2)
    turn = rng.uniform(-0.5, 0.5)
    corners = []
    for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        a, b = x * width / 2, y * height / 2
        corners.append(
            face.at(along + a * np.cos(turn) - b * np.sin(turn), below + a * np.sin(turn) + b * np.cos(turn))
        )
    _fill(image, corners, _paint(rng), rng)


def dark_glasses(image: Image, face: Place, rng: Random) -> None:
    """Two lenses that let little through, and a bridge."""
    unit = float(np.hypot(*face.across))
    angle = float(np.degrees(np.arctan2(face.across[1], face.across[0])))
    colour = (rng.uniform(0, 45) * rng.uniform(0.6, 1, 3)).tolist()
    size = int(rng.uniform(0.32, 0.45) * unit), int(rng.uniform(0.2, 0.36) * unit)
    for along in (-0.5, 0.5):
        cv2.ellipse(image, _pixel(face.at(along, 0.06)), size, angle, 0, 360, colour, -1)
    cv2.line(image, _pixel(face.at(-0.5, 0)), _pixel(face.at(0.5, 0)), colour, max(1, int(0.06 * unit)))


def beside(image: Image, face: Place, rng: Random) -> None:
    """Something near the face that covers nothing of it: no occlusion."""
    along = rng.choice([-1, 1]) * rng.uniform(1.9, 2.3)
    corners = [face.at(along + x, rng.uniform(0.2, 1) + y) for x, y in ((-0.4, -1), (0.4, -1), (0.4, 1), (-0.4, 1))]
    _fill(image, corners, _paint(rng), rng)


COVERS: dict[str, Callable[[Image, Place, Random], None]] = {
    "mask": mask, "hand": hand, "thing": thing, "dark glasses": dark_glasses,
}  # fmt: skip


def bare(files: Sequence[Path]) -> Iterator[tuple[Image, Boxes, str]]:
    """Each photo with its middle face, and the photo's name as LFW's folders have it."""
    with shipped("yunet") as detector:
        for file in watched(files, "finding faces"):
            image = pictures.read(file)
            found = detector.detect(image, 0.6)
            if len(found):
                away = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2 - np.array(image.shape[1::-1]) / 2
                yield image, found.take(np.array([np.argmin(np.hypot(*away.T))])), f"{file.parent.name}/{file.name}"


def samples(files: Sequence[Path], seed: int = SEED) -> Iterator[tuple[Image, Boxes, str]]:
    """Each photo's middle face bare (""), with something beside it (""), and covered DRAWN times, by what."""
    rng = np.random.default_rng(seed)
    for image, face, _ in bare(files):
        assert face.landmarks is not None  # noqa: S101 - yunet always has them
        spot = place(face.landmarks[0])
        yield image, face, ""
        drawn = [("", beside)] + [(kind, COVERS[kind]) for kind in rng.choice(list(COVERS), DRAWN, replace=False)]
        for kind, cover in drawn:
            copy = image.copy()
            cover(copy, spot, rng)
            yield cv2.GaussianBlur(copy, (3, 3), rng.uniform(0.3, 0.9)).astype(np.uint8), _shaken(face, rng), kind


def features(seen: Iterator[tuple[Image, Boxes, str]]) -> tuple[dict[str, Floats], list[str]]:
    """What the shipped network says of each face, and the word that came with it."""
    rows, kinds = [], []
    with shipped("faceres") as model:
        for image, face, kind in seen:
            found = model.infer(crops.cut(image, crops.straight(face.xyxy, TRAITS_CROP, SIDE), SIDE))
            assert isinstance(found, Traits)  # noqa: S101 - that is what faceres gives
            rows.append(found.features[0])
            kinds.append(kind)
    return {"traits": np.array(rows)}, kinds


def train(known: dict[str, Floats], kinds: Sequence[str]) -> Head:
    """The head."""
    covered: Ints = np.array([kind != "" for kind in kinds]).astype(np.int64)
    rows = np.concatenate([known[kind] for kind in USES], 1)
    weights, bias = fit(rows, covered, np.ones(len(rows), np.float32), PENALTY)
    raw = Head(USES, weights[:, 1:] - weights[:, :1], bias[1:] - bias[:1], ())
    slope, offset = even_odds(raw.logits(known)[:, 0], covered > 0)
    offset -= np.log(RARE)
    return Head(USES, raw.weights * np.float32(slope), raw.bias * np.float32(slope) + np.float32(offset), ())


def _shaken(face: Boxes, rng: Random) -> Boxes:
    """As a detector would have found it: a little off."""
    size = float((face.xyxy[0, 2:] - face.xyxy[0, :2]).max())
    off = rng.normal(0, 0.025, face.xyxy.shape).astype(np.float32) * np.float32(size)
    return Boxes(face.xyxy + off, face.scores, face.classes, face.landmarks)


def _paint(rng: Random) -> list[float]:
    """Any colour, more often a dull one."""
    return (rng.uniform(20, 255) * rng.uniform(0.5, 1, 3)).tolist()


def _fill(image: Image, corners: list[Points], colour: list[float], rng: Random) -> None:
    outline = np.rint(np.array(corners)).astype(np.int32)
    layer = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(layer, cv2.convexHull(outline), 255)
    shade = np.linspace(rng.uniform(0.7, 1), rng.uniform(0.8, 1.2), image.shape[0])[:, None, None]
    noise = rng.normal(0, rng.uniform(1, 10), image.shape)
    painted = np.clip(np.array(colour) * shade + noise, 0, 255).astype(np.uint8)
    image[layer > 0] = painted[layer > 0]


def _pixel(point: Points) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
