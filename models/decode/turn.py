"""Whether each line of a batch stands upside down. Output: probabilities of upright and turned, [N,2]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.manifest import Decode
from models.outputs import Turns


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Turns:  # noqa: ARG001 every line has one
    (probabilities,) = outputs.values()
    return Turns(probabilities.reshape(-1, 2)[:, 1].astype(np.float32, copy=False))
