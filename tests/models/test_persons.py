"""The decoders of persons with keypoints, and of faces that are masked or not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.decode import aizoo, movenet
from models.manifest import Decode, ModelError
from models.outputs import Floats

MOVENET = Decode(name="movenet", size=256)
AIZOO = Decode(name="aizoo", size=64, strides=(8, 16, 32, 64, 128), nms=0.4)
ANCHORS = 4 * (64 + 16 + 4 + 1 + 1)


def six_persons() -> Floats:
    return np.zeros((1, 6, 56), np.float32)


def test_movenet_reads_rows_as_y_x_and_score() -> None:
    rows = six_persons()
    rows[0, 2, :3] = (0.25, 0.5, 0.75)  # the nose
    rows[0, 2, -5:] = (0.125, 0.25, 0.875, 0.75, 0.5)  # top, left, bottom, right, score
    found = movenet.decode({"persons": rows}, MOVENET, 0.1)
    assert found.landmarks is not None
    assert found.seen is not None
    assert found.xyxy.tolist() == [[64, 32, 192, 224]]
    assert found.scores.tolist() == [0.5]
    assert found.landmarks[0, 0].tolist() == [128, 64]
    assert found.seen[0, 0] == 0.75


def test_movenet_takes_two_poses_of_one_person_for_one() -> None:
    rows = six_persons()
    rows[0, :2, -5:] = (0.1, 0.1, 0.9, 0.9, 0.5), (0.1, 0.12, 0.9, 0.92, 0.7)
    assert movenet.decode({"persons": rows}, MOVENET, 0.1).scores == pytest.approx([0.7])


def test_six_rows_of_nothing_are_nobody_even_without_a_floor() -> None:
    assert len(movenet.decode({"persons": six_persons()}, MOVENET, 0.0)) == 0


@given(arrays.arrays(np.float32, (1, 6, 56), elements=st.floats(-1, 2, width=32)), st.floats(0.05, 0.9))
def test_whatever_movenet_puts_out_comes_best_first_with_scores_in_range(rows: Floats, floor: float) -> None:
    found = movenet.decode({"persons": rows}, MOVENET, floor)
    assert (np.diff(found.scores) <= 0).all()
    assert found.landmarks is not None
    assert found.seen is not None
    assert found.landmarks.shape == (len(found), 17, 2)
    assert ((found.seen >= 0) & (found.seen <= 1)).all()
    assert ((found.scores >= min(floor, 1)) & (found.scores <= 1)).all()


def quiet() -> dict[str, Floats]:
    return {"offsets": np.zeros((1, ANCHORS, 4), np.float32), "scores": np.zeros((1, ANCHORS, 2), np.float32)}


def test_an_anchor_without_offset_is_the_face() -> None:
    outputs = quiet()
    outputs["scores"][0, 1, 0] = 0.9  # the larger anchor of the first cell
    found = aizoo.decode(outputs, AIZOO, 0.5)
    centre, half = 4.0, 0.056 * 64 / 2
    assert found.xyxy[0] == pytest.approx([centre - half, centre - half, centre + half, centre + half])
    assert found.classes.tolist() == [0]


def test_offsets_are_tenths_and_fifths_of_the_anchor() -> None:
    outputs = quiet()
    last = ANCHORS - 4  # the only cell of the coarsest level, its smaller square
    outputs["scores"][0, last, 1] = 0.8
    outputs["offsets"][0, last] = (1.0, -1.0, 0.0, np.log(2) / 0.2)
    side = 0.64 * 64
    found = aizoo.decode(outputs, AIZOO, 0.5)
    x, y = 32 + 0.1 * side, 32 - 0.1 * side
    assert found.xyxy[0] == pytest.approx([x - side / 2, y - side, x + side / 2, y + side], abs=1e-3)
    assert found.classes.tolist() == [1]


def test_a_face_is_told_by_its_better_class() -> None:
    outputs = quiet()
    outputs["scores"][0, 0] = (0.6, 0.7)
    found = aizoo.decode(outputs, AIZOO, 0.5)
    assert found.classes.tolist() == [1]
    assert found.scores == pytest.approx([0.7])


def test_another_number_of_anchors_is_refused() -> None:
    outputs = {name: array[:, 1:] for name, array in quiet().items()}
    with pytest.raises(ModelError, match="wrong strides"):
        aizoo.decode(outputs, AIZOO, 0.5)
