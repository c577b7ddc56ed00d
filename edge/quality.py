"""Is a view of a face good enough to recognise anybody by? The filter of that name, and Rekognition's reasons.

Each measure has a limit per level, and a view that fails one is dropped with that reason. A limit stands where the
error of views beyond it, on pictures of LFW that were blurred, darkened, overexposed, shrunk and turned here, is
several times that of the rest; `tools/evaluate` measures it again (`recognition.quality`). So many comparisons of one
person's pictures, one of them degraded, do *not* reach a similarity of 80 percent (people on whom no limit was chosen):

====== ====== ====== ====== =====
NONE   LOW    AUTO   MEDIUM HIGH
====== ====== ====== ====== =====
19.6 % 17.8 % 10.5 % 7.3 %  4.2 %
====== ====== ====== ====== =====

Of the untouched pictures AUTO drops none, HIGH 1 in 20.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, get_args

from edge.findings import Pose

Level = Literal["NONE", "AUTO", "LOW", "MEDIUM", "HIGH"]
LEVELS: tuple[Level, ...] = get_args(Level)


class Reason(StrEnum):
    """Why a face is left out, in Rekognition's words."""

    EXCEEDS_MAX_FACES = "EXCEEDS_MAX_FACES"
    EXTREME_POSE = "EXTREME_POSE"
    LOW_BRIGHTNESS = "LOW_BRIGHTNESS"
    LOW_SHARPNESS = "LOW_SHARPNESS"
    LOW_CONFIDENCE = "LOW_CONFIDENCE"
    SMALL_BOUNDING_BOX = "SMALL_BOUNDING_BOX"
    LOW_FACE_QUALITY = "LOW_FACE_QUALITY"


@dataclass(frozen=True, slots=True)
class View:
    """What is measured of a view: `size` is the box's shorter side in pixels, `score` the detector's, 0..1.

    `brightness` and `sharpness` (0..100) are `models.quality`'s, of the inside of the chip that is embedded: what is
    not sharp there the network cannot see, be the picture out of focus or the face too small.
    """

    size: float
    score: float
    pose: Pose
    brightness: float
    sharpness: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a view must reach, or stay below: angles in degrees to either side."""

    size: float
    score: float
    yaw: float
    pitch: float
    dark: float
    bright: float
    sharpness: float


LIMITS: Mapping[Level, Limits] = {
    "LOW": Limits(size=12, score=0.75, yaw=75, pitch=45, dark=3, bright=98, sharpness=15),
    "AUTO": Limits(size=16, score=0.8, yaw=60, pitch=35, dark=5, bright=94, sharpness=25),
    "MEDIUM": Limits(size=20, score=0.85, yaw=45, pitch=25, dark=8, bright=92, sharpness=30),
    "HIGH": Limits(size=32, score=0.9, yaw=30, pitch=20, dark=15, bright=88, sharpness=40),
}


def reasons(view: View, level: Level) -> tuple[Reason, ...]:
    """Why this level drops the view, worst first; empty if it passes. NONE drops nothing.

    An overexposed face has LOW_FACE_QUALITY: there is no word for it.
    """
    if level == "NONE":
        return ()
    limits = LIMITS[level]
    failed = {
        Reason.LOW_CONFIDENCE: view.score < limits.score,
        Reason.SMALL_BOUNDING_BOX: view.size < limits.size,
        Reason.LOW_SHARPNESS: view.sharpness < limits.sharpness,
        Reason.LOW_BRIGHTNESS: view.brightness < limits.dark,
        Reason.EXTREME_POSE: abs(view.pose.yaw) > limits.yaw or abs(view.pose.pitch) > limits.pitch,
        Reason.LOW_FACE_QUALITY: view.brightness > limits.bright,
    }
    return tuple(reason for reason, fails in failed.items() if fails)
