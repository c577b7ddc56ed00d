"""DetectProtectiveEquipment: who wears what, and who has all that is required."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import faults, shapes
from edge.api.desk import Desk
from edge.api.images import Limits
from edge.api.seeing import unavailable
from edge.findings import BodyPart, Equipment, Protection, Worker
from edge.scene import Scene
from edge.settings import Tasks

VERSION = "1.0"
LIMITS = Limits(sent=4 << 20, least=64, most=4096)
LEAST_CONFIDENCE = 50.0  # a lower one counts as this


def detect_protective_equipment(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Hand covers are never found here: whoever is required to wear them is indeterminate (docs/PPE.md)."""
    ability = desk.abilities.ppe
    if ability is None:
        raise unavailable(desk.abilities, "ppe", "DetectProtectiveEquipment")
    summarized = members.get("SummarizationAttributes") or {}
    required = summarized.get("RequiredEquipmentTypes", ())
    if summarized and not required:
        raise faults.invalid_parameter()
    image = desk.images.read(members["Image"], LIMITS).image
    scene = Scene(image, desk.abilities, Tasks())
    floor = max(summarized.get("MinConfidence", LEAST_CONFIDENCE), LEAST_CONFIDENCE) / 100.0
    found = ability.look(image, scene.faces, required, floor, scene.objects)
    return {
        "ProtectiveEquipmentModelVersion": VERSION,
        "Persons": [_person(one) for one in found.persons],
        **({"Summary": _summary(found)} if summarized else {}),
    }


def _person(one: Worker) -> dict[str, Any]:
    return {
        "BodyParts": [_part(part) for part in one.parts],
        "BoundingBox": shapes.box(one.box),
        "Confidence": shapes.percent(one.score),
        "Id": one.id,
    }


def _part(part: BodyPart) -> dict[str, Any]:
    return {
        "Name": part.name,
        "Confidence": shapes.percent(part.score),
        "EquipmentDetections": [_equipment(one) for one in part.equipment],
    }


def _equipment(one: Equipment) -> dict[str, Any]:
    return {
        "BoundingBox": shapes.box(one.box),
        "Confidence": shapes.percent(one.score),
        "Type": one.kind,
        "CoversBodyPart": shapes.answer(one.covers),
    }


def _summary(found: Protection) -> dict[str, Any]:
    return {
        "PersonsWithRequiredEquipment": list(found.with_required),
        "PersonsWithoutRequiredEquipment": list(found.without_required),
        "PersonsIndeterminate": list(found.indeterminate),
    }
