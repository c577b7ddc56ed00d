"""A model run over labelled pictures exactly as the device runs it: what it says, how right that is, and how fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from training import metrics
from training.datasets import Dataset, Sample

from accel.session import Options, open_session
from edge import pictures
from edge.hush import hushed
from edge.values import Image
from models import boxes as box_ops
from models.decode import DECODERS
from models.manifest import Decode, Input
from models.outputs import Boxes, Scores
from models.tensors import Placement, dequantise, fit, pack

Answer = Scores | Boxes
FLOOR = 0.01  # below it no box is looked at: average precision needs the doubtful ones too
TIMED, WARMING = 24, 3


class Runner(Protocol):
    """A network that answers a fitted picture with its named outputs."""

    def run(self, fitted: Image) -> dict[str, NDArray[Any]]: ...


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds for one picture: all of it, and the inference alone."""

    whole: float
    raw: float


class Device:
    """An exported file on a back end. `inferring` is the seconds that the last inference alone took."""

    def __init__(self, backend: str, weights: Path, outputs: Sequence[str], spec: Input, library: str = "") -> None:
        with hushed():
            self.session = open_session(backend, weights, Options(library=library, deadline=30.0))
        self.inferring = 0.0
        (self._feed,) = self.session.inputs
        self._outputs, self._spec = tuple(zip(outputs, self.session.outputs, strict=True)), spec

    def run(self, fitted: Image) -> dict[str, NDArray[Any]]:
        tensor = self.tensor(fitted)
        started = perf_counter()
        raw = self.session.run({self._feed.name: tensor})
        self.inferring = perf_counter() - started
        return {name: dequantise(raw[spec.name], spec.scale, spec.zero_point) for name, spec in self._outputs}

    def tensor(self, fitted: Image) -> NDArray[Any]:
        return pack(fitted, self._spec, self._feed.dtype, self._feed.scale, self._feed.zero_point)

    def close(self) -> None:
        self.session.close()


def answers(runner: Runner, samples: Sequence[Sample], spec: Input, how: Decode) -> Iterator[Answer]:
    """What the model says of each picture; boxes as ratios of it."""
    for sample in samples:
        image = pictures.read(sample.path)
        yield answer(runner, image, spec, how)


def answer(runner: Runner, image: Image, spec: Input, how: Decode, floor: float = FLOOR) -> Answer:
    """Of one upright BGR picture."""
    fitted, placement = fit(image, spec)
    found = DECODERS[how.name](runner.run(fitted), how, floor)
    if isinstance(found, Boxes):
        return in_ratios(found, placement, image.shape[1], image.shape[0])
    assert isinstance(found, Scores)  # noqa: S101 - there are two tasks
    return found


def in_ratios(found: Boxes, placement: Placement, width: int, height: int) -> Boxes:
    """Boxes in pixels of the network's input as ratios of the picture."""
    moved = box_ops.restore(found, placement, width, height)
    return Boxes(moved.xyxy / np.array([width, height] * 2, np.float32), moved.scores, moved.classes)


def score(said: Sequence[Answer], dataset: Dataset, samples: Sequence[Sample]) -> float:
    """The one number that an export is held to, 0..1; `named` tells what it is."""
    if dataset.task == "detect":
        return metrics.ap50(boxes(said), truth_boxes(samples, dataset.labels), len(dataset.labels))
    truth, scores = truth_flags(samples, dataset.labels), rows(said)
    if dataset.multi:
        values = [metrics.average_precision(one) for one in metrics.classified(scores, truth) if one.present]
        return float(np.mean(values)) if values else 0.0
    labelled = truth.any(axis=1)
    right = truth[np.arange(len(truth)), scores.argmax(axis=1)]
    return float(right[labelled].mean()) if labelled.any() else 0.0


def named(dataset: Dataset) -> str:
    """What `score` is called."""
    if dataset.task == "detect":
        return "AP50"
    return "mean average precision" if dataset.multi else "accuracy"


def rows(said: Sequence[Answer]) -> NDArray[np.float32]:
    """The scores of a classifier, [N,K]."""
    return np.stack([one.values for one in said if isinstance(one, Scores)])


def boxes(said: Sequence[Answer]) -> list[Boxes]:
    """The boxes of a detector."""
    return [one for one in said if isinstance(one, Boxes)]


def truth_flags(samples: Sequence[Sample], labels: Sequence[str]) -> NDArray[np.bool_]:
    """What is in each picture, [N,K]."""
    return np.array([[label in sample.labels for label in labels] for sample in samples], bool)


def truth_boxes(samples: Sequence[Sample], labels: Sequence[str]) -> list[Boxes]:
    """The labelled boxes of each picture, as ratios of it."""
    number = {label: place for place, label in enumerate(labels)}
    found = []
    for sample in samples:
        corners = np.array([(m.x1, m.y1, m.x2, m.y2) for m in sample.marks], np.float32).reshape(-1, 4)
        classes = np.array([number[mark.label] for mark in sample.marks], np.int64)
        found.append(Boxes(corners, np.ones(len(classes), np.float32), classes))
    return found


def speed(device: Device, samples: Sequence[Sample], spec: Input, how: Decode, floor: float) -> Speed:
    """Medians over decoded pictures: from the picture to answers of at least `floor`, and of that the inference."""
    images = [pictures.read(sample.path) for sample in samples[:TIMED]]
    whole, raw = [], []
    for place in range(-WARMING, max(TIMED, len(images))):
        started = perf_counter()
        answer(device, images[place % len(images)], spec, how, floor)
        if place >= 0:
            whole.append((perf_counter() - started) * 1e3)
            raw.append(device.inferring * 1e3)
    return Speed(median(whole), median(raw))
