"""The pose of a head from five points: a known head, turned by known angles, reads as it was turned."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.faces.five import CENTRED, pose
from models.outputs import Floats

degrees = st.floats(-50, 50)


def seen(roll: float, yaw: float, pitch: float, size: float = 20.0) -> Floats:
    """Landmarks in pixels of a head turned by pitch, then yaw, then roll."""
    r, y, p = np.radians([-roll, yaw, -pitch])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = CENTRED @ (about_z @ about_y @ about_x).T * size
    return np.asarray(points[:, :2] * [1, -1] + [300, 200], np.float32)


@pytest.mark.parametrize("turn", [(0, 0, 0), (30, 0, 0), (0, 40, 0), (0, 0, 25), (-20, 0, 0), (0, -60, 0)])
def test_a_turn_about_one_axis_reads_as_it_is(turn: tuple[float, float, float]) -> None:
    assert pose(seen(*turn)) == pytest.approx(turn, abs=0.1)


@given(degrees, degrees)
def test_a_mirrored_face_gives_the_mirrored_pose(yaw: float, roll: float) -> None:
    points = seen(roll, yaw, 10)
    mirrored = (points * [-1, 1] + [600, 0])[[1, 0, 2, 4, 3]].astype(np.float32)
    assert pose(mirrored) == pytest.approx(np.array(pose(points)) * [-1, -1, 1], abs=0.1)


@given(degrees, degrees, st.floats(1, 100))
def test_size_does_not_matter(yaw: float, pitch: float, size: float) -> None:
    assert pose(seen(0, yaw, pitch, size)) == pytest.approx(pose(seen(0, yaw, pitch)), abs=0.5)


def test_points_that_coincide_have_no_pose() -> None:
    assert pose(np.full((5, 2), 7, np.float32)) == (0.0, 0.0, 0.0)
