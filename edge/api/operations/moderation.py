"""DetectModerationLabels: what should perhaps not be shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import faults, shapes
from edge.api.desk import Desk
from edge.api.seeing import unavailable
from edge.scene import Scene
from edge.settings import Tasks
from models.moderation import VERSION

MIN_CONFIDENCE = 50.0


def detect_moderation_labels(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Which names can come at all stands in docs/MODERATION.md. There are no adapters and no human loops."""
    if version := members.get("ProjectVersion"):
        raise faults.resource_not_found(f"Adapter {version} does not exist: this device runs none")
    if members.get("HumanLoopConfig"):
        raise faults.invalid_parameter("HumanLoopConfig is not offered by this device")
    if desk.abilities.moderation is None:
        raise unavailable(desk.abilities, "moderation", "DetectModerationLabels")
    scene = Scene(desk.images.read(members["Image"]).image, desk.abilities, Tasks())
    found = scene.moderated(members.get("MinConfidence", MIN_CONFIDENCE) / 100.0)
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
        "ContentTypes": [
            {"Confidence": shapes.percent(one.score), "Name": str(one.value)} for one in found.content_types
        ],
    }
