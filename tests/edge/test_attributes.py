"""Face attributes on photos that packages ship, and on pictures that show nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import pictures
from edge.engine import AccelSettings, Model, ModelSettings, open_model
from edge.findings import FaceDetails
from edge.values import Image
from edge.vision.attributes import BATCH, Attributes, open_attributes
from models.manifest import ModelError
from models.outputs import Boxes

pytestmark = pytest.mark.models
Look = Callable[[Image], list[FaceDetails]]
Photos = Callable[..., list[Path]]


TWINS = {
    "eyeLeft": "eyeRight", "mouthRight": "mouthLeft", "nose": "nose", "chinBottom": "chinBottom",
    "leftPupil": "rightPupil", "upperJawlineLeft": "upperJawlineRight",
}  # fmt: skip


class Shipped:
    models = ModelSettings()
    accel = AccelSettings()


@pytest.fixture(scope="module")
def attributes() -> Iterator[Attributes]:
    try:
        opened = open_attributes(Shipped())
    except ModelError as error:
        pytest.skip(str(error))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def detector() -> Iterator[Model]:
    opened = open_model("faces", Shipped())
    yield opened
    opened.close()


@pytest.fixture
def look(attributes: Attributes, detector: Model) -> Look:
    return lambda image: attributes.look(image, detector.detect(image, 0.6))


@pytest.fixture
def portrait(photos: Photos) -> Image:
    """Eileen Collins, who smiles at the camera."""
    return pictures.read(photos("astronaut.png")[0])


def test_a_portrait_is_described(look: Look, portrait: Image) -> None:
    (face,) = look(portrait)
    assert (face.gender.value, face.smile.value, face.mouth_open.value) == ("Female", True, True)
    assert face.eyes_open.value is True
    for worn in (face.eyeglasses, face.sunglasses, face.beard, face.mustache, face.occluded):
        assert worn.value is False
    assert face.emotions[0].value == "HAPPY"
    assert face.age[0] <= 43 <= face.age[1] + 5
    assert abs(face.pose.yaw) < 20
    assert 40 < face.brightness < 80
    at = {landmark.kind: landmark for landmark in face.landmarks}
    assert len(at) == 30
    box = face.face.box
    assert all(
        box.x1 - 0.05 < point.x < box.x2 + 0.05 and box.y1 - 0.05 < point.y < box.y2 + 0.05 for point in at.values()
    )
    assert np.hypot(at["leftPupil"].x - face.face.landmarks[0][0], at["leftPupil"].y - face.face.landmarks[0][1]) < 0.02


def test_scores_are_probabilities_of_what_is_said(look: Look, portrait: Image) -> None:
    (face,) = look(portrait)
    answers = (face.gender, face.smile, face.eyeglasses, face.sunglasses, face.beard, face.mustache, face.eyes_open,
               face.mouth_open, face.occluded)  # fmt: skip
    assert all(0.5 <= answer.score <= 1 for answer in answers)
    scores = [emotion.score for emotion in face.emotions]
    assert (len(scores), sum(scores)) == (8, pytest.approx(1, abs=1e-5))
    assert scores == sorted(scores, reverse=True)
    assert 0 <= face.gaze.score <= 1


def test_a_mirrored_photo_gives_mirrored_answers(look: Look, portrait: Image) -> None:
    (plain,), (flipped,) = look(portrait), look(np.ascontiguousarray(portrait[:, ::-1]))
    assert flipped.pose.yaw == pytest.approx(-plain.pose.yaw, abs=3)
    assert flipped.pose.roll == pytest.approx(-plain.pose.roll, abs=2)
    assert flipped.pose.pitch == pytest.approx(plain.pose.pitch, abs=3)
    assert flipped.gaze.yaw == pytest.approx(-plain.gaze.yaw, abs=5)
    there = {landmark.kind: landmark for landmark in flipped.landmarks}
    for kind, twin in TWINS.items():
        before = next(landmark for landmark in plain.landmarks if landmark.kind == kind)
        assert (there[twin].x, there[twin].y) == pytest.approx((1 - before.x, before.y), abs=0.012)
    for trait in ("gender", "smile", "eyeglasses", "beard", "mouth_open", "eyes_open", "occluded"):
        assert getattr(flipped, trait).value == getattr(plain, trait).value


@pytest.mark.parametrize("degrees", [-35, 35])
def test_turning_the_photo_turns_the_head(look: Look, portrait: Image, degrees: float) -> None:
    (plain,) = look(portrait)
    height, width = portrait.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 0.8)
    turned = cv2.warpAffine(portrait, turn, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
    (face,) = look(turned)
    assert face.pose.roll - plain.pose.roll == pytest.approx(degrees, abs=4)
    assert face.pose.yaw == pytest.approx(plain.pose.yaw, abs=6)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_square_without_a_face_gives_finite_answers(attributes: Attributes, level: int) -> None:
    image = np.full((120, 160, 3), level, np.uint8)
    points = np.array([[60, 50], [100, 50], [80, 70], [65, 90], [95, 90]], np.float32)
    found = Boxes(
        np.array([[40, 20, 120, 110]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64), points[None]
    )
    (face,) = attributes.look(image, found)
    numbers = [face.brightness, face.sharpness, *face.age, *astuple(face.pose), *astuple(face.gaze)]
    numbers += [point.x for point in face.landmarks]
    assert np.isfinite(numbers).all()
    assert face.brightness == pytest.approx(level / 2.55)
    assert face.sharpness == 0
    assert sum(emotion.score for emotion in face.emotions) == pytest.approx(1, abs=1e-5)


def test_a_face_at_the_edge_and_a_point_for_a_face_do_not_break_it(attributes: Attributes, portrait: Image) -> None:
    edge = portrait[:200, 190:260]
    points = np.array([[0, 80], [40, 80], [20, 110], [5, 130], [35, 130]], np.float32)
    boxes = np.array([[-30, 20, 60, 160], [30, 30, 30, 30]], np.float32)
    found = Boxes(boxes, np.ones(2, np.float32), np.zeros(2, np.int64), np.stack([points, np.full_like(points, 30)]))
    assert len(attributes.look(edge, found)) == 2


def test_no_face_no_answer(attributes: Attributes) -> None:
    none = Boxes(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros((0, 5, 2), np.float32)
    )
    assert attributes.look(np.zeros((1, 1, 3), np.uint8), none) == []


def test_a_detector_without_landmarks_is_named(attributes: Attributes) -> None:
    bare = Boxes(np.zeros((1, 4), np.float32), np.zeros(1, np.float32), np.zeros(1, np.int64))
    with pytest.raises(ModelError, match="no landmarks"):
        attributes.look(np.zeros((9, 9, 3), np.uint8), bare)


def test_faces_of_a_crowd_are_told_in_their_order_whatever_the_batch(
    attributes: Attributes, detector: Model, portrait: Image
) -> None:
    (alone,) = attributes.look(portrait, detector.detect(portrait, 0.6))
    found = detector.detect(portrait, 0.6)
    crowd = found.take(np.zeros(BATCH + 3, np.int64))
    details = attributes.look(portrait, crowd)
    assert len(details) == BATCH + 3
    for face in details:
        assert face.pose.yaw == pytest.approx(alone.pose.yaw, abs=0.5)
        assert face.gender.score == pytest.approx(alone.gender.score, abs=0.02)
