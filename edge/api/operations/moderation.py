"""DetectModerationLabels: what should perhaps not be shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import faults, shapes
from edge.api.adapting import adapted, adapter_of
from edge.api.desk import Desk
from edge.api.seeing import unavailable
from edge.scene import Scene
from edge.settings import Tasks
from models.moderation import VERSION

MIN_CONFIDENCE = 50.0


def detect_moderation_labels(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Which names can come without an adapter stands in docs/MODERATION.md. There are no human loops."""
    if members.get("HumanLoopConfig"):
        raise faults.invalid_parameter("HumanLoopConfig is not offered by this device")
    if desk.abilities.moderation is None:
        raise unavailable(desk.abilities, "moderation", "DetectModerationLabels")
    arn = members.get("ProjectVersion")
    adapter = adapter_of(desk, arn) if arn else None
    scene = Scene(desk.images.read(members["Image"]).image, desk.abilities, Tasks())
    floor = members.get("MinConfidence", MIN_CONFIDENCE) / 100.0
    found = scene.moderated(floor)
    if adapter:
        found = adapted(found, adapter.look(scene.image, 0.0), floor)
    return {
        "ModerationLabels": [
            {
                "Confidence": shapes.percent(flag.score),
                "Name": flag.name,
                "ParentName": flag.parent,
                "TaxonomyLevel": flag.level,
            }
            for flag in found.flags
        ],
        "ModerationModelVersion": VERSION,
        "ProjectVersion": arn,
        "ContentTypes": [
            {"Confidence": shapes.percent(one.score), "Name": str(one.value)} for one in found.content_types
        ],
    }
