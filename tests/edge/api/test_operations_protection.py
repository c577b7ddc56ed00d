"""DetectProtectiveEquipment: persons with what they wear, and a summary for who asks for one."""

from __future__ import annotations

from typing import Any

import pytest

from edge.api.faults import Fault
from edge.api.operations.protection import detect_protective_equipment
from edge.findings import BodyPart, Equipment, Protection, Trait, Worker
from edge.values import Box
from tests.conftest import Photos
from tests.edge.api.desks import PICTURE, Analyzer, Told, ask, boxes, desk, grey

OPERATION = "DetectProtectiveEquipment"
BOX = Box(0.1, 0.1, 0.2, 0.3)
HAT = Equipment("HEAD_COVER", BOX, 0.9, Trait(True, 0.8))
FOUND = Protection((Worker(0, BOX, 0.95, (BodyPart("HEAD", 0.9, (HAT,)), BodyPart("FACE", 0.7, ()))),), (0,), (), ())


def asking(*types: str, least: float = 80) -> dict[str, Any]:
    return {"SummarizationAttributes": {"MinConfidence": least, "RequiredEquipmentTypes": list(types)}}


def test_a_person_has_body_parts_and_these_equipment() -> None:
    told = ask(detect_protective_equipment, desk(ppe=Told(FOUND)), OPERATION, Image=PICTURE)
    box = {"Width": 0.1, "Height": 0.2, "Left": 0.1, "Top": 0.1}
    assert told == {
        "ProtectiveEquipmentModelVersion": "1.0",
        "Persons": [
            {
                "BodyParts": [
                    {
                        "Name": "HEAD",
                        "Confidence": 90.0,
                        "EquipmentDetections": [
                            {
                                "BoundingBox": box,
                                "Confidence": 90.0,
                                "Type": "HEAD_COVER",
                                "CoversBodyPart": {"Value": True, "Confidence": 80.0},
                            }
                        ],
                    },
                    {"Name": "FACE", "Confidence": 70.0, "EquipmentDetections": []},
                ],
                "BoundingBox": box,
                "Confidence": 95.0,
                "Id": 0,
            }
        ],
    }


def test_a_summary_is_given_to_who_asks_and_50_is_the_least() -> None:
    ability = Told(FOUND)
    at = desk(ppe=ability, faces=Analyzer(boxes((10, 10, 40, 40))))
    told = ask(detect_protective_equipment, at, OPERATION, Image=PICTURE, **asking("HEAD_COVER", least=20))
    assert told["Summary"] == {
        "PersonsWithRequiredEquipment": [0],
        "PersonsWithoutRequiredEquipment": [],
        "PersonsIndeterminate": [],
    }
    ((_, faces, required, floor, objects),) = ability.asked
    assert (len(faces), list(required), floor, objects) == (1, ["HEAD_COVER"], 0.5, [])
    ask(detect_protective_equipment, at, OPERATION, Image=PICTURE, **asking("FACE_COVER", "HAND_COVER"))
    assert (list(ability.asked[1][2]), ability.asked[1][3]) == (["FACE_COVER", "HAND_COVER"], 0.8)


def test_a_summary_of_nothing_has_invalid_parameters() -> None:
    with pytest.raises(Fault, match="Request has invalid parameters"):
        ask(detect_protective_equipment, desk(ppe=Told(FOUND)), OPERATION, Image=PICTURE, **asking())


def test_pictures_may_be_64_to_4096_pixels_a_side() -> None:
    at = desk(ppe=Told(FOUND))
    assert ask(detect_protective_equipment, at, OPERATION, Image={"Bytes": grey(64, 64)})
    with pytest.raises(Fault, match="dimensions 5000 x 70 exceed maximum dimension size of 4096 pixels"):
        ask(detect_protective_equipment, at, OPERATION, Image={"Bytes": grey(5000, 70)})


def test_a_device_without_protection_says_so() -> None:
    with pytest.raises(Fault, match=f"{OPERATION} is not available on this device: no poses"):
        ask(detect_protective_equipment, desk(missing={"ppe": "no poses"}), OPERATION, Image=PICTURE)


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_of_a_real_person_gloves_are_never_told(real: Any, photos: Photos) -> None:
    picture = {"Bytes": photos("astronaut.png")[0].read_bytes()}
    told = ask(detect_protective_equipment, real, OPERATION, Image=picture, **asking("FACE_COVER", least=50))
    (person,) = told["Persons"]
    assert person["Confidence"] > 80
    assert {"FACE", "HEAD"} <= {part["Name"] for part in person["BodyParts"]}
    assert told["Summary"]["PersonsWithoutRequiredEquipment"] == [0]
    gloves = ask(detect_protective_equipment, real, OPERATION, Image=picture, **asking("HAND_COVER", least=50))
    assert gloves["Summary"]["PersonsIndeterminate"] == [0]
