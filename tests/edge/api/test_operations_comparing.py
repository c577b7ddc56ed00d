"""CompareFaces: the largest face of one picture among those of another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge.api.faults import Fault
from edge.api.operations.comparing import compare_faces
from edge.similarity import cosine
from edge.vision.faces import FaceView
from tests.conftest import Photos
from tests.edge.api.desks import BLURRED, SHARP, Analyzer, ask, desk, grey, view

SOURCE, TARGET = {"Bytes": grey(100)}, {"Bytes": grey(200)}


def alike(percent: float, seen: Any = SHARP) -> FaceView:
    across = cosine(percent) if percent < 100 else 1.0
    return view(np.array([across, np.sqrt(1 - across**2)]), seen=seen)


def compare(source: list[FaceView], target: list[FaceView], **members: Any) -> dict[str, Any]:
    at = desk(faces=Analyzer(at_100=source, at_200=target))
    return ask(compare_faces, at, "CompareFaces", SourceImage=SOURCE, TargetImage=TARGET, **members)


def test_matches_are_sorted_and_parted_at_80_percent() -> None:
    told = compare([alike(100)], [alike(20), alike(85), alike(97)])
    assert set(told["SourceImageFace"]) == {"BoundingBox", "Confidence"}
    assert [one["Similarity"] for one in told["FaceMatches"]] == pytest.approx([97, 85], abs=0.1)
    assert set(told["FaceMatches"][0]["Face"]) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    assert len(told["UnmatchedFaces"]) == 1
    assert set(told["UnmatchedFaces"][0]) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}


def test_a_threshold_may_be_given() -> None:
    assert len(compare([alike(100)], [alike(20), alike(85)], SimilarityThreshold=10)["FaceMatches"]) == 2
    assert len(compare([alike(100)], [alike(20), alike(85)], SimilarityThreshold=0)["FaceMatches"]) == 2
    assert compare([alike(100)], [alike(85)], SimilarityThreshold=90)["FaceMatches"] == []


@pytest.mark.parametrize(
    ("source", "target", "members"),
    [
        ([], [alike(1)], {}),
        ([alike(1)], [], {}),
        ([alike(1, BLURRED)], [alike(1)], {"QualityFilter": "AUTO"}),
        ([alike(1)], [alike(1, BLURRED)], {"QualityFilter": "HIGH"}),
    ],
)
def test_a_picture_without_a_fit_face_has_invalid_parameters(source: Any, target: Any, members: Any) -> None:
    with pytest.raises(Fault) as told:
        compare(source, target, **members)
    assert (told.value.code, told.value.message) == ("InvalidParameterException", "Request has invalid parameters")


def test_no_quality_is_asked_for_by_default() -> None:
    assert compare([alike(100, BLURRED)], [alike(99, BLURRED)])["FaceMatches"]


def test_without_faces_there_is_no_comparing() -> None:
    with pytest.raises(Fault, match="CompareFaces is not available on this device"):
        ask(compare_faces, desk(), "CompareFaces", SourceImage=SOURCE, TargetImage=TARGET)


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_one_person_matches_and_others_do_not(real: Any, photos: Photos) -> None:
    astronaut, group = ({"Bytes": path.read_bytes()} for path in photos("astronaut.png", "sample1.jpg"))
    same = ask(compare_faces, real, "CompareFaces", SourceImage=astronaut, TargetImage=astronaut)
    assert same["FaceMatches"][0]["Similarity"] > 99
    others = ask(compare_faces, real, "CompareFaces", SourceImage=astronaut, TargetImage=group)
    assert others["FaceMatches"] == []
    assert len(others["UnmatchedFaces"]) >= 3
