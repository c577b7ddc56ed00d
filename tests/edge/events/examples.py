"""Events to fill logs with."""

from __future__ import annotations

import time

from edge.values import Box, Event, ModelUse

YUNET = ModelUse("faces", "yunet", 1, "a" * 64, "openvino")


def matched(person: str = "ann", camera: str = "door", at: float | None = None) -> Event:
    values = {
        "track": 7,
        "person": person,
        "face_id": "0b5c",
        "external_image_id": None,
        "user_id": None,
        "collection": "people",
        "similarity": 99.12,
        "cosine": 0.61,
        "box": Box(0.1, 0.2, 0.3, 0.4),
    }
    return Event("face_matched", camera, time.time() if at is None else at, values, (YUNET,), {"faces": 3.217})


def online(camera: str = "door", at: float | None = None) -> Event:
    return Event("camera_online", camera, time.time() if at is None else at, {})
