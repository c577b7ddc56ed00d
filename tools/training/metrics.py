"""How right a model is: precision and recall, thresholds, confusion, calibration. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import boxes as rectangles
from models.outputs import Boxes

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

OVERLAP = 0.5  # IoU from which a box is right


@dataclass(frozen=True, slots=True)
class Judged:
    """All answers for one label: each one's score and whether it is right, and how many there were to be found."""

    scores: Floats
    right: Flags
    present: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision and recall if everything from each threshold on counts; thresholds fall."""

    thresholds: Floats
    precision: Floats
    recall: Floats


@dataclass(frozen=True, slots=True)
class Measured:
    """One label at its threshold, as Rekognition tells it; `images` is in how many test pictures it is."""

    label: str
    threshold: float
    precision: float
    recall: float
    f1: float
    images: int
    ap: float


def curve(judged: Judged) -> Curve:
    """One point for each score that occurs."""
    order = np.argsort(-judged.scores, kind="stable")
    scores, right = judged.scores[order], judged.right[order]
    # Equal scores come together or not at all.
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, np.int64)
    hits = np.cumsum(right)[last].astype(np.float64)
    return Curve(scores[last], hits / (last + 1), hits / max(judged.present, 1))


def average_precision(judged: Judged) -> float:
    """The area under precision over recall, precision made to never rise with recall (VOC 2010, COCO's AP)."""
    if not judged.present:
        return float("nan")
    found = curve(judged)
    highest = np.maximum.accumulate(found.precision[::-1])[::-1]
    return float((np.diff(found.recall, prepend=0.0) * highest).sum())


def best_threshold(judged: Judged) -> tuple[float, float]:
    """The threshold in 0..1 with the best F1, and that F1; half and 0 if nothing is ever right.

    It lies halfway to the next lower score, or to zero if there is none: scores of other pictures fall a little to
    either side. Halfway between logits, for that is where scores spread evenly.
    """
    found = curve(judged)
    f1 = _f1(found.precision, found.recall)
    if not len(f1) or not f1.max():
        return 0.5, 0.0
    best = int(np.argmax(f1))
    threshold = found.thresholds[best] / 2
    if best + 1 < len(f1):
        high, low = np.clip(found.thresholds[best : best + 2], 1e-4, 1 - 1e-4)
        odds = np.sqrt(high / (1 - high) * low / (1 - low))
        threshold = np.clip(odds / (1 + odds), *found.thresholds[[best + 1, best]])
    return float(np.clip(threshold, 0.0, 1.0)), float(f1[best])


def _f1(precision: Floats, recall: Floats) -> Floats:
    total = precision + recall
    return np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)


def measure(label: str, judged: Judged, threshold: float, images: int) -> Measured:
    """Precision is 1 where nothing is claimed: nothing claimed is wrong."""
    counted = judged.scores >= threshold
    right = int((judged.right & counted).sum())
    precision = right / int(counted.sum()) if counted.any() else 1.0
    recall = right / judged.present if judged.present else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return Measured(label, threshold, precision, recall, f1, images, average_precision(judged))


def overall(measured: Sequence[Measured]) -> dict[str, float]:
    """Rekognition's aggregate: the mean over the labels that were tested."""
    tested = [one for one in measured if one.images]
    names = ("f1", "precision", "recall", "ap")
    return {name: float(np.mean([getattr(one, name) for one in tested])) if tested else 0.0 for name in names}


def classified(scores: Floats, truth: Flags) -> list[Judged]:
    """Image-level scores [N,K] and what is in the pictures [N,K], label by label."""
    return [Judged(scores[:, k].astype(np.float64), truth[:, k], int(truth[:, k].sum())) for k in range(truth.shape[1])]


def detected(found: Sequence[Boxes], truth: Sequence[Boxes], labels: int, overlap: float = OVERLAP) -> list[Judged]:
    """Found boxes of each picture against the labelled ones (whose scores do not matter), label by label.

    Best first, each takes the labelled box of its class that it covers best; one labelled box is found once.
    """
    kept: list[list[tuple[float, bool]]] = [[] for _ in range(labels)]
    for said, known in zip(found, truth, strict=True):
        for score, label, partner in zip(said.scores, said.classes, partners(said, known, overlap), strict=True):
            kept[int(label)].append((float(score), partner >= 0))
    present = np.bincount(np.concatenate([one.classes for one in truth] or [np.zeros(0, np.int64)]), minlength=labels)
    return [
        Judged(np.array([score for score, _ in rows]), np.array([hit for _, hit in rows], bool), int(present[label]))
        for label, rows in enumerate(kept)
    ]


