"""The yes-or-no heads: taken over from the experiment that trained them, and given probabilities."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from heads.linear import Floats, Ints, even_odds
from numpy.typing import NDArray

from models.faces.heads import Head

TRAINED = Path("heads", "attr_heads_experimental.npz")
# Our name, its own, and the features it stands on.
TAKEN = {
    "eyeglasses": ("Eyeglasses/faceres", ("traits",)),
    "beard": ("Beard/faceres", ("traits",)),
    "mustache": ("Mustache/faceres", ("traits",)),
    "mouth_open": ("MouthOpen/blend", ("blendshapes",)),
    "smile": ("Smile/both", ("traits", "blendshapes")),
}
# Movements that stay below this are noise, which the experiment blew up with weights of 100,000 and more.
STILL = 0.01
SMILING, NOT_SMILING = ("happiness",), ("neutral", "sadness", "disgust")
# Its labels call it a mustache only where there is no beard; a beard speaks for one too.
BEARDED = 0.2


def take(file: Path, blendshapes: Floats) -> dict[str, Head]:
    """Each head with its threshold moved to even odds; `blendshapes` [N,52] tell which movements are noise."""
    still = np.quantile(blendshapes, 0.99, axis=0) < STILL
    heads = {}
    with np.load(file, allow_pickle=False) as kept:
        for name, (theirs, uses) in TAKEN.items():
            weights, (bias, threshold) = kept[f"{theirs}.W"].astype(np.float64), kept[f"{theirs}.b"].astype(np.float64)
            if "blendshapes" in uses:
                moving = weights[-len(still) :]
                bias += float(moving[still] @ blendshapes.mean(0)[still])
                moving[still] = 0
            offset = np.array([bias - threshold], np.float32)
            heads[name] = Head(uses, weights.reshape(-1, 1).astype(np.float32), offset, ())
    return heads


def recalibrated_smile(smile: Head, known: dict[str, Floats], labels: Ints, answers: tuple[str, ...]) -> Head:
    """The smile head with even odds where happy and unmoved faces of web photos part, not those of press photos."""
    rows = np.isin(labels, [answers.index(name) for name in SMILING + NOT_SMILING])
    truth = np.isin(labels[rows], [answers.index(name) for name in SMILING])
    return scaled(smile, {kind: values[rows] for kind, values in known.items()}, truth)


def mustache(alone: Head, beard: Head, known: dict[str, Floats], truth: NDArray[np.bool_]) -> Head:
    """Mustaches with or without a beard; even odds where `truth` parts the faces of `known`."""
    both = alone.weights + np.float32(BEARDED) * beard.weights
    return scaled(Head(alone.uses, both, alone.bias + np.float32(BEARDED) * beard.bias, ()), known, truth)


def scaled(head: Head, known: dict[str, Floats], truth: NDArray[np.bool_]) -> Head:
    """The head with even odds where `truth` parts the faces of `known`."""
    slope, offset = even_odds(head.logits(known)[:, 0], truth)
    return Head(head.uses, head.weights * np.float32(slope), head.bias * np.float32(slope) + np.float32(offset), ())


def seen(file: Path, attribute: str) -> dict[str, bool]:
    """What was seen by eye on each photo of a truth file; photos on which it cannot be said are left out."""
    with file.open(encoding="utf-8", newline="") as stream:
        return {row["file"]: row[attribute] == "1" for row in csv.DictReader(stream) if row[attribute]}
