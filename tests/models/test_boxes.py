"""Overlap, suppression and the way back to the picture."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.boxes import iou, nms, restore
from models.manifest import Input
from models.outputs import Boxes, Floats
from models.tensors import fit

COORDINATES = st.floats(-50, 400, width=32)
RECTANGLES = hnp.arrays(np.float32, st.tuples(st.integers(0, 12), st.just(4)), elements=COORDINATES)


def upright(corners: Floats) -> Floats:
    return np.concatenate([np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])], 1)


def boxes(xyxy: Floats, seed: int = 0, classes: int = 2) -> Boxes:
    dice = np.random.default_rng(seed)
    scores = dice.random(len(xyxy)).astype(np.float32)
    return Boxes(xyxy, scores, dice.integers(0, classes, len(xyxy)))


def test_iou_of_halves() -> None:
    a = np.array([[0, 0, 2, 2]], np.float32)
    b = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [2, 0, 4, 2], [5, 5, 5, 5]], np.float32)
    assert np.allclose(iou(a, b), [[1, 1 / 3, 0, 0]])


@given(RECTANGLES, RECTANGLES)
def test_iou_is_symmetric_and_between_zero_and_one(a: Floats, b: Floats) -> None:
    a, b = upright(a), upright(b)
    overlap = iou(a, b)
    assert overlap.shape == (len(a), len(b))
    assert np.allclose(overlap, iou(b, a).T, atol=1e-5)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-5)).all()


@given(RECTANGLES, st.integers(0, 9), st.floats(0.1, 0.9))
def test_nms_keeps_no_double_and_drops_nothing_else(corners: Floats, seed: int, threshold: float) -> None:
    every = boxes(upright(corners) + np.array([0, 0, 1, 1], np.float32), seed)
    kept = nms(every, threshold)
    assert (np.diff(kept.scores) <= 0).all()
    same = kept.classes[:, None] == kept.classes[None]
    overlap = iou(kept.xyxy, kept.xyxy) * same * ~np.eye(len(kept), dtype=bool)
    assert (overlap <= threshold + 1e-5).all()
    covers = (iou(every.xyxy, kept.xyxy) > threshold - 1e-5) & (every.classes[:, None] == kept.classes[None])
    covers &= kept.scores[None] >= every.scores[:, None]
    is_kept = np.isin(every.scores, kept.scores)
    assert (covers.any(axis=1) | is_kept).all()


def test_nms_lets_classes_overlap_and_carries_landmarks() -> None:
    xyxy = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [0, 0, 9, 9]], np.float32)
    points = np.arange(30, dtype=np.float32).reshape(3, 5, 2)
    kept = nms(Boxes(xyxy, np.array([0.5, 0.9, 0.7], np.float32), np.array([0, 0, 1]), points), 0.5)
    assert kept.scores.tolist() == [np.float32(0.9), np.float32(0.7)]
    assert kept.landmarks is not None
    assert kept.landmarks[0, 0].tolist() == [10, 11]


@given(st.integers(8, 300), st.integers(8, 300), st.sampled_from(["letterbox", "stretch", "square"]))
def test_restore_undoes_fit(width: int, height: int, kind: str) -> None:
    spec = Input.model_validate({"width": 64, "height": 48, "fit": kind, "crop": 0.9})
    _, place = fit(np.zeros((height, width, 3), np.uint8), spec)
    wanted = np.array([[width * 0.4, height * 0.4, width * 0.6, height * 0.6]], np.float32)
    scale, offset = np.array([place.scale_x, place.scale_y]), np.array([place.offset_x, place.offset_y])
    seen = (wanted.reshape(-1, 2, 2) * scale + offset).reshape(-1, 4).astype(np.float32)
    back = restore(boxes(seen), place, width, height)
    assert np.allclose(back.xyxy, wanted, atol=1e-2)


def test_restore_clips_boxes_but_not_landmarks_and_drops_what_lies_outside() -> None:
    _, place = fit(np.zeros((10, 20, 3), np.uint8), Input(width=40, height=40, fit="letterbox"))
    xyxy = np.array([[-4, 0, 20, 40], [0, 0, 40, 9]], np.float32)
    points = np.full((2, 5, 2), -4, np.float32)
    back = restore(Boxes(xyxy, np.array([0.9, 0.8], np.float32), np.array([0, 0]), points), place, 20, 10)
    assert back.xyxy.tolist() == [[0, 0, 10, 10]]
    assert back.landmarks is not None
    assert back.landmarks[0, 0].tolist() == [-2, -7]
