"""Our values as the wire has them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.api import shapes
from edge.collections import IndexedFace
from edge.findings import Colour
from edge.values import Box
from models.faces.mesh import NAMED
from tests.edge.api.desks import DETAILS, FACE, VIEW

DEFAULT = {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}


def test_a_box_keeps_what_lies_outside_the_picture() -> None:
    assert shapes.box(FACE.box) == {"Left": 0.25, "Top": 0.5, "Width": 0.5, "Height": 0.75}


def test_left_is_the_pictures_left_with_five_landmarks_as_with_thirty() -> None:
    five = {mark["Type"]: mark["X"] for mark in shapes.landmarks(FACE)}
    assert five == {"eyeLeft": 0.3, "eyeRight": 0.6, "nose": 0.45, "mouthLeft": 0.35, "mouthRight": 0.55}
    assert {mark["Type"] for mark in shapes.landmarks(FACE, DETAILS)} == set(NAMED) > set(five)


def test_a_face_without_attributes_has_the_five_defaults_from_its_view() -> None:
    told = shapes.face_detail(FACE, VIEW, attributes=["DEFAULT"])
    assert set(told) == DEFAULT
    assert told["Pose"] == {"Roll": 1, "Yaw": 2, "Pitch": 3}
    assert told["Quality"] == {"Brightness": 40, "Sharpness": 50}
    assert told["Confidence"] == 98.0


def test_all_tells_everything_and_thirty_landmarks() -> None:
    told = shapes.face_detail(FACE, VIEW, DETAILS, ["ALL"])
    assert set(told) == DEFAULT | {name for name, _ in shapes.ATTRIBUTES.values()}
    assert len(told["Landmarks"]) == 30
    assert told["Pose"]["Roll"] == 4
    assert told["AgeRange"] == {"Low": 20, "High": 30}
    assert told["Gender"] == {"Value": "Female", "Confidence": 99.0}
    assert told["Emotions"][0] == {"Type": "HAPPY", "Confidence": 75.0}
    assert told["EyeDirection"] == {"Yaw": 7, "Pitch": 8, "Confidence": 50.0}


def test_one_attribute_adds_only_itself() -> None:
    told = shapes.face_detail(FACE, VIEW, DETAILS, ["DEFAULT", "SMILE"])
    assert set(told) == DEFAULT | {"Smile"}
    assert len(told["Landmarks"]) == 5


def test_the_models_of_attributes_are_only_needed_for_attributes() -> None:
    assert not shapes.wants_details([])
    assert not shapes.wants_details(["DEFAULT"])
    assert shapes.wants_details(["DEFAULT", "BEARD"])
    assert shapes.wants_details(["ALL"])


def test_an_enrolled_face_leaves_out_what_it_was_not_given() -> None:
    face = IndexedFace("f", "i", "", "", 0.5, 1.0, Box(0, 0, 1, 1), 0.0)
    assert set(shapes.indexed_face(face)) == {"FaceId", "BoundingBox", "ImageId", "Confidence"}
    told = shapes.indexed_face(replace(face, external_image_id="e", user_id="u", confidence=0.0), "1.0")
    assert (told["ExternalImageId"], told["UserId"], told["IndexFacesModelVersion"]) == ("e", "u", "1.0")
    assert told["Confidence"] == 0.0


def test_a_colour() -> None:
    told = shapes.colour(Colour(255, 0, 16, "#ff0010", "red", "red", 12.5))
    assert told == {
        "Red": 255, "Green": 0, "Blue": 16, "HexCode": "#ff0010", "CSSColor": "red", "SimplifiedColor": "red",
        "PixelPercent": 12.5,
    }  # fmt: skip


@given(st.floats(-0.001, 1.001))
def test_a_percentage_is_one(score: float) -> None:
    assert 0.0 <= shapes.percent(score) <= 100.0
    assert shapes.percent(score) == pytest.approx(100 * score, abs=0.11)
