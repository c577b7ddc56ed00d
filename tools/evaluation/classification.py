"""Labels: EfficientNet-Lite0 in int8 against the same graph in float, on 164 ImageNet photos.

Some of them took part, unlabelled, in the calibration, and they look like training images: only the difference says
something. One photo is .6 %. The recipe is one of four
that were compared on these photos.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from evaluation.figures import Figure, figure, watched
from evaluation.opening import floating, is_installed, shipped
from numpy.typing import NDArray

from edge import pictures
from edge.engine import Model
from models.manifest import Backend
from models.outputs import Scores

TRUTH = Path("labels", "imagenet_gt.csv")
MODEL = "efficientnet-lite0"
BACKENDS: tuple[Backend, ...] = ("openvino", "tflite")


def run(data: Path) -> Iterator[Figure]:
    """Top-1 and top-5 on each back end that is installed, and how often both forms agree."""
    with (data / TRUTH).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    photos = [(data / TRUTH.parent / row["file"], row["label"].lower()) for row in rows]
    for backend in BACKENDS:
        if is_installed(MODEL, backend):
            yield from compare(backend, photos)


def compare(backend: Backend, photos: list[tuple[Path, str]]) -> Iterator[Figure]:
    files = [file for file, _ in photos]
    with shipped(MODEL, backend) as quantized, floating(MODEL, backend) as exact:
        index = {label.lower(): number for number, label in enumerate(quantized.labels)}
        ours, theirs = (best_five(model, files) for model in (quantized, exact))
    truth = np.array([index[label] for _, label in photos])[:, None]
    for first in (1, 5):
        mine, known = (float((five[:, :first] == truth).any(axis=1).mean()) for five in (ours, theirs))
        yield figure(f"labels.{backend}.top{first}", mine, "of photos", len(photos), known)
    yield figure(f"labels.{backend}.same_top1", float((ours[:, 0] == theirs[:, 0]).mean()), "of photos", len(photos))


def best_five(model: Model, files: list[Path]) -> NDArray[np.int64]:
    """The five best classes of each photo, best first."""
    found = []
    for file in watched(files, f"classifying on {model.session.backend}"):
        scores = model.run(pictures.read(file))
        assert isinstance(scores, Scores)  # noqa: S101 - its decoder is classify
        found.append(np.argsort(-scores.values, kind="stable")[:5])
    return np.array(found)
