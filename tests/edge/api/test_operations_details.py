"""DetectFaces: five members by default, more where they are asked for, the largest face first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from edge.api import shapes
from edge.api.faults import Fault
from edge.api.operations.details import detect_faces
from tests.conftest import Photos
from tests.edge.api.desks import DETAILS, PICTURE, Analyzer, Told, ask, boxes, desk, grey

DEFAULT = {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
TWO = boxes((10, 10, 40, 40), (50, 10, 140, 90))


def test_a_face_has_box_confidence_landmarks_pose_and_quality_by_default() -> None:
    for asked in ({}, {"Attributes": []}, {"Attributes": ["DEFAULT"]}):
        told = ask(detect_faces, desk(faces=Analyzer(TWO)), "DetectFaces", Image=PICTURE, **asked)
        large, small = told["FaceDetails"]
        assert set(large) == set(small) == DEFAULT
        assert large["BoundingBox"] == {"Left": 0.25, "Top": 0.1, "Width": 0.45, "Height": 0.8}
        assert small["BoundingBox"]["Left"] == 0.05
        assert [mark["Type"] for mark in large["Landmarks"]] == list(shapes.FIVE)
        assert large["Quality"]["Brightness"] == pytest.approx(50, abs=1)
        assert "OrientationCorrection" not in told


def test_attributes_are_asked_of_their_models_once_and_only_then() -> None:
    attributes = Told([DETAILS])
    at = desk(faces=Analyzer(TWO), attributes=attributes)
    ask(detect_faces, at, "DetectFaces", Image=PICTURE)
    assert not attributes.asked
    told = ask(detect_faces, at, "DetectFaces", Image=PICTURE, Attributes=["AGE_RANGE", "EMOTIONS"])
    assert set(told["FaceDetails"][0]) == DEFAULT | {"AgeRange", "Emotions"}
    ((_, found),) = attributes.asked
    assert found.xyxy[0, 0] == 50, "the largest is first"
    told = ask(detect_faces, at, "DetectFaces", Image=PICTURE, Attributes=["ALL"])
    assert len(told["FaceDetails"][0]) == len(DEFAULT) + 12


def test_no_face_is_an_empty_list() -> None:
    assert ask(detect_faces, desk(faces=Analyzer()), "DetectFaces", Image=PICTURE) == {"FaceDetails": []}


@pytest.mark.parametrize(("side", "smallest"), [(200, 40.0), (1920, 40.0), (3840, 80.0)])
def test_faces_are_looked_for_as_small_as_rekognition_does(side: int, smallest: float) -> None:
    analyzer = Analyzer()
    ask(detect_faces, desk(faces=analyzer), "DetectFaces", Image={"Bytes": grey(side, 100)})
    assert analyzer.asked == [{"small": True, "smallest": smallest}]


def test_what_is_missing_is_told_with_the_attributes_that_take_it() -> None:
    with pytest.raises(Fault, match="DetectFaces is not available on this device"):
        ask(detect_faces, desk(), "DetectFaces", Image=PICTURE)
    at = desk(faces=Analyzer(TWO), missing={"attributes": "no mesh"})
    assert ask(detect_faces, at, "DetectFaces", Image=PICTURE)["FaceDetails"]
    with pytest.raises(Fault, match="DetectFaces with Attributes SMILE is not available on this device: no mesh"):
        ask(detect_faces, at, "DetectFaces", Image=PICTURE, Attributes=["SMILE"])


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_a_real_face_is_told_alike_by_five_landmarks_and_by_thirty(real: Any, photos: Photos) -> None:
    picture = {"Bytes": photos("astronaut.png")[0].read_bytes()}
    (few,) = ask(detect_faces, real, "DetectFaces", Image=picture)["FaceDetails"]
    (all_of,) = ask(detect_faces, real, "DetectFaces", Image=picture, Attributes=["ALL"])["FaceDetails"]
    assert few["BoundingBox"] == all_of["BoundingBox"]
    assert all_of["Gender"]["Value"] == "Female"
    assert all_of["Smile"]["Value"]
    assert all_of["Emotions"][0]["Type"] == "HAPPY"
    thirty = {mark["Type"]: mark for mark in all_of["Landmarks"]}
    assert len(thirty) == 30
    for mark in few["Landmarks"]:
        assert mark["X"] == pytest.approx(thirty[mark["Type"]]["X"], abs=0.03), mark["Type"]
        assert mark["Y"] == pytest.approx(thirty[mark["Type"]]["Y"], abs=0.03), mark["Type"]
    assert thirty["eyeLeft"]["X"] < thirty["eyeRight"]["X"]


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_requests_at_once_are_answered_as_one_by_one(real: Any, photos: Photos) -> None:
    pictures = [{"Bytes": path.read_bytes()} for path in photos("astronaut.png", "sample1.jpg", "chelsea.png")]

    def answer(picture: Any) -> Any:
        return ask(detect_faces, real, "DetectFaces", Image=picture, Attributes=["ALL"])

    alone = [answer(picture) for picture in pictures]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(answer, pictures * 2)) == alone * 2
