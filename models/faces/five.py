"""What the five landmarks of a face tell of its pose, before anything is cut out or inferred."""

from __future__ import annotations

import numpy as np

from models.faces.mesh import angles
from models.outputs import Floats

# The same points on MediaPipe's canonical face, in centimetres: x to the picture's right, y up, z towards the camera.
MODEL = np.array(
    [(-3.15, 2.63, 3.80), (3.15, 2.63, 3.80), (0.0, -1.13, 7.48), (-2.46, -4.34, 4.28), (2.46, -4.34, 4.28)]
)
CENTRED = MODEL - MODEL.mean(axis=0)
INVERSE = np.linalg.pinv(CENTRED)


def pose(landmarks: Floats) -> tuple[float, float, float]:
    """Roll (clockwise), yaw (to the picture's right) and pitch (up) in degrees of landmarks [5,2] in pixels.

    The camera is taken to be far away (scaled orthography): the least-squares affine view of MODEL, made a rotation.
    Coarse: a frontal face reads within about 10 degrees, and a yaw of 65 as about 50. Points that all coincide face
    the camera.
    """
    seen = (landmarks.astype(np.float64) - landmarks.mean(axis=0)) * [1.0, -1.0]
    affine = (INVERSE @ seen).T
    if not np.linalg.norm(affine):
        return 0.0, 0.0, 0.0
    u, _, vt = np.linalg.svd(affine, full_matrices=False)
    right, up = u @ vt
    return angles(np.stack([right, up, np.cross(right, up)]))
