"""Small linear heads on what networks say of a face: logits of what no network here tells by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from models.manifest import folder
from models.outputs import Floats


@dataclass(frozen=True, slots=True)
class Head:
    """`weights` [features, answers] for the kinds of features it `uses`, side by side in this order; `bias` [answers].

    `answers` names them where there are several.
    """

    uses: tuple[str, ...]
    weights: Floats
    bias: Floats
    answers: tuple[str, ...]

    def logits(self, features: Mapping[str, Floats]) -> Floats:
        """[N,answers] from [N,...] of each kind."""
        found: Floats = np.concatenate([features[kind] for kind in self.uses], 1) @ self.weights + self.bias
        return found


@cache
def load(model: str) -> dict[str, Head]:
    """The heads kept beside a model of the zoo, by name."""
    with folder(model).joinpath("heads.npz").open("rb") as file, np.load(file, allow_pickle=False) as kept:
        return {
            name: Head(
                tuple(kept[f"{name}.uses"].tolist()),
                kept[f"{name}.weights"].astype(np.float32),
                kept[f"{name}.bias"].astype(np.float32),
                tuple(kept[f"{name}.answers"].tolist()),
            )
            for name in kept["names"].tolist()
        }


def sigmoid(logits: Floats) -> Floats:
    """The logistic function, without its overflow."""
    half = np.float32(0.5)
    found: Floats = half + half * np.tanh(half * logits)
    return found


def softmax(logits: Floats) -> Floats:
    """Probabilities [N,answers] that sum to 1."""
    raised: Floats = np.exp(logits - logits.max(1, keepdims=True))
    raised /= raised.sum(1, keepdims=True)
    return raised
