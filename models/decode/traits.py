"""Age and gender of faces, and the features they were read from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.manifest import Decode
from models.outputs import Traits


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Traits:  # noqa: ARG001 all are told
    """Probabilities of whole years [N,years], of being male [N,1], and features [N,features]."""
    age, male, features = (array.astype(np.float32, copy=False) for array in outputs.values())
    years = np.clip(age, 0, None)
    return Traits(years / np.maximum(years.sum(1, keepdims=True), 1e-12), np.clip(male.reshape(-1), 0, 1), features)
