"""The anchor decoder, against boxes whose codes are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.boxes import iou
from models.decode import DECODERS, dense, ssd
from models.manifest import Decode, ModelError
from models.outputs import Floats

HOW = Decode(name="ssd", size=300, strides=(16, 32, 64, 128, 256, 512), nms=0.6, background=True)
ANCHORS = 3 * 19**2 + 6 * (10**2 + 5**2 + 3**2 + 2**2 + 1)


def quiet(classes: int = 3) -> dict[str, Floats]:
    scores = np.full((1, ANCHORS, 1 + classes), -20, np.float32)
    return {"boxes": np.zeros((1, ANCHORS, 4), np.float32), "scores": scores}


def test_the_anchors_are_those_of_tensorflow() -> None:
    found = ssd.anchors(300, HOW.strides)
    assert found.shape == (ANCHORS, 4)
    half = 0.5 / 19
    # Centre y, x, height, width: the finest level has a small square, a lying and a standing rectangle.
    assert found[0] == pytest.approx([half, half, 0.1, 0.1])
    assert found[1] == pytest.approx([half, half, 0.2 / 2**0.5, 0.2 * 2**0.5])
    assert found[2] == pytest.approx([half, half, 0.2 * 2**0.5, 0.2 / 2**0.5])
    assert found[3] == pytest.approx([half, 3 * half, 0.1, 0.1])
    # The coarsest has one cell; its last anchor lies between its own scale and 1.
    assert found[-6] == pytest.approx([0.5, 0.5, 0.95, 0.95])
    assert found[-1] == pytest.approx([0.5, 0.5, 0.95**0.5, 0.95**0.5])


def test_a_code_of_zero_is_the_anchor_itself() -> None:
    outputs = quiet()
    outputs["scores"][0, 0, 2] = 2.0
    found = ssd.decode(outputs, HOW, 0.5)
    centre = 300 * 0.5 / 19
    assert found.xyxy[0] == pytest.approx([centre - 15, centre - 15, centre + 15, centre + 15], abs=1e-3)
    assert found.scores == pytest.approx([1 / (1 + np.exp(-2))])
    assert found.classes.tolist() == [1]  # the background is not counted


def test_codes_move_and_stretch_the_anchor() -> None:
    outputs = quiet()
    outputs["scores"][0, -6, 1] = 3.0
    outputs["boxes"][0, -6] = [1.0, -2.0, 5 * np.log(0.5), 5 * np.log(0.2)]  # y, x, height, width
    (box,) = ssd.decode(outputs, HOW, 0.5).xyxy
    x, y, width, height = 150 - 0.2 * 285, 150 + 0.1 * 285, 0.2 * 285, 0.5 * 285
    assert box == pytest.approx([x - width / 2, y - height / 2, x + width / 2, y + height / 2], rel=1e-5)


def test_the_background_is_never_found() -> None:
    outputs = quiet()
    outputs["scores"][0, :, 0] = 9.0
    assert len(ssd.decode(outputs, HOW, 0.01)) == 0


def test_a_score_that_equals_the_floor_stays() -> None:
    outputs = quiet()
    outputs["scores"][0, 5, 1] = 0.0
    assert len(ssd.decode(outputs, HOW, 0.5)) == 1


def test_wrong_strides_are_named() -> None:
    with pytest.raises(ModelError, match="1917 box codes and 1917 scores for 1083 anchors"):
        ssd.decode(quiet(), HOW.model_copy(update={"strides": (16,)}), 0.5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
def test_what_comes_out_is_sound_whatever_goes_in(seed: int, floor: float) -> None:
    dice = np.random.default_rng(seed)
    boxes = dice.normal(0, 30, (1, ANCHORS, 4)).astype(np.float32)
    scores = dice.normal(-5, 5, (1, ANCHORS, 4)).astype(np.float32)
    found = ssd.decode({"boxes": boxes, "scores": scores}, HOW, floor)
    assert (found.scores >= np.float32(floor)).all()
    assert (np.diff(found.scores) <= 0).all()
    assert len(found) <= dense.CANDIDATES
    assert set(found.classes.tolist()) <= {0, 1, 2}
    assert np.isfinite(found.xyxy).all()
    assert (found.xyxy[:, 2:] >= found.xyxy[:, :2]).all()
    doubles = iou(found.xyxy, found.xyxy) * (found.classes[:, None] == found.classes) * ~np.eye(len(found), dtype=bool)
    assert (doubles <= HOW.nms).all()


def test_it_is_registered() -> None:
    assert DECODERS["ssd"] is ssd.decode
