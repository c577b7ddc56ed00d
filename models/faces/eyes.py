"""Eyes of face meshes: how far open they are, and where they look relative to the head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.outputs import Floats

Meshes = NDArray[np.float64]

# Corner towards the picture's left, corner towards its right, upper lid, lower lid, iris.
EYES = ((33, 133, 159, 145, 468), (362, 263, 386, 374, 473))

# A lid's height over the eye's width and the blink movement, where half of the eyes are closed, and how fast that
# changes: read off photos of packages by eye, see docs/FACES.md.
CLOSED_HEIGHT, HEIGHT_STEP = 0.05, 0.02
CLOSED_BLINK, BLINK_STEP = 0.72, 0.08

# An eye is 24 mm across, its opening about 30 mm wide (Bekerman et al., J. Ophthalmol. 2014; Fox et al. 1966).
WIDTH_OVER_RADIUS = 30 / 12
# How far above the line between the corners an iris lies that looks straight ahead, in widths of the eye.
LEVEL = 0.03


def heights(meshes: Meshes) -> Floats:
    """How far the lids stand apart over the eye's width, [N,2]."""
    found = [
        np.linalg.norm(meshes[:, upper] - meshes[:, lower], axis=1)
        / np.maximum(np.linalg.norm(meshes[:, first] - meshes[:, last], axis=1), 1e-6)
        for first, last, upper, lower, _ in EYES
    ]
    return np.stack(found, 1).astype(np.float32)


def openness(meshes: Meshes, blinks: Floats) -> Floats:
    """Logits [N] that eyes are open; `blinks` [N,2] are the two blink movements, 0..1."""
    lids = (heights(meshes).mean(1) - CLOSED_HEIGHT) / HEIGHT_STEP
    found: Floats = lids + (CLOSED_BLINK - blinks.mean(1)) / BLINK_STEP
    return found


def gaze(mesh: NDArray[np.float64], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each eye of one mesh [478,3] looks: yaw to the picture's right and pitch up, degrees, [2,2].

    `turn` [3,3] is the head's rotation; the answer is relative to the head. The iris's way from the middle of the
    eye is the sine of the angle, in radii of the eyeball.
    """
    upright = (mesh * [1, -1, -1]) @ turn  # x to the right, y up, as the head has them
    found = []
    for first, last, _, _, iris in EYES:
        width = max(float(np.linalg.norm((upright[last] - upright[first])[:2])), 1e-6)
        off = (upright[iris] - (upright[first] + upright[last]) / 2)[:2] / width - [0, LEVEL]
        found.append(np.degrees(np.arcsin(np.clip(off * WIDTH_OVER_RADIUS, -1, 1))))
    return np.array(found)
