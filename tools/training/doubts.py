"""Labels that are probably wrong: all pictures but one say what that one shows, and it is labelled otherwise.

What the pictures show is taken from the features of the backbone that ships with the models, so nothing is learnt yet
and nothing but the models is needed. Each picture is judged by a linear fit of the others and by its nearest ones;
both have to be sure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from training.datasets import Sample

from accel.session import open_session
from edge import pictures
from edge.packs.store import Store, default_root
from models.manifest import Backend
from models.tensors import dequantise, fit, pack

MODEL = "efficientnet-lite0"
BACKEND: Backend = "openvino"
NEAREST, AGREEING = 5, 4
LITTLE, MUCH = 0.25, 0.5  # of its own label and of the other one, where 1 is all of it
STIFFNESS = 0.3  # of the fit, relative to the mean length of the features
MOST = 3000  # pictures judged together
TOLD = 0.8  # of the other pictures have to be told rightly, or the labels are not about what the features see
COMMON = 0.2  # so many doubts mean that the labels cannot be told apart like this, not that they are wrong

Floats = NDArray[np.float64]


def features(samples: Sequence[Sample], tell: Callable[[float], None]) -> Floats:
    """[N,1280] of the pictures. Raises ModelError if the model is not installed."""
    built = Store(default_root()).find(MODEL, BACKEND)
    session = open_session(BACKEND, built.weights)
    wants = built.manifest.input_for(BACKEND)
    place = built.manifest.variants[BACKEND].outputs.index("features")
    found = []
    try:
        for done, sample in enumerate(samples, 1):
            fitted, _ = fit(pictures.read(sample.path), wants)
            answers = session.run({session.inputs[0].name: pack(fitted, wants, np.uint8)})
            spec = session.outputs[place]
            found.append(dequantise(answers[spec.name], spec.scale, spec.zero_point).ravel())
            tell(done / len(samples))
    finally:
        session.close()
    return np.array(found, np.float64)


def doubted(known: Floats, labels: Sequence[str], seed: int = 0) -> dict[int, str]:
    """The places of pictures that the others would label differently, and how; empty where that is common."""
    names = sorted(set(labels))
    truth = np.array([names.index(label) for label in labels])
    order = np.random.default_rng(seed).permutation(len(labels))
    found: dict[int, str] = {}
    for rows in np.array_split(order, max(-(-len(labels) // MOST), 1)):
        wrong = _wrong(known[rows], truth[rows], len(names))
        found |= {int(rows[at]): names[other] for at, other in wrong.items()}
    return dict(sorted(found.items())) if len(found) <= COMMON * len(labels) else {}


def _wrong(known: Floats, truth: NDArray[np.int64], count: int) -> dict[int, int]:
    """In rounds: without the labels that were found wrong, others stand out."""
    found: dict[int, int] = {}
    while True:
        left = np.array([place for place in range(len(truth)) if place not in found])
        scores, near = (judge(known[left], truth[left], count) for judge in (_without_each, _nearest))
        rows, other = np.arange(len(left)), scores.argmax(1)
        wrong = (scores[rows, truth[left]] < LITTLE) & (scores[rows, other] > MUCH) & (near[rows, other] >= AGREEING)
        if not wrong.any():
            told = float((other == truth[left]).mean())
            return found if told >= TOLD else {}
        found |= {int(left[at]): int(other[at]) for at in np.nonzero(wrong)[0]}


def _without_each(known: Floats, truth: NDArray[np.int64], count: int) -> Floats:
    """[N,K]: how much of each label a linear fit of all other pictures sees in each (ridge, left out one by one)."""
    rows = known - known.mean(0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9
    wanted = np.eye(count)[truth]
    alike = rows @ rows.T + 1 / len(rows)
    hat = np.linalg.solve(alike + STIFFNESS * np.eye(len(rows)), alike).T
    leverage = np.diag(hat)[:, None]
    return np.asarray((hat @ wanted - leverage * wanted) / np.maximum(1 - leverage, 1e-6))


def _nearest(known: Floats, truth: NDArray[np.int64], count: int) -> Floats:
    """[N,K]: how many of the nearest pictures bear each label."""
    rows = known / (np.linalg.norm(known, axis=1, keepdims=True) + 1e-9)
    alike = rows @ rows.T
    np.fill_diagonal(alike, -np.inf)
    nearest = np.argsort(-alike, axis=1)[:, :NEAREST]
    return np.asarray(np.eye(count)[truth[nearest]].sum(1))
