"""The boxes of our own detectors, off arrays whose meaning is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.boxes import iou
from models.decode import dense, points
from models.manifest import Decode, ModelError
from models.outputs import Floats

HOW = Decode(name="points", size=64, strides=(8, 16, 32), nms=0.5)
CELLS = 64 + 16 + 4
QUIET = -20.0  # before the logistic function


def outputs(classes: int = 3) -> dict[str, Floats]:
    return {
        "scores": np.full((1, CELLS, classes), QUIET, np.float32),
        "sides": np.zeros((1, CELLS, 4), np.float32),
    }


def test_a_box_is_as_far_from_its_cell_as_the_sides_say() -> None:
    said = outputs()
    place = 64 + 6  # second row, third column of stride 16
    said["scores"][0, place, 2] = np.log(0.8 / 0.2)
    said["sides"][0, place] = [1, 0.5, 1.25, 2]
    found = points.decode(said, HOW, 0.5)
    assert found.xyxy.tolist() == [[40 - 16, 24 - 8, 40 + 20, 24 + 32]]
    assert found.scores == pytest.approx([0.8])
    assert found.classes.tolist() == [2]


def test_nobody_there_is_no_box() -> None:
    assert len(points.decode(outputs(), HOW, 0.3)) == 0
    assert len(points.decode(outputs(), HOW, 1.0)) == 0


def test_one_thing_seen_by_two_cells_is_told_once_but_two_classes_are_two_things() -> None:
    said = outputs()
    said["scores"][0, [27, 28], 0] = [3.0, 2.0]
    said["scores"][0, 27, 1] = 1.0
    said["sides"][0, 27] = [2, 2, 2, 2]
    said["sides"][0, 28] = [3, 2, 1, 2]  # one cell further to the right, the same box
    found = points.decode(said, HOW, 0.5)
    assert found.classes.tolist() == [0, 1]
    assert found.xyxy[0].tolist() == found.xyxy[1].tolist()


def test_a_side_that_rounding_put_behind_the_centre_turns_no_box_inside_out() -> None:
    said = outputs()
    said["scores"][0, 0, 0] = 5.0
    said["sides"][0, 0] = [-0.1, 1, 1, -0.2]
    (box,) = points.decode(said, HOW, 0.5).xyxy
    assert box.tolist() == [4, -4, 12, 4]


def test_a_graph_that_gives_the_best_cells_only_says_which() -> None:
    dice = np.random.default_rng(3)
    said = {"scores": dice.normal(-1, 2, (1, CELLS, 2)), "sides": dice.uniform(0, 3, (1, CELLS, 4))}
    whole = {name: array.astype(np.float32) for name, array in said.items()}
    order = dice.permutation(CELLS)
    picked = {name: array[:, order] for name, array in whole.items()} | {"cells": order[None].astype(np.float32)}
    assert points.decode(picked, HOW, 0.4).xyxy == pytest.approx(points.decode(whole, HOW, 0.4).xyxy)


def test_cells_that_are_not_those_of_the_strides_are_named() -> None:
    said = {name: array[:, :-4] for name, array in outputs().items()}
    with pytest.raises(ModelError, match="80 cells, where strides"):
        points.decode(said, HOW, 0.5)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.99), st.floats(0.1, 40.0))
def test_no_network_however_wild_breaks_the_promises(seed: int, floor: float, wild: float) -> None:
    dice = np.random.default_rng(seed)
    said = {
        "scores": dice.normal(0, wild, (1, CELLS, 5)).astype(np.float32),
        "sides": dice.normal(1, wild, (1, CELLS, 4)).astype(np.float32),
    }
    found = points.decode(said, HOW, floor)
    assert (found.scores >= floor - 1e-6).all()
    assert (found.scores <= 1).all()
    assert (np.diff(found.scores) <= 0).all()
    assert len(found) <= dense.CANDIDATES
    assert (found.xyxy[:, 2:] >= found.xyxy[:, :2]).all()
    doubles = iou(found.xyxy, found.xyxy) * (found.classes[:, None] == found.classes) * ~np.eye(len(found), dtype=bool)
    assert (doubles <= HOW.nms + 1e-5).all()
