"""One vector for several faces of a person: their mean, in which a face that is not like the others hardly counts.

The weight of a face is its similarity (`edge.similarity`, 0..1) to the weighted mean of the *others*, found by
iteration from equal weights: an estimate of location whose weights fall with distance (an M-estimator; Huber, 1964),
with each face judged by the others alone, so that a wrong one cannot vouch for itself. Of one or two faces it is the
plain mean: nobody can tell which of two is wrong. Measured in docs/ACCURACY.md (`recognition.users`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.similarity import likeness

ROUNDS = 20
SETTLED = 1e-4  # change of a weight below which all have settled
LEAST = 1e-6  # weight of a face like nobody: where all are, the mean is still one


def centre(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The unit vector [D] of faces [N,D] of unit length, N at least 1."""
    total = _weights(vectors) @ vectors
    length = float(np.linalg.norm(total))
    # Opposite faces have no mean; the first one stands for them.
    return np.asarray(total / length if length > LEAST else vectors[0], np.float32)


def agreement(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """How similar each face is to the centre of the others, in percent [N]; N at least 2."""
    return 100.0 * _support(vectors, _weights(vectors))


def _weights(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much each face counts [N], 0..1."""
    weights = np.ones(len(vectors))
    for _ in range(ROUNDS if len(vectors) > 2 else 0):
        before, weights = weights, np.maximum(_support(vectors, weights), LEAST)
        if np.abs(weights - before).max() < SETTLED:
            break
    return weights


def _support(vectors: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The similarity [N], 0..1, of each face to the weighted mean of the others."""
    others = weights @ vectors - weights[:, None] * vectors
    lengths = np.maximum(np.linalg.norm(others, axis=1), LEAST)
    cosines = np.einsum("nd,nd->n", others, vectors) / lengths
    return np.array([likeness(cosine) for cosine in cosines.tolist()])
