"""One vector, scaled to unit length. `index` chooses the output."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.manifest import Decode, ModelError
from models.outputs import Embedding


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Embedding:  # noqa: ARG001 nothing to leave out
    """The embedding; raises ModelError if it has no direction."""
    vector = list(outputs.values())[how.index].ravel().astype(np.float32, copy=False)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise ModelError("the embedding has no direction: run 'vedette models verify'")
    return Embedding(vector / np.float32(length))
