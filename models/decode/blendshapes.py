"""How far each of a face's movements goes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.manifest import Decode
from models.outputs import Blendshapes


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Blendshapes:  # noqa: ARG001 all are told
    """One row [movements] a face, kept within 0..1."""
    (values,) = outputs.values()
    return Blendshapes(np.clip(values.astype(np.float32, copy=False), 0, 1))
