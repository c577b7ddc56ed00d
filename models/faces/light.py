"""How a face is lit and how sharp it is, and how dark its spectacles are: read off its pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.outputs import Floats
from models.quality import Quality, quality

Image = NDArray[np.uint8]

# Faces are judged at this size, so that sharpness does not depend on the picture's.
SIDE = 112
# Beneath each iris, in distances between the outer corners of the eyes, lies a lens; past its rim, the cheek.
IRISES, CORNERS = (468, 473), (33, 263)
LENS, CHEEK = 0.12, 0.62
# A patch this wide is sampled at 49 points.
PATCH = 0.12
GRID = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 7)] * 2), -1).reshape(1, -1, 2)


def qualities(image: Image, boxes: Floats) -> list[Quality]:
    """Of what each box [N,4] (pixels) holds, its longer side brought to SIDE; all zero where it holds nothing."""
    height, width = image.shape[:2]
    found = []
    for x1, y1, x2, y2 in np.clip(np.rint(boxes), 0, [width, height, width, height]).astype(int).tolist():
        if x2 <= x1 or y2 <= y1:
            found.append(Quality(0.0, 0.0, 0.0))
            continue
        luma = cv2.cvtColor(image[y1:y2, x1:x2], cv2.COLOR_BGR2GRAY)
        zoom = SIDE / max(luma.shape)
        size = max(1, round((x2 - x1) * zoom)), max(1, round((y2 - y1) * zoom))
        seen = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
        found.append(quality(seen.astype(np.uint8, copy=False)))
    return found


def tints(image: Image, meshes: NDArray[np.float64]) -> Floats:
    """Luma just below the irises over that of the cheeks, of meshes [N,478,3] in pixels, [N]: low behind dark lenses.

    What lies outside the picture counts as its edge; cheeks count as at least one level bright.
    """
    across = meshes[:, CORNERS[1], :2] - meshes[:, CORNERS[0], :2]
    down = np.stack([-across[:, 1], across[:, 0]], 1)
    ways = np.stack([LENS * down, CHEEK * down], 1)
    centres = ways[:, :, None] + meshes[:, None, IRISES, :2]  # [N,lens or cheek,eye,2]
    patches = PATCH * np.hypot(*across.T)[:, None, None] * GRID  # [N,49,2]
    spots = np.rint(centres[:, :, :, None] + patches[:, None, None]).astype(int)
    columns = np.clip(spots[..., 0], 0, image.shape[1] - 1)
    rows = np.clip(spots[..., 1], 0, image.shape[0] - 1)
    luma = (image[rows, columns] @ np.array([0.114, 0.587, 0.299])).mean((2, 3))
    found: Floats = (luma[:, 0] / np.maximum(luma[:, 1], 1.0)).astype(np.float32)
    return found
