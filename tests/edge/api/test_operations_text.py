"""DetectText: filters and regions as Rekognition has them; and a real line is read."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.api.faults import Fault
from edge.api.operations.text import detect_text
from edge.findings import Words
from edge.values import Box
from edge.vision.text import TextFilter
from tests.edge.api.desks import PICTURE, Told, ask, desk

BOX, CORNERS = Box(0.1, 0.2, 0.3, 0.4), ((0.1, 0.2), (0.3, 0.2), (0.3, 0.4), (0.1, 0.4))
EXIT = [Words(0, "LINE", None, "EXIT", 0.98, BOX, CORNERS), Words(1, "WORD", 0, "EXIT", 0.98, BOX, CORNERS)]


def wanted(**filters: Any) -> TextFilter:
    reader = Told([])
    ask(detect_text, desk(text=reader), "DetectText", Image=PICTURE, **({"Filters": filters} if filters else {}))
    ((_, given_filter),) = reader.asked
    return given_filter


def test_lines_have_no_parent_and_words_have_one() -> None:
    told = ask(detect_text, desk(text=Told(EXIT)), "DetectText", Image=PICTURE)
    line, word = told["TextDetections"]
    assert line == {
        "DetectedText": "EXIT",
        "Type": "LINE",
        "Id": 0,
        "Confidence": 98.0,
        "Geometry": {
            "BoundingBox": {"Width": 0.2, "Height": 0.2, "Left": 0.1, "Top": 0.2},
            "Polygon": [{"X": x, "Y": y} for x, y in CORNERS],
        },
    }
    assert (word["Type"], word["Id"], word["ParentId"]) == ("WORD", 1, 0)
    assert told["TextModelVersion"] == "3.0"


def test_words_are_a_hundred_of_80_percent_by_default() -> None:
    assert wanted() == TextFilter(score=0.8, most=100)


def test_filters_reach_the_reader() -> None:
    region = {"BoundingBox": {"Left": 0.5, "Top": 0.0, "Width": 0.5, "Height": 0.25}}
    outline = {"Polygon": [{"X": 0.0, "Y": 0.0}, {"X": 1.0, "Y": 0.0}, {"X": 0.5, "Y": 1.0}]}
    word = {"MinConfidence": 10, "MinBoundingBoxHeight": 0.2, "MinBoundingBoxWidth": 0.1}
    found = wanted(WordFilter=word, RegionsOfInterest=[region, outline])
    triangle = ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0))
    assert found == TextFilter(0.1, 0.1, 0.2, (Box(0.5, 0.0, 1.0, 0.25), triangle), 100)


@pytest.mark.parametrize(
    "region",
    [
        {},
        {"BoundingBox": {}},
        {"BoundingBox": {"Left": 0.5, "Top": 0.5, "Width": 0.5}},
        {"BoundingBox": {"Left": 0.5, "Top": 0.5, "Width": 0.0, "Height": 0.5}},
        {"BoundingBox": {"Left": 0.6, "Top": 0.5, "Width": 0.5, "Height": 0.5}},
        {"BoundingBox": {"Left": -0.1, "Top": 0.5, "Width": 0.5, "Height": 0.5}},
        {"Polygon": []},
        {"Polygon": [{"X": 0.0, "Y": 0.0}, {"X": 1.0, "Y": 0.0}]},
        {"Polygon": [{"X": 0.0, "Y": 0.0}, {"X": 1.0, "Y": 0.0}, {"X": 0.5}]},
        {"Polygon": [{"X": 0.0, "Y": 0.0}] * 11},
        {
            "BoundingBox": {"Left": 0.0, "Top": 0.0, "Width": 0.5, "Height": 0.5},
            "Polygon": [{"X": 0.0, "Y": 0.0}, {"X": 1.0, "Y": 0.0}, {"X": 0.5, "Y": 1.0}],
        },
    ],
)
def test_a_region_that_is_none_has_invalid_parameters(region: dict[str, Any]) -> None:
    with pytest.raises(Fault) as told:
        wanted(RegionsOfInterest=[region])
    assert (told.value.code, told.value.message) == ("InvalidParameterException", "Request has invalid parameters")


@given(st.lists(st.fixed_dictionaries({}, optional={"X": st.floats(-2, 2), "Y": st.floats(-2, 2)}), max_size=12))
def test_any_polygon_is_within_the_picture_or_refused(polygon: list[dict[str, float]]) -> None:
    try:
        (region,) = wanted(RegionsOfInterest=[{"Polygon": polygon}]).regions
    except Fault:
        return
    assert isinstance(region, tuple)
    assert 3 <= len(region) <= 10
    assert all(-0.001 < side < 1.001 for corner in region for side in corner)


def test_a_device_that_cannot_read_says_so() -> None:
    with pytest.raises(Fault, match="DetectText is not available on this device: no lines"):
        ask(detect_text, desk(missing={"text": "no lines"}), "DetectText", Image=PICTURE)


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_real_words_are_read_where_they_are_wanted(real: Any) -> None:
    page = np.full((240, 640, 3), 255, np.uint8)
    for text, y in (("EMERGENCY EXIT", 80), ("MIND THE STEP", 180)):
        cv2.putText(page, text, (40, y), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (0, 0, 0), 4, cv2.LINE_AA)
    picture = {"Bytes": cv2.imencode(".png", page)[1].tobytes()}
    told = ask(detect_text, real, "DetectText", Image=picture)["TextDetections"]
    assert [one["DetectedText"] for one in told if one["Type"] == "LINE"] == ["EMERGENCY EXIT", "MIND THE STEP"]
    words = {one["DetectedText"]: one["ParentId"] for one in told if one["Type"] == "WORD"}
    assert words == {"EMERGENCY": 0, "EXIT": 0, "MIND": 1, "THE": 1, "STEP": 1}
    lower = {"RegionsOfInterest": [{"BoundingBox": {"Left": 0.0, "Top": 0.5, "Width": 1.0, "Height": 0.5}}]}
    told = ask(detect_text, real, "DetectText", Image=picture, Filters=lower)["TextDetections"]
    assert told[0]["DetectedText"] == "MIND THE STEP"
