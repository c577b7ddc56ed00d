"""DetectCustomLabels: what a version of one's own model sees in a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import faults, naming, shapes
from edge.api.desk import Desk
from edge.api.images import Limits
from edge.custom import STARTABLE, Status, Version
from edge.findings import CustomLabel
from edge.vision.custom import Custom

LIMITS = Limits(sent=4 << 20, least=64)


def detect_custom_labels(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Best first; without a MinConfidence each label from its own assumed threshold up."""
    custom = running(desk, naming.version_of(desk, members["ProjectVersionArn"]))
    floor = members.get("MinConfidence")
    image = desk.images.read(members["Image"], LIMITS).image
    found = custom.look(image, None if floor is None else floor / 100.0)
    return {"CustomLabels": [_label(one) for one in found[: members.get("MaxResults")]]}


def running(desk: Desk, version: Version) -> Custom:
    """Raises ResourceNotReadyException for one that is not RUNNING, here and now."""
    customs = desk.abilities.custom
    custom = customs.version(version.project, version.name) if customs else None
    if custom is None or custom.installed.digest != version.digest:
        raise faults.resource_not_ready(f"The model {version.place} is {version.status}{_unready(desk, version)}")
    return custom


def _unready(desk: Desk, version: Version) -> str:
    if desk.abilities.custom is None:
        return f", and cannot be asked here: {desk.abilities.missing.get('custom', 'custom models are off')}"
    if version.status in (Status.STARTING, Status.RUNNING):
        return ", and is being opened: try again in a moment"
    if version.status in STARTABLE and version.digest:
        return ", and must be RUNNING: call StartProjectVersion"
    return ", and must be RUNNING"


def _label(found: CustomLabel) -> dict[str, Any]:
    told: dict[str, Any] = {"Name": found.name, "Confidence": shapes.percent(found.score)}
    if found.box:
        told["Geometry"] = {"BoundingBox": shapes.box(found.box)}
    return told
