"""Which face and pose are whose, and where a head is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import bodies, covers
from models.bodies import LEFT_EAR, LEFT_SHOULDER, LEFT_WRIST, NOSE, RIGHT_EAR, RIGHT_SHOULDER, RIGHT_WRIST, Body
from models.outputs import Boxes, Floats

WIDTH = 1000


def boxes(
    *rows: tuple[float, ...], score: float = 0.9, points: Floats | None = None, seen: Floats | None = None
) -> Boxes:
    corners = np.array(rows, np.float32).reshape(-1, 4)
    return Boxes(corners, np.full(len(corners), score, np.float32), np.zeros(len(corners), np.int64), points, seen)


def upright(x: float, *, seen: float = 0.6) -> Boxes:
    """The pose of somebody 100 pixels wide and 400 high whose middle is at `x`, facing us."""
    places = np.zeros((1, 17, 2), np.float32)
    sure = np.zeros((1, 17), np.float32)
    for point, place in {
        NOSE: (0, 40), 1: (6, 34), 2: (-6, 34), LEFT_EAR: (16, 36), RIGHT_EAR: (-16, 36), LEFT_SHOULDER: (38, 80),
        RIGHT_SHOULDER: (-38, 80), LEFT_WRIST: (45, 200), RIGHT_WRIST: (-45, 200),
    }.items():  # fmt: skip
        places[0, point], sure[0, point] = (x + place[0], place[1]), seen
    return boxes((x - 50, 0, x + 50, 400), score=0.5, points=places, seen=sure)


def both(one: Boxes, other: Boxes) -> Boxes:
    assert one.landmarks is not None
    assert one.seen is not None
    assert other.landmarks is not None
    assert other.seen is not None
    return boxes(
        *one.xyxy.tolist(),
        *other.xyxy.tolist(),
        score=0.5,
        points=np.concatenate([one.landmarks, other.landmarks]),
        seen=np.concatenate([one.seen, other.seen]),
    )


NOBODY = boxes(points=np.zeros((0, 17, 2), np.float32), seen=np.zeros((0, 17), np.float32))


def test_detector_pose_and_face_of_one_person_are_one_body() -> None:
    (body,) = bodies.bodies(boxes((140, 0, 260, 410)), upright(200), boxes((183, 15, 217, 60)))
    assert body.detected == pytest.approx(0.9)
    assert body.posed == pytest.approx(0.5)
    assert body.face is not None
    assert body.face.tolist() == [183, 15, 217, 60]


def test_a_face_goes_to_whose_head_is_there() -> None:
    """The left person stands in front of the right one, whose face lies within both boxes."""
    poses = both(upright(200), upright(240))
    left, right = bodies.bodies(boxes(), poses, boxes((223, 15, 257, 60)))
    assert left.face is None
    assert right.face is not None


def test_a_face_that_is_nobodys_has_a_body_of_its_own() -> None:
    (body,) = bodies.bodies(boxes(), NOBODY, boxes((100, 100, 140, 150)))
    assert body.faced == pytest.approx(0.9)
    assert body.xyxy[0] < 100
    assert body.xyxy[2] > 140
    assert body.xyxy[3] > 150


def test_nobody_is_nobody() -> None:
    assert bodies.bodies(boxes(), NOBODY, boxes()) == []


def test_the_head_of_a_pose_lies_where_its_face_would() -> None:
    (body,) = bodies.bodies(boxes(), upright(200), boxes())
    place = bodies.head(body)
    assert place is not None
    assert (place[0] + place[2]) / 2 == pytest.approx(200, abs=2)
    assert 25 < place[2] - place[0] < 45
    assert 30 < (place[1] + place[3]) / 2 < 50


def test_without_anything_seen_of_it_there_is_no_head() -> None:
    (body,) = bodies.bodies(boxes((0, 0, 50, 100)), NOBODY, boxes())
    assert bodies.head(body) is None


@given(st.floats(100, 900), st.floats(0.35, 1.0))
def test_a_mirrored_person_has_a_mirrored_head_and_the_other_wrist(x: float, seen: float) -> None:
    pose = upright(x, seen=seen)
    assert pose.landmarks is not None
    assert pose.seen is not None
    swapped = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
    points = pose.landmarks[:, swapped].copy()
    points[..., 0] = WIDTH - points[..., 0]
    corners = pose.xyxy.copy()
    corners[:, [0, 2]] = WIDTH - corners[:, [2, 0]]
    mirrored = Boxes(corners, pose.scores, pose.classes, points, pose.seen[:, swapped])
    (here,), (there,) = (bodies.bodies(boxes(), one, boxes()) for one in (pose, mirrored))
    head, other = bodies.head(here), bodies.head(there)
    assert head is not None
    assert other is not None
    assert other[[2, 0]] == pytest.approx(WIDTH - head[[0, 2]], abs=0.1)
    assert there.points[LEFT_WRIST, 0] == pytest.approx(WIDTH - here.points[RIGHT_WRIST, 0], abs=0.1)


def test_the_face_of_who_turns_away_is_not_seen() -> None:
    (facing,) = bodies.posed(upright(200))
    turned = replace(facing, points=facing.points * np.array([-1, 1], np.float32) + np.array([400, 0], np.float32))
    assert bodies.head_scores(facing)[1] > 0.8
    head, face = bodies.head_scores(turned)
    assert head > 0.9
    assert face == 0


def test_of_two_bodies_with_one_head_the_surer_stays() -> None:
    face = np.array([100, 100, 140, 150], np.float32)
    twice = [bodies.of_face(face, 0.7), bodies.of_face(face + 3, 0.9)]
    (kept,) = bodies.distinct(twice, 0.5)
    assert kept.faced == pytest.approx(0.9)


def test_a_pose_from_nearby_is_moved_to_where_the_crop_was() -> None:
    body = bodies.of_face(np.array([383, 115, 417, 160], np.float32), 0.9)
    found = bodies.with_best_pose(body, upright(100), (300, 100))
    assert found.points[NOSE].tolist() == [400, 140]
    assert found.xyxy[3] == 500  # down to the feet, for only the face had told of this person


def test_a_pose_of_somebody_else_is_left_alone() -> None:
    body = bodies.of_face(np.array([383, 115, 417, 160], np.float32), 0.9)
    assert bodies.with_best_pose(body, upright(700), (300, 100)) is body


def test_more_that_tells_of_a_person_makes_surer() -> None:
    one = Body(np.zeros(4, np.float32), np.zeros((17, 2), np.float32), np.zeros(17, np.float32), detected=0.6)
    two = bodies.with_faces([one], boxes())[0]
    assert bodies.confidence(two) == pytest.approx(0.6)
    both = bodies.with_pose(one, next(iter(bodies.posed(upright(50)))))
    assert bodies.confidence(both) > 0.9


@given(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), st.floats(1, 200))
def test_the_crop_of_a_head_is_square_wherever_it_lies(at: tuple[float, float], side: float) -> None:
    image = np.full((120, 90, 3), 7, np.uint8)
    face = np.array([*at, at[0] + side * 0.8, at[1] + side], np.float32)
    cut = covers.crop(image, face)
    assert cut.shape[0] == pytest.approx(cut.shape[1], abs=1)
    assert (cut == 7).all()
