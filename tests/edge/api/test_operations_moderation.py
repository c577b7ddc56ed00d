"""DetectModerationLabels: names of taxonomy 7.0 with their parents; human loops there are none."""

from __future__ import annotations

from typing import Any

import pytest

from edge.api.faults import Fault
from edge.api.operations.moderation import detect_moderation_labels
from edge.findings import Flag, Moderated, Trait
from tests.conftest import Photos
from tests.edge.api.desks import PICTURE, Told, ask, boxes, desk, detector

OPERATION = "DetectModerationLabels"
FOUND = Moderated((Flag("Violence", "", 1, 0.9), Flag("Weapons", "Violence", 2, 0.9)), (Trait("Illustrated", 0.75),))
LOOP = {"HumanLoopName": "loop", "FlowDefinitionArn": "arn:aws:sagemaker:us-east-1:000000000000:flow-definition/f"}


def test_flags_come_with_parents_and_levels() -> None:
    told = ask(detect_moderation_labels, desk(moderation=Told(FOUND)), OPERATION, Image=PICTURE)
    assert told == {
        "ModerationLabels": [
            {"Confidence": 90.0, "Name": "Violence", "ParentName": "", "TaxonomyLevel": 1},
            {"Confidence": 90.0, "Name": "Weapons", "ParentName": "Violence", "TaxonomyLevel": 2},
        ],
        "ModerationModelVersion": "7.0",
        "ContentTypes": [{"Confidence": 75.0, "Name": "Illustrated"}],
    }


@pytest.mark.parametrize(("members", "floor"), [({}, 0.5), ({"MinConfidence": 80}, 0.8), ({"MinConfidence": 0}, 0.0)])
def test_confidence_is_50_by_default(members: dict[str, Any], floor: float) -> None:
    ability = Told(Moderated((), ()))
    at = desk(moderation=ability, objects=detector(boxes((0, 0, 50, 50)), "Person"), labels=Told([]))
    assert ask(detect_moderation_labels, at, OPERATION, Image=PICTURE, **members)["ModerationLabels"] == []
    ((_, asked, objects, _labels),) = ability.asked
    assert asked == floor
    assert [one.label for one in objects] == ["Person"]


def test_there_are_no_human_loops() -> None:
    at = desk(moderation=Told(FOUND))
    with pytest.raises(Fault, match="InvalidParameterException: HumanLoopConfig is not offered by this device"):
        ask(detect_moderation_labels, at, OPERATION, Image=PICTURE, HumanLoopConfig=LOOP)


def test_a_device_without_moderation_says_so() -> None:
    with pytest.raises(Fault, match=f"{OPERATION} is not available on this device"):
        ask(detect_moderation_labels, desk(), OPERATION, Image=PICTURE)


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_a_harmless_photo_is_not_flagged(real: Any, photos: Photos) -> None:
    picture = {"Bytes": photos("astronaut.png")[0].read_bytes()}
    told = ask(detect_moderation_labels, real, OPERATION, Image=picture)
    assert (told["ModerationLabels"], told["ContentTypes"]) == ([], [])
    faint = ask(detect_moderation_labels, real, OPERATION, Image=picture, MinConfidence=0)["ModerationLabels"]
    parents = {flag["Name"] for flag in faint}
    assert faint
    assert all(flag["ParentName"] in parents for flag in faint if flag["TaxonomyLevel"] > 1)
