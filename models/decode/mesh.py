"""A face mesh: points of a face in the pixels of its crop, and whether a face is there at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.manifest import Decode
from models.outputs import Meshes


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Meshes:  # noqa: ARG001 every crop is answered
    """Points [N,points*3] as x, y, z, and the logit of a face's presence [N]."""
    points, presence, *_ = outputs.values()
    half = np.float32(0.5)
    sure = half + half * np.tanh(half * presence.reshape(-1).astype(np.float32, copy=False))
    return Meshes(points.reshape(len(sure), -1, 3).astype(np.float32, copy=False), sure)
