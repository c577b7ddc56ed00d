"""Eyes of face meshes: how far open they are, and where they look relative to the head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.outputs import Floats

Meshes = NDArray[np.float64]

# Corner towards the picture's left, corner towards its right, upper lid, lower lid, iris.
EYES = ((33, 133, 159, 145, 468), (362, 263, 386, 374, 473))
FIRSTS, LASTS, UPPERS, LOWERS, IRISES = zip(*EYES, strict=True)

# A lid's height over the eye's width and the blink movement, where half of the eyes are closed, and how fast that
# changes: read off photos of packages by eye, see docs/FACES.md.
CLOSED_HEIGHT, HEIGHT_STEP = 0.05, 0.02
CLOSED_BLINK, BLINK_STEP = 0.72, 0.08

# An eye is 24 mm across, its opening about 30 mm wide (Bekerman et al., J. Ophthalmol. 2014; Fox et al. 1966).
WIDTH_OVER_RADIUS = 30 / 12
# Where an iris lies that looks straight ahead, from the middle of the eye, in its widths: away from the nose, where the
# corner is longer, and above the corners. The mean over 795 LFW photos.
OUTWARD, LEVEL = 0.034, 0.058


def heights(meshes: Meshes) -> Floats:
    """How far the lids stand apart over the eye's width, [N,2]."""
    apart = np.linalg.norm(meshes[:, UPPERS] - meshes[:, LOWERS], axis=2)
    width = np.linalg.norm(meshes[:, FIRSTS] - meshes[:, LASTS], axis=2)
    found: Floats = (apart / np.maximum(width, 1e-6)).astype(np.float32)
    return found


def openness(meshes: Meshes, blinks: Floats) -> Floats:
    """Logits [N] that eyes are open; `blinks` [N,2] are the two blink movements, 0..1."""
    lids = (heights(meshes).mean(1) - CLOSED_HEIGHT) / HEIGHT_STEP
    found: Floats = lids + (CLOSED_BLINK - blinks.mean(1)) / BLINK_STEP
    return found


def gaze(meshes: Meshes, turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each eye of meshes [N,478,3] looks: yaw to the picture's right and pitch up, degrees, [N,2,2].

    `turns` [N,3,3] are the heads' rotations; the answer is relative to the head. The iris's way from the middle of the
    eye is the sine of the angle, in radii of the eyeball.
    """
    first, last, iris = (list(column) for column in (FIRSTS, LASTS, IRISES))
    upright = (meshes[:, first + last + iris] * [1, -1, -1]) @ turns  # x to the right, y up, as the head has them
    begin, end, centre = np.split(upright[:, :, :2], 3, axis=1)
    width = np.maximum(np.linalg.norm(end - begin, axis=2, keepdims=True), 1e-6)
    ahead = np.array([[-OUTWARD, LEVEL], [OUTWARD, LEVEL]])
    off = (centre - (begin + end) / 2) / width - ahead
    found: NDArray[np.float64] = np.degrees(np.arcsin(np.clip(off * WIDTH_OVER_RADIUS, -1, 1)))
    return found
