"""The quality filter: what each level lets pass, and the reasons it gives."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.findings import Pose
from edge.quality import LEVELS, LIMITS, Reason, View, reasons

GOOD = View(size=120, score=0.95, pose=Pose(5, 5, 5), brightness=50, sharpness=60)
STRICTER = ("NONE", "LOW", "AUTO", "MEDIUM", "HIGH")
views = st.builds(
    View,
    size=st.floats(1, 400),
    score=st.floats(0, 1),
    pose=st.builds(Pose, *[st.floats(-90, 90)] * 3),
    brightness=st.floats(0, 100),
    sharpness=st.floats(0, 100),
)


def test_a_good_view_passes_every_level() -> None:
    assert {reasons(GOOD, level) for level in LEVELS} == {()}


@pytest.mark.parametrize(
    ("poor", "reason"),
    [
        (replace(GOOD, size=10), Reason.SMALL_BOUNDING_BOX),
        (replace(GOOD, score=0.72), Reason.LOW_CONFIDENCE),
        (replace(GOOD, sharpness=10), Reason.LOW_SHARPNESS),
        (replace(GOOD, brightness=2), Reason.LOW_BRIGHTNESS),
        (replace(GOOD, brightness=99), Reason.LOW_FACE_QUALITY),
        (replace(GOOD, pose=Pose(0, -80, 0)), Reason.EXTREME_POSE),
        (replace(GOOD, pose=Pose(0, 0, 50)), Reason.EXTREME_POSE),
    ],
)
def test_each_weakness_has_its_reason(poor: View, reason: Reason) -> None:
    assert reasons(poor, "LOW") == (reason,)
    assert reasons(poor, "NONE") == ()


def test_a_head_that_is_only_tilted_is_fine() -> None:
    assert reasons(replace(GOOD, pose=Pose(85, 0, 0)), "HIGH") == ()


@given(views)
def test_a_stricter_level_drops_whatever_a_laxer_one_drops(view: View) -> None:
    told = [set(reasons(view, level)) for level in STRICTER]  # type: ignore[arg-type]
    assert all(laxer <= stricter for laxer, stricter in pairwise(told))


def test_every_level_has_its_limits() -> None:
    assert set(LIMITS) == set(LEVELS) - {"NONE"} == set(STRICTER) - {"NONE"}
