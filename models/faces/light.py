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
LENS, CHEEK, PATCH = 0.12, 0.62, 0.12


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


def tint(image: Image, mesh: NDArray[np.float64]) -> float:
    """Luma just below the irises over that of the cheeks, of one mesh [478,3] in pixels: low behind dark lenses.

    What lies outside the picture counts as its edge; cheeks count as at least one level bright.
    """
    across = mesh[CORNERS[1], :2] - mesh[CORNERS[0], :2]
    down = np.array([-across[1], across[0]])
    lenses, cheeks = (
        sum(_luma(image, mesh[iris, :2] + way * down, across) for iris in IRISES) / 2 for way in (LENS, CHEEK)
    )
    return lenses / max(cheeks, 1.0)


def _luma(image: Image, centre: NDArray[np.float64], across: NDArray[np.float64]) -> float:
    side = max(1, int(PATCH * float(np.hypot(*across))))
    x, y = (round(float(value) - side / 2) for value in centre)
    columns = np.clip(np.arange(x, x + side), 0, image.shape[1] - 1)
    rows = np.clip(np.arange(y, y + side), 0, image.shape[0] - 1)
    blue, green, red = image[np.ix_(rows, columns)].reshape(-1, 3).mean(0)
    return float(0.114 * blue + 0.587 * green + 0.299 * red)
