"""One probability a face, that of the class `index`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.manifest import Decode
from models.outputs import Votes


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Votes:  # noqa: ARG001 every face keeps its own
    """The softmax of logits [N,classes]."""
    (logits,) = outputs.values()
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return Votes((raised[:, how.index] / raised.sum(axis=1)).astype(np.float32, copy=False))
