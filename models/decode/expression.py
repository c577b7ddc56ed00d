"""Probabilities of expressions, and the features they were read from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.manifest import Decode
from models.outputs import Expressions


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Expressions:  # noqa: ARG001 all are told
    """Probabilities [N,labels] and features [N,features]."""
    scores, features = (array.astype(np.float32, copy=False) for array in outputs.values())
    return Expressions(np.clip(scores, 0, 1), features)