def partners(found: Boxes, truth: Boxes, overlap: float = OVERLAP) -> Ints:
    """The labelled box of the same class that each found box [N] stands for, or -1."""
    covers = rectangles.iou(found.xyxy, truth.xyxy) * (found.classes[:, None] == truth.classes[None])
    partner = np.full(len(found), -1, np.int64)
    for place in np.argsort(-found.scores, kind="stable"):
        if covers.shape[1] and covers[place].max() >= overlap:
            partner[place] = int(covers[place].argmax())
            covers[:, partner[place]] = 0
    return partner


def ap50(found: Sequence[Boxes], truth: Sequence[Boxes], labels: int) -> float:
    """The mean over the labels of the average precision at IoU 0.5."""
    values = [average_precision(judged) for judged in detected(found, truth, labels) if judged.present]
    return float(np.mean(values)) if values else 0.0


def confusion(truth: Ints, said: Ints, labels: int) -> Ints:
    """How often label i [row] was called j [column]; one more row and column, the last, stand for none (-1)."""
    table = np.zeros((labels + 1, labels + 1), np.int64)
    np.add.at(table, (truth, said), 1)
    return table


def confused_boxes(found: Sequence[Boxes], truth: Sequence[Boxes], labels: int) -> Ints:
    """The confusion of boxes: paired by overlap whatever their class; without partner they count against none."""
    table = np.zeros((labels + 1, labels + 1), np.int64)
    for said, known in zip(found, truth, strict=True):
        alike = Boxes(said.xyxy, said.scores, np.zeros_like(said.classes))
        pairs = partners(alike, Boxes(known.xyxy, known.scores, np.zeros_like(known.classes)))
        for label, partner in zip(said.classes, pairs, strict=True):
            table[known.classes[partner] if partner >= 0 else -1, label] += 1
        for missed in set(range(len(known))) - set(pairs.tolist()):
            table[known.classes[missed], -1] += 1
    return table


def probabilities(logits: Floats, multi: bool) -> Floats:
    """What the pack's decoder makes of logits [N,K]."""
    if multi:
        return 0.5 + 0.5 * np.tanh(0.5 * logits)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def cross_entropy(logits: Floats, truth: Floats, multi: bool) -> float:
    """The mean loss of logits [N,K] against 0..1 targets [N,K]."""
    if multi:
        return float((np.logaddexp(0, logits) - logits * truth).mean())
    highest = logits.max(1, keepdims=True)
    spread = highest[:, 0] + np.log(np.exp(logits - highest).sum(1))
    return float((spread * truth.sum(1) - (logits * truth).sum(1)).mean())


def temperature(logits: Floats, truth: Floats, multi: bool, shift: Floats | float = 0.0) -> float:
    """What to divide logits by so that they are as sure as they are right: the least loss on pictures held out.

    Within 0.1 and 10, by golden section over its logarithm, in which the loss has one valley. `shift` is added
    afterwards.
    """
    if not len(logits):
        return 1.0
    wanted = _doubted(truth, multi)
    low, high = np.log(0.1), np.log(10.0)
    golden = (np.sqrt(5.0) - 1) / 2
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        losses = [cross_entropy(logits / np.exp(place) + shift, wanted, multi) for place in (left, right)]
        low, high = (low, right) if losses[0] <= losses[1] else (left, high)
    return float(np.exp((low + high) / 2))


def calibration(logits: Floats, truth: Floats, multi: bool) -> tuple[float, Floats]:
    """The temperature, and what to add to each label's logits after it.

    Labels that exclude each other share what is certain among them: nothing is added. Of several that may apply,
    each is to be claimed, on average, as often as it does.
    """
    shift = np.zeros(truth.shape[1])
    warmth = temperature(logits, truth, multi)
    if multi and len(logits):
        often = _doubted(truth, multi).mean(0)
        for _ in range(8):
            shift = _shift(logits / warmth, often)
            warmth = temperature(logits, truth, multi, shift)
    return warmth, shift


def _doubted(truth: Floats, multi: bool) -> Floats:
    """Where all pictures held out are right, ever surer would be ever better: the prior of a wrong one stops it."""
    doubt = 1 / (len(truth) + 2)
    even = 0.5 if multi else truth.sum(1, keepdims=True) / truth.shape[1]
    return np.asarray(truth * (1 - doubt) + doubt * even)


def _shift(logits: Floats, often: Floats) -> Floats:
    """By halving: what brings each column's mean probability to its share in `often`."""
    low, high = np.full(len(often), -30.0), np.full(len(often), 30.0)
    for _ in range(40):
        middle = (low + high) / 2
        less = probabilities(logits + middle, multi=True).mean(0) < often
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return np.asarray((low + high) / 2)


def calibration_error(confidence: Floats, right: Flags, bins: int = 10) -> float:
    """The expected calibration error: how far confidence and share of right answers lie apart, bin by bin."""
    if not len(confidence):
        return 0.0
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = [abs((confidence[place == bin_] - right[place == bin_]).sum()) for bin_ in range(bins)]
    return float(sum(gaps) / len(confidence))
