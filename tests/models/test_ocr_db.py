"""Rectangles out of a map of text probabilities."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.decode import ocr_db
from models.manifest import Decode
from models.outputs import Quads

HOW = Decode(name="ocr_db")
SIDE = 320


def found(chances: NDArray[np.float32], floor: float = 0.5) -> Quads:
    return ocr_db.decode({"probabilities": chances[None, None]}, HOW, floor)


def drawn(size: tuple[float, float], angle: float, chance: float = 0.9) -> NDArray[np.float32]:
    chances = np.zeros((SIDE, SIDE), np.float32)
    corners = cv2.boxPoints(((SIDE / 2, SIDE / 2), size, angle))
    cv2.fillPoly(chances, [np.rint(corners).astype(np.int32)], chance)
    return chances


@given(st.floats(60, 200), st.floats(14, 30), st.floats(-90, 90))
def test_a_bar_is_found_where_it_lies_and_grown_back(width: float, height: float, angle: float) -> None:
    quads = found(drawn((width, height), angle))
    assert len(quads.scores) == 1
    corners = quads.corners[0]
    assert np.abs(corners.mean(axis=0) - SIDE / 2).max() < 2
    sides = sorted(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1))
    reach = width * height * ocr_db.GROWTH / (width + height)
    assert sides[0] == pytest.approx(height + reach, abs=8)  # drawn on whole pixels
    assert sides[-1] == pytest.approx(width + reach, abs=8)


@given(st.floats(60, 200), st.floats(14, 30), st.floats(-90, 90))
def test_corners_run_clockwise_from_the_side_that_points_right(width: float, height: float, angle: float) -> None:
    a, b, c, d = found(drawn((width, height), angle)).corners[0]
    right, down = b - a, d - a
    assert right[0] >= abs(right[1]) - 1e-3
    assert right[0] * down[1] - right[1] * down[0] > 0
    assert np.allclose(a + c, b + d, atol=1e-2)


def test_what_is_unlikely_small_or_absent_is_no_text() -> None:
    assert not len(found(np.zeros((64, 96), np.float32)).scores)
    assert found(np.zeros((64, 96), np.float32)).corners.shape == (0, 4, 2)
    assert not len(found(drawn((100, 20), 0, chance=0.4)).scores)
    speck = np.zeros((64, 64), np.float32)
    speck[30, 30:50] = 0.9
    assert not len(found(speck).scores)


def test_lines_come_in_the_order_they_stand() -> None:
    chances = np.zeros((200, 200), np.float32)
    for top, chance in ((20, 0.6), (90, 0.8), (160, 0.7)):
        chances[top : top + 12, 30:150] = chance
    quads = found(chances)
    assert quads.corners[:, 0, 1].tolist() == sorted(quads.corners[:, 0, 1].tolist())
    assert quads.scores == pytest.approx([0.6, 0.8, 0.7], abs=0.12)
