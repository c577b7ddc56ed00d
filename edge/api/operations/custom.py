"""DetectCustomLabels: labels of one's own models, of which this device runs none yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import faults
from edge.api.desk import Desk


def detect_custom_labels(_: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    raise faults.resource_not_found(f"Project version {members['ProjectVersionArn']} does not exist")
