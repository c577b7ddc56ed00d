"""Two pictures' faces compared, with views that need no model; and portraits of one and of two people."""

from dataclasses import replace

import numpy as np
import pytest

from edge.comparison import compare
from edge.errors import InputError
from edge.findings import Pose
from edge.quality import View
from edge.similarity import cosine
from edge.values import Box, Face, ModelUse
from edge.vision.faces import FaceView

MODEL = ModelUse("embedding", "fake", 1, "digest", "replay")
SHARP = View(size=100, score=0.95, pose=Pose(0, 0, 0), brightness=50, sharpness=60)
BLURRED = View(size=100, score=0.95, pose=Pose(0, 0, 0), brightness=50, sharpness=5)


def face(alike: float, view: View = SHARP) -> FaceView:
    """A face that is similar by so many percent to the one of 100 percent."""
    across = cosine(alike) if alike < 100 else 1.0
    vector = np.array([across, np.sqrt(1 - across**2)], np.float32)
    return FaceView(Face(Box(0.1, 0.1, 0.2, 0.2), 0.9, ()), vector, 0.5, MODEL, view)


def test_faces_of_the_target_are_sorted_and_parted_at_the_threshold() -> None:
    found = compare([face(100)], [face(20), face(97), face(85), face(79)], threshold=80)
    assert [one.similarity for one in found.matches] == pytest.approx([97, 85], abs=0.1)
    assert [one.similarity for one in found.unmatched] == pytest.approx([79, 20], abs=0.1)


def test_the_largest_face_of_the_source_speaks() -> None:
    found = compare([face(100), face(10)], [face(99)])
    assert found.source.vector[0] == pytest.approx(1.0)
    assert len(found.matches) == 1


def test_what_is_told_as_100_passes_a_threshold_of_100() -> None:
    close = replace(face(100), vector=np.array([0.7, np.sqrt(1 - 0.7**2)], np.float32))
    found = compare([face(100)], [close, face(99.98)], threshold=100)
    assert [(one.view, one.similarity) for one in found.matches] == [(close, 100.0)]


def test_at_most_a_hundred_faces_are_compared() -> None:
    found = compare([face(100)], [face(50)] * 120)
    assert len(found.unmatched) == 100


@pytest.mark.parametrize(("source", "target", "place"), [([], [face(1)], "one.jpg"), ([face(1)], [], "two.jpg")])
def test_a_picture_without_a_face_is_named(source: list[FaceView], target: list[FaceView], place: str) -> None:
    with pytest.raises(InputError, match=f"{place}: no face found"):
        compare(source, target, places=("one.jpg", "two.jpg"))


def test_the_filter_takes_the_next_face_or_says_why_there_is_none() -> None:
    found = compare([face(100, BLURRED), face(10)], [face(99, BLURRED), face(10)], level="AUTO")
    assert found.source.vector[0] == pytest.approx(cosine(10))
    assert len(found.matches) == 1
    assert not found.unmatched
    with pytest.raises(InputError, match=r"target: no face passes --quality AUTO \(LOW_SHARPNESS\)"):
        compare([face(100)], [face(99, BLURRED)], level="AUTO")
