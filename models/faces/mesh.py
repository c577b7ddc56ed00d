"""The 478 points of a face mesh: which of them are Rekognition's thirty, and how the head is turned."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.faces.crops import Transforms, back
from models.manifest import folder
from models.outputs import Floats

RIGID = 468  # points of the skin; the ten behind them are irises

# Rekognition's names, in its order. Left is the picture's left: the subject's right eye is "eyeLeft".
NAMED: dict[str, tuple[int, ...]] = {
    "eyeLeft": (33, 133), "eyeRight": (362, 263), "mouthLeft": (61,), "mouthRight": (291,), "nose": (1,),
    "leftEyeBrowLeft": (70,), "leftEyeBrowRight": (107,), "leftEyeBrowUp": (105,),
    "rightEyeBrowLeft": (336,), "rightEyeBrowRight": (300,), "rightEyeBrowUp": (334,),
    "leftEyeLeft": (33,), "leftEyeRight": (133,), "leftEyeUp": (159,), "leftEyeDown": (145,),
    "rightEyeLeft": (362,), "rightEyeRight": (263,), "rightEyeUp": (386,), "rightEyeDown": (374,),
    "noseLeft": (98,), "noseRight": (327,), "mouthUp": (0,), "mouthDown": (17,),
    "leftPupil": (468,), "rightPupil": (473,), "upperJawlineLeft": (127,), "midJawlineLeft": (172,),
    "chinBottom": (152,), "midJawlineRight": (397,), "upperJawlineRight": (356,),
}  # fmt: skip

FIRST, LAST = ([at[place] for at in NAMED.values()] for place in (0, -1))

# What the blendshape network sees: kLandmarksSubsetIdxs of MediaPipe's face_blendshapes_graph.cc.
MOVING = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80, 81,
    82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154,
    155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263,
    267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321,
    323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387,
    388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)  # fmt: skip


def in_picture(points: Floats, transforms: Transforms) -> NDArray[np.float64]:
    """Meshes [N,478,3] of crops as pixels of the picture; z in the same unit."""
    zoom = np.hypot(transforms[:, 0, 0], transforms[:, 1, 0])
    flat = back(points[:, :, :2].astype(np.float64), transforms)
    return np.concatenate([flat, points[:, :, 2:] / zoom[:, None, None]], 2)


def named(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rekognition's thirty landmarks of meshes [N,478,3], x and y in their unit and in the order of NAMED, [N,30,2]."""
    found: NDArray[np.float64] = (points[:, FIRST, :2] + points[:, LAST, :2]) / 2
    return found


def outside(points: NDArray[np.float64], size: NDArray[np.float64]) -> Floats:
    """The share of the skin's points of meshes [N,478,3] that lie outside a picture of `size` (width, height), [N]."""
    skin = points[:, :RIGID, :2]
    found: Floats = ((skin < 0) | (skin >= size)).any(2).mean(1).astype(np.float32)
    return found


@cache
def canonical() -> NDArray[np.float64]:
    """MediaPipe's canonical face [468,3] in centimetres: x to the picture's right, y up, z towards the camera."""
    with folder("face-mesh").joinpath("canonical.npz").open("rb") as file, np.load(file, allow_pickle=False) as kept:
        points: NDArray[np.float64] = kept["points"].astype(np.float64)
    points -= points.mean(0)
    return points


def rotations(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """How the canonical face is turned to lie over meshes [N,478,3], [N,3,3] (Kabsch's algorithm)."""
    seen = points[:, :RIGID] * [1, -1, -1]
    u, _, vt = np.linalg.svd(np.swapaxes(seen - seen.mean(1, keepdims=True), 1, 2) @ canonical())
    u[:, :, 2] *= np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)[:, None]  # no mirror image
    turns: NDArray[np.float64] = u @ vt
    return turns


def angles(turn: NDArray[np.float64]) -> tuple[float, float, float]:
    """Roll (clockwise), yaw (to the picture's right) and pitch (up) of a rotation [3,3], in degrees.

    The head is first raised, then turned, then tilted: so a turn of the picture adds to roll alone.
    """
    roll = np.arctan2(-turn[1, 0], turn[0, 0])
    yaw = np.arctan2(-turn[2, 0], np.hypot(turn[2, 1], turn[2, 2]))
    pitch = np.arctan2(-turn[2, 1], turn[2, 2])
    return float(np.degrees(roll)), float(np.degrees(yaw)), float(np.degrees(pitch))
