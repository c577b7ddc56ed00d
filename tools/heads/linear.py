"""Logistic regression in numpy: several answers, weighted samples, a penalty on large weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.faces.heads import softmax

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

STEPS = 300


def fit(rows: Floats, labels: Ints, weights: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Weights [features, answers] and bias [answers] for rows as they are, whatever their scale.

    `weights` is how much each sample counts. Nesterov's accelerated gradient on standardised features, whose
    penalty is penalty/2 times the sum of squares.
    """
    mean, spread = rows.mean(0), rows.std(0) + np.float32(1e-3)
    known = np.column_stack([(rows - mean) / spread, np.ones(len(rows), np.float32)]).astype(np.float32)
    wanted = np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]
    shrink = np.full((known.shape[1], 1), penalty, np.float32)
    shrink[-1] = 0  # not the bias
    steepest = 0.5 * float(np.linalg.norm(known, 2)) ** 2 / len(rows) * float(weights.max()) + penalty
    found = ahead = np.zeros((known.shape[1], wanted.shape[1]), np.float32)
    pace = 1.0
    for _ in range(STEPS):
        wrong = (softmax(known @ ahead) - wanted) * weights[:, None]
        stepped = ahead - (known.T @ wrong / len(rows) + shrink * ahead) / np.float32(steepest)
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead = stepped + np.float32((pace - 1) / faster) * (stepped - found)
        found, pace = stepped, faster
    scaled = found[:-1] / spread[:, None]
    return scaled, found[-1] - mean @ scaled


def even_odds(scores: Floats, truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that make a score the logit of a probability, with yes and no counting alike (Platt).

    So half means even odds between two equally frequent answers, not between those of some collection.
    """
    share = np.where(truth, 0.5 / truth.mean(), 0.5 / (~truth).mean()).astype(np.float32)
    weights, bias = fit(scores.reshape(-1, 1).astype(np.float32), truth.astype(np.int64), share, 1e-4)
    return float(weights[0, 1] - weights[0, 0]), float(bias[1] - bias[0])
