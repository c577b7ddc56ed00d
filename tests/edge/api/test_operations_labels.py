"""DetectLabels: filters, limits and features as Rekognition has them; and what real photos show."""

from __future__ import annotations

from typing import Any

import pytest

from edge.api.faults import Fault
from edge.api.operations.labels import detect_labels
from edge.values import Box, Detection, Label
from models import colours
from tests.conftest import Photos
from tests.edge.api.desks import PICTURE, Told, ask, boxes, desk, detector, grey

BOX = Box(0.1, 0.1, 0.5, 0.5)
DOG = Label(
    "Dog", 0.9, ("Pet", "Animal"), ("Canine",), ("Animals and Pets",),
    (Detection("Dog", 0.9, BOX), Detection("Dog", 0.3, BOX)),
)  # fmt: skip
ANIMAL = Label("Animal", 0.95, (), (), ("Animals and Pets",))
CAR = Label("Car", 0.6, ("Vehicle",), ("Automobile",), ("Vehicles and Automotive",))
FAINT = Label("Cup", 0.2, (), (), ("Kitchen and Dining",))


def labels(**members: Any) -> list[str]:
    told = ask(detect_labels, desk(labels=Told([ANIMAL, DOG, CAR, FAINT])), "DetectLabels", Image=PICTURE, **members)
    assert told["LabelModelVersion"] == "3.0"
    assert "ImageProperties" not in told
    return [label["Name"] for label in told["Labels"]]


def filtered(**filters: list[str]) -> list[str]:
    return labels(Settings={"GeneralLabels": filters})


def test_a_label_has_instances_parents_aliases_and_categories() -> None:
    told = ask(detect_labels, desk(labels=Told([DOG])), "DetectLabels", Image=PICTURE)
    assert told["Labels"] == [
        {
            "Name": "Dog",
            "Confidence": 90.0,
            "Instances": [{"BoundingBox": {"Width": 0.4, "Height": 0.4, "Left": 0.1, "Top": 0.1}, "Confidence": 90.0}],
            "Parents": [{"Name": "Pet"}, {"Name": "Animal"}],
            "Aliases": [{"Name": "Canine"}],
            "Categories": [{"Name": "Animals and Pets"}],
        }
    ]


def test_confidence_is_55_by_default_and_the_surest_are_kept() -> None:
    assert labels() == ["Animal", "Dog", "Car"]
    assert labels(MinConfidence=70) == ["Animal", "Dog"]
    assert labels(MinConfidence=0) == ["Animal", "Dog", "Car", "Cup"]
    assert labels(MaxLabels=1) == ["Animal"]
    assert labels(MaxLabels=0) == []
    assert labels(Features=[]) == ["Animal", "Dog", "Car"]


def test_filters_are_exact_names() -> None:
    assert filtered(LabelInclusionFilters=["Dog", "car"]) == ["Dog"]
    assert filtered(LabelExclusionFilters=["Dog"]) == ["Animal", "Car"]
    assert filtered(LabelCategoryInclusionFilters=["Animals and Pets"]) == ["Animal", "Dog"]
    assert filtered(LabelCategoryExclusionFilters=["Animals and Pets"]) == ["Car"]
    assert filtered(LabelInclusionFilters=["Car"], LabelCategoryInclusionFilters=["Animals and Pets"]) == labels()


def test_properties_alone_ask_for_no_label() -> None:
    found = detector(boxes((0, 0, 100, 100)), "Dog")
    told = ask(detect_labels, desk(objects=found), "DetectLabels", Image=PICTURE, Features=["IMAGE_PROPERTIES"])
    assert set(told) == {"ImageProperties"}
    seen = told["ImageProperties"]
    assert seen["Quality"].keys() == {"Brightness", "Sharpness", "Contrast"}
    assert seen["Quality"]["Brightness"] == pytest.approx(50, abs=1)
    (colour,) = seen["Foreground"]["DominantColors"]
    assert (colour["HexCode"], colour["SimplifiedColor"], colour["PixelPercent"]) == ("#808080", "grey", 100.0)
    assert seen["Background"].keys() == {"Quality", "DominantColors"}


def test_without_objects_there_is_neither_foreground_nor_background() -> None:
    told = ask(detect_labels, desk(), "DetectLabels", Image=PICTURE, Features=["IMAGE_PROPERTIES"])
    assert told["ImageProperties"].keys() == {"Quality", "DominantColors"}


def test_colours_are_ten_by_default_of_the_picture_and_of_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [colours.Colour(n, n, n, "gray", "grey", 5.0) for n in range(12)]
    monkeypatch.setattr(colours, "dominant", lambda _: many)
    beyond = Label("Dog", 0.9, instances=(Detection("Dog", 0.9, BOX), Detection("Dog", 0.8, Box(1.1, -0.2, 1.2, 0.0))))
    for settings, count in (({}, 10), ({"ImageProperties": {"MaxDominantColors": 3}}, 3)):
        told = ask(
            detect_labels, desk(labels=Told([beyond])), "DetectLabels",
            Image=PICTURE, Features=["GENERAL_LABELS", "IMAGE_PROPERTIES"], Settings=settings,
        )  # fmt: skip
        assert len(told["ImageProperties"]["DominantColors"]) == count
        inside, outside = told["Labels"][0]["Instances"]
        assert (len(inside["DominantColors"]), outside["DominantColors"]) == (count, [])


def test_a_device_without_labels_says_why() -> None:
    with pytest.raises(Fault) as told:
        ask(detect_labels, desk(missing={"labels": "no model is installed"}), "DetectLabels", Image=PICTURE)
    assert (told.value.code, told.value.message) == (
        "InvalidParameterException",
        "DetectLabels is not available on this device: no model is installed",
    )


def test_a_picture_is_checked_as_every_operation_checks_it() -> None:
    with pytest.raises(Fault, match="Request has invalid parameters"):
        ask(detect_labels, desk(labels=Told([])), "DetectLabels", Image={"Bytes": grey(50, 50)})


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_real_photos_are_labelled(real: Any, photos: Photos) -> None:
    astronaut, cat = (
        ask(detect_labels, real, "DetectLabels", Image={"Bytes": path.read_bytes()}, Features=features)
        for path, features in zip(
            photos("astronaut.png", "chelsea.png"), (["GENERAL_LABELS", "IMAGE_PROPERTIES"], ["GENERAL_LABELS"]),
            strict=True,
        )
    )  # fmt: skip
    person = next(label for label in astronaut["Labels"] if label["Name"] == "Person")
    assert person["Confidence"] > 80
    assert {"Name": "Human"} in person["Aliases"]
    assert 0.3 < person["Instances"][0]["BoundingBox"]["Width"] <= 1.0
    assert person["Instances"][0]["DominantColors"]
    assert astronaut["ImageProperties"]["Foreground"]["DominantColors"]
    assert "Cat" in {label["Name"] for label in cat["Labels"]}
    sure = [label["Confidence"] for label in cat["Labels"]]
    assert sure == sorted(sure, reverse=True)
    assert min(sure) >= 55
