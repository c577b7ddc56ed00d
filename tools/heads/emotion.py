"""The emotion head: from blendshapes, faceres features and the expression network to seven emotions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from heads.linear import Floats, Ints, fit
from numpy.typing import NDArray

from models import manifest
from models.faces.heads import Head, softmax

FEATURES = Path("heads", "emotion_features.npz")
USES = ("blendshapes", "traits", "expression", "expressions")
FOLDS, SEED = 5, 0
PENALTY = 1.0
# FEAR has 21 faces of 1,508: unless each counts as many, it is never said.
FEAR_COUNTS = 8.0


def read(file: Path) -> tuple[dict[str, Floats], Ints, tuple[str, ...]]:
    """What the networks said of each face, as `models.faces.traits.features` tells it, its label, and the labels."""
    with np.load(file, allow_pickle=False) as kept:
        answers = tuple(str(name) for name in kept["classes"])
        order = [answers.index(name) for name in manifest.labels("face-expression")]
        scores = kept["expression_probabilities"].astype(np.float32)[:, order]
        known = {
            "blendshapes": kept["blendshapes"].astype(np.float32),
            "traits": kept["faceres"].astype(np.float32),
            "expression": kept["expression_features"].astype(np.float32),
            "expressions": np.log(scores + np.float32(1e-4)),
        }
        return known, kept["label"].astype(np.int64), answers


def train(known: dict[str, Floats], labels: Ints, answers: tuple[str, ...]) -> Head:
    """The head on all faces."""
    rows = np.concatenate([known[kind] for kind in USES], 1)
    weights, bias = fit(rows, labels, counts(labels, answers), PENALTY)
    return Head(USES, weights, bias, answers)


def counts(labels: Ints, answers: tuple[str, ...]) -> Floats:
    """How much each face counts."""
    return np.where(labels == answers.index("fear"), FEAR_COUNTS, 1.0).astype(np.float32)


def held_out(known: dict[str, Floats], labels: Ints, answers: tuple[str, ...]) -> Floats:
    """Probabilities [N,answers] of each face by a head that has not seen its fold."""
    fold = np.random.RandomState(SEED).randint(0, FOLDS, len(labels))
    found = np.zeros((len(labels), len(answers)), np.float32)
    for place in range(FOLDS):
        out = fold == place
        head = train({kind: rows[~out] for kind, rows in known.items()}, labels[~out], answers)
        found[out] = softmax(head.logits({kind: rows[out] for kind, rows in known.items()}))
    return found


def temperature(found: Floats, labels: Ints) -> float:
    """What to multiply logits by so that held-out probabilities are as sure as they are right."""
    candidates = np.arange(0.6, 3.01, 0.1)
    logits = np.log(found + 1e-9)
    losses = [-np.log(softmax(logits * scale)[np.arange(len(labels)), labels]).mean() for scale in candidates]
    return float(candidates[int(np.argmin(losses))])


def recalls(found: Floats, labels: Ints, answers: tuple[str, ...]) -> dict[str, float]:
    """The share of each label's faces that is named rightly."""
    right: NDArray[np.bool_] = found.argmax(1) == labels
    return {answer: float(right[labels == place].mean()) for place, answer in enumerate(answers)}
