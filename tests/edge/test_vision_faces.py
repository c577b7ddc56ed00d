"""Finding faces, in tiles too, and what is measured of each."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from edge import config, pictures
from edge.values import Image
from edge.vision.faces import MOST, FaceAnalyzer, largest, open_faces, view_of
from models.boxes import iou
from models.outputs import Boxes
from models.tensors import align

SIDE, LEAST = 640, 24


class Spots:
    """A detector that finds white squares, as the network would: in the picture shrunk to its input."""

    manifest = SimpleNamespace(input=SimpleNamespace(width=SIDE))
    looked = 0

    def detect(self, image: Image, floor: float) -> Boxes:  # noqa: ARG002 - AnyModel's
        self.looked += 1
        _, _, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(image[:, :, 0]))
        found = stats[1:][stats[1:, 2] * SIDE / max(image.shape[:2]) >= LEAST]
        xyxy = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], axis=1).astype(np.float32)
        points = np.repeat((xyxy[:, None, :2] + xyxy[:, None, 2:]) / 2, 5, axis=1)
        return Boxes(xyxy, np.full(len(xyxy), 0.9, np.float32), np.zeros(len(xyxy), np.int64), points)


def spotted(places: list[tuple[int, int, int]], width: int = 1920, height: int = 1080) -> Image:
    image = np.zeros((height, width, 3), np.uint8)
    for x, y, side in places:
        image[y : y + side, x : x + side] = 255
    return image


def analyzer(detector: object) -> FaceAnalyzer:
    embedder: Any = None
    return FaceAnalyzer(detector, embedder)  # type: ignore[arg-type]


def test_small_faces_are_found_when_asked_and_large_ones_once() -> None:
    places = [(10, 10, 20), (520, 30, 22), (1890, 1050, 24), (300, 200, 90), (900, 100, 800)]
    detector = Spots()
    coarse = analyzer(detector).find(spotted(places), 0.7)
    assert len(coarse) == 2
    assert detector.looked == 1
    fine = analyzer(detector).find(spotted(places), 0.7, small=True)
    assert sorted(row[:3] for row in fine.xyxy.tolist()) == sorted([x, y, x + side] for x, y, side in places)


def test_of_a_crowd_the_largest_stay_in_their_order() -> None:
    random = np.random.default_rng(0)
    corner, side = random.integers(0, 900, (MOST + 20, 2)), random.permutation(MOST + 20) + 1
    xyxy = np.concatenate([corner, corner + side[:, None]], axis=1).astype(np.float32)
    scores = np.sort(random.random(MOST + 20).astype(np.float32))[::-1]
    kept = largest(Boxes(xyxy, scores, np.zeros(MOST + 20, np.int64)), MOST)
    assert sorted((kept.xyxy[:, 2] - kept.xyxy[:, 0]).tolist()) == list(range(21, MOST + 21))
    assert (np.diff(kept.scores) <= 0).all()


@pytest.fixture
def opened() -> Iterator[FaceAnalyzer]:
    faces = open_faces(config.load(None))
    yield faces
    faces.close()


Photos = Callable[..., list[Path]]


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_a_face_of_24_pixels_in_full_hd_is_found_where_it_is(opened: FaceAnalyzer, photos: Photos) -> None:
    astronaut, coffee = map(pictures.read, photos("astronaut.png", "coffee.png"))
    known = opened.find(astronaut, 0.7).xyxy[0]
    zoom = 24 / float(known[2] - known[0])
    portrait = cv2.resize(astronaut, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    image = cv2.resize(coffee, (1920, 1080)).astype(np.uint8)
    corners = [(100, 90), (690, 400), (1700, 900)]  # the second one lies on a seam
    for x, y in corners:
        image[y : y + portrait.shape[0], x : x + portrait.shape[1]] = portrait
    truth = np.array([known * zoom + [x, y, x, y] for x, y in corners], np.float32)
    assert len(opened.find(image, 0.7)) < len(corners)
    found = opened.find(image, 0.7, small=True)
    assert (iou(truth, found.xyxy).max(axis=1) > 0.5).all()
    assert len(found) == len(corners)


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_a_view_is_measured_as_it_is(opened: FaceAnalyzer, photos: Photos) -> None:
    (astronaut,) = map(pictures.read, photos("astronaut.png"))
    (good,) = opened.analyze(astronaut)
    assert good.view is not None
    assert good.view.size == pytest.approx(opened.find(astronaut, 0.7).xyxy[0] @ [-1, 0, 1, 0])
    assert abs(good.view.pose.yaw) < 30
    (mirrored,) = opened.analyze(np.ascontiguousarray(astronaut[:, ::-1]))
    assert mirrored.view is not None
    assert mirrored.view.pose.yaw == pytest.approx(-good.view.pose.yaw, abs=10)
    (blurred,) = opened.analyze(cv2.GaussianBlur(astronaut, (0, 0), 3).astype(np.uint8))
    (dark,) = opened.analyze((astronaut * 0.3).astype(np.uint8))
    assert blurred.view is not None
    assert dark.view is not None
    assert blurred.view.sharpness < good.view.sharpness - 20
    assert dark.view.brightness == pytest.approx(0.3 * good.view.brightness, abs=2)


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3000, 3), (480, 640, 3), (1080, 1920, 3)])
def test_a_black_picture_of_any_shape_has_no_face(opened: FaceAnalyzer, shape: tuple[int, int, int]) -> None:
    assert opened.analyze(np.zeros(shape, np.uint8), small=True) == []


def test_a_chip_without_contrast_is_neither_bright_nor_sharp() -> None:
    points = np.array([[10, 10], [20, 10], [15, 15], [11, 20], [19, 20]], np.float32)
    found = Boxes(np.array([[5, 5, 25, 30]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64), points[None])
    view = view_of(align(np.zeros((40, 40, 3), np.uint8), points), found)
    assert (view.size, view.brightness, view.sharpness) == (20.0, 0.0, 0.0)
