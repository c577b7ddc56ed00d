"""Train the heads that tell covers of face and head: draw, look with the int8 and the float network, fit, write.

The photos come out of packages and are fetched; what is drawn depends on the seed alone. Prints the areas under the
curve on persons that a fit has not seen (five folds): of drawings, which flatter. tools/evaluate measures on photos.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from covering import draw, photos
from evaluation.opening import floating, shipped
from numpy.typing import NDArray
from rich.progress import track

from edge.engine import Model
from edge.errors import EXPECTED, exit_code
from edge.vision.ppe import Ppe
from models import covers
from models.outputs import Scores

Floats = NDArray[np.float64]

NETWORK = "efficientnet-lite0"
OUT = Path(__file__).resolve().parents[2] / "models" / "zoo" / NETWORK / "covers.npz"
VIEWS = (covers.HEAD, covers.FACE)
# How often a sample is of a walker, distracts, wears a hat, a mask, and one under the nose.
WALKER, DISTRACTED, HATTED, MASKED, LOW = 0.25, 0.35, 0.5, 0.5, 0.4
SHAKE = 0.05  # of the face's height, by which detectors err
DECAY = 100.0  # the ridge of the fit
FOLDS = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/covers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=4000, help="drawings (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="where to write (%(default)s)")
    arguments = parser.parse_args()
    try:
        return train(arguments.count, arguments.seed, arguments.out)
    except EXPECTED as error:
        print(f"covers: {error}", file=sys.stderr)
        return exit_code(error)


def train(count: int, seed: int, out: Path) -> int:
    with shipped("movenet-multipose") as poses, shipped(NETWORK) as ours:
        with shipped("yunet") as finder, shipped("nanodet-g") as detector:
            people = photos.everybody(finder, detector, Ppe(poses, ours))
        drawn = list(samples(people, count, np.random.default_rng(seed)))
        with floating(NETWORK) as theirs:
            seen = [features(model, drawn) for model in (ours, theirs)]
    views = [np.concatenate([network[view] for network in seen]) for view in range(len(VIEWS))]
    worn = np.tile(np.array([sample[1] for sample in drawn]), (len(seen), 1))
    person = np.tile([sample[2] for sample in drawn], len(seen))
    masked = worn[:, 1]
    tasks = {
        "head": (views[0], worn[:, 0], person),
        "face": (views[1], worn[:, 1], person),
        "nose": (views[1][masked], worn[masked, 2], person[masked]),
    }
    for name, task in tasks.items():
        print(f"{name}: AUC {crossed(*task):.3f} on drawings of persons not trained on")
    fits = [fit(rows, truth) for rows, truth, _ in tasks.values()]
    weights, biases = (np.stack(part) for part in zip(*fits, strict=True))
    np.savez_compressed(out, weights=weights.astype(np.float16), biases=biases.astype(np.float32))
    print(f"{out}: from {count} drawings on {len(people)} heads, seed {seed}")
    return 0


Sample = tuple[list[photos.Image], tuple[bool, bool, bool], int]


def samples(people: list[photos.Bare], count: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Crops of each view; whether head, mouth and nose are covered; and the person."""
    textures = photos.textures()
    groups = [[bare for bare in people if bare.turned == turned] for turned in (False, True)]
    for _ in track(range(count), "drawing"):
        group = groups[rng.random() < WALKER]
        bare = group[rng.integers(len(group))]
        if rng.random() < 0.5:
            bare = photos.mirrored(bare)
        image, hatted = bare.image, bool(rng.random() < HATTED)
        masked = not bare.turned and bool(rng.random() < MASKED)
        low = masked and bool(rng.random() < LOW)
        layers = [draw.distraction(rng)] if rng.random() < DISTRACTED and not bare.turned else []
        layers += [draw.hat(rng)] if hatted else []
        layers += [draw.mask(rng, textures, under_nose=low)] if masked else []
        for layer in layers:
            image = draw.lay(image, bare.landmarks, layer, rng)
        height = float(bare.face[3] - bare.face[1])
        shaken = bare.face + rng.normal(0, SHAKE * height, 4).astype(np.float32)
        image, face = photos.worn_down(image, shaken, rng)
        crops = [covers.crop(image, face, view, photos.kept(NETWORK)) for view in VIEWS]
        yield crops, (hatted, masked, masked and not low), bare.person


def features(model: Model, drawn: list[Sample]) -> list[Floats]:
    """What the network says of each view, [samples,features]."""
    found: list[list[photos.Plane]] = [[] for _ in VIEWS]
    for crops, _, _ in track(drawn, f"looking with {model.use.digest[:8]}"):
        for view, crop in zip(found, crops, strict=True):
            told = model.run(crop)
            assert isinstance(told, Scores)  # noqa: S101 - its decoder is classify
            assert told.features is not None  # noqa: S101 - which keeps the features
            view.append(told.features)
    return [np.array(view, np.float64) for view in found]


def fit(rows: Floats, truth: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Weights and bias of a ridge logistic regression, by Newton's method."""
    design = np.hstack([rows, np.ones((len(rows), 1))])
    ridge = np.full(design.shape[1], DECAY)
    ridge[-1] = 1e-6
    found = np.zeros(design.shape[1])
    for _ in range(30):
        told = 0.5 + 0.5 * np.tanh(0.5 * design @ found)
        slope = design.T @ (told - truth) + ridge * found
        bend = (design * np.maximum(told * (1 - told), 1e-6)[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        found -= step
        if np.abs(step).max() < 1e-5:
            break
    return found[:-1], float(found[-1])


def crossed(rows: Floats, truth: NDArray[np.bool_], person: NDArray[np.int64]) -> float:
    """Area under the curve where each person is judged by a fit on others."""
    told = np.zeros(len(rows))
    for fold in range(FOLDS):
        left = person % FOLDS == fold
        weights, bias = fit(rows[~left], truth[~left])
        told[left] = rows[left] @ weights + bias
    covered, bare = told[truth], np.sort(told[~truth])
    return float(np.searchsorted(bare, covered).mean() / len(bare))


if __name__ == "__main__":
    sys.exit(main())
