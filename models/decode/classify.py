"""One score per label. `index` chooses the output; `background` drops its first class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.manifest import Decode
from models.outputs import Floats, Scores


def decode(outputs: dict[str, NDArray[Any]], how: Decode, floor: float) -> Scores:  # noqa: ARG001 all classes stay
    """Probabilities of all classes; `floor` is left to who names them, since parents sum over their leaves."""
    values: Floats = list(outputs.values())[how.index].ravel().astype(np.float32, copy=False)
    if how.activation == "softmax":
        # The ufuncs themselves: each method of an array is another call in Python.
        values = np.exp(values - np.maximum.reduce(values))
        values /= np.add.reduce(values)
    elif how.activation == "sigmoid":
        half = np.float32(0.5)
        values = half + half * np.tanh(half * values)  # the logistic function, without its overflow
    features = outputs.get("features")
    return Scores(values[1:] if how.background else values, None if features is None else features.ravel())
