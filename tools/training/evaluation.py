"""What the exported model is worth on the test pictures: figures per label, and Rekognition's summary of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from training import measure, metrics
from training.datasets import Dataset
from training.export import Exported
from training.measure import Answer
from training.metrics import Curve, Judged, Measured
from training.settings import Job
from training.trained import Trained

OVERLAPS = np.arange(0.5, 1.0, 0.05)  # the IoUs that COCO's average recall is a mean over
NONE = -1


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Of the OpenVINO file, which devices try first.

    `said` is what it said of each test picture; `judged` and `measured` go by label; `confusion` counts what was called
    what, its last row and column standing for nothing, and is None where a picture bears several labels.
    """

    said: tuple[Answer, ...]
    judged: tuple[Judged, ...]
    measured: tuple[Measured, ...]
    overall: dict[str, float]
    confusion: NDArray[np.int64] | None

    @property
    def curves(self) -> list[Curve]:
        """Precision over recall of each label."""
        return [metrics.curve(one) for one in self.judged]


def evaluate(exported: Exported, trained: Trained, dataset: Dataset) -> Evaluation:
    """Ask the exported file about every test picture."""
    device = exported.open("openvino")
    try:
        spec, how = exported.input("openvino"), exported.network.decode
        said = tuple(measure.answers(device, dataset.test, spec, how))
    finally:
        device.close()
    return judge(said, trained.thresholds, dataset)


def judge(said: Sequence[Answer], thresholds: Sequence[float], dataset: Dataset) -> Evaluation:
    """Hold answers against what the test pictures are labelled with."""
    labels, samples = dataset.labels, dataset.test
    if dataset.task == "detect":
        found, truth = measure.boxes(said), measure.truth_boxes(samples, labels)
        judged = metrics.detected(found, truth, len(labels))
        least = np.array(thresholds, np.float32)
        counted = [one.take(one.scores >= least[one.classes]) for one in found]
        confusion = metrics.confused_boxes(counted, truth, len(labels))
        images = [sum(bool((one.classes == place).any()) for one in truth) for place in range(len(labels))]
    else:
        flags, scores = measure.truth_flags(samples, labels), measure.rows(said)
        judged = metrics.classified(scores, flags)
        confusion = None if dataset.multi else _called(scores, flags, thresholds)
        images = [int(count) for count in flags.sum(axis=0)]
    rows = zip(labels, judged, thresholds, images, strict=True)
    measured = tuple(metrics.measure(*row) for row in rows)
    return Evaluation(tuple(said), tuple(judged), measured, metrics.overall(measured), confusion)


def _called(scores: NDArray[np.float32], flags: NDArray[np.bool_], thresholds: Sequence[float]) -> NDArray[np.int64]:
    """The best label where it reaches its threshold, as the device tells it."""
    best = scores.argmax(axis=1)
    reached = scores[np.arange(len(best)), best] >= np.array(thresholds)[best]
    truth = np.where(flags.any(axis=1), flags.argmax(axis=1), NONE)
    return metrics.confusion(truth, np.where(reached, best, NONE), flags.shape[1])


def summary(evaluation: Evaluation, dataset: Dataset, job: Job, ended_at: float, arn: str = "") -> dict[str, Any]:
    """Rekognition's summary of a training, `evaluation.json`.

    A device that takes the version in gives it an ARN of its own; until then it has one of no region and account.
    """
    arn = arn or (
        f"arn:aws:rekognition:local:000000000000:project/{job.project}/version/{job.version}/{int(ended_at * 1e3)}"
    )
    results: dict[str, Any] = {
        "Precision": evaluation.overall["precision"],
        "Recall": evaluation.overall["recall"],
        "F1Score": evaluation.overall["f1"],
    }
    if dataset.task == "detect":
        results |= {"AveragePrecision": evaluation.overall["ap"], "AverageRecall": average_recall(evaluation, dataset)}
    elif evaluation.confusion is not None:
        results["ConfusionMatrix"] = _matrix(evaluation.confusion, dataset.labels)
    return {
        "Version": 1,
        "EvaluationDetails": {
            "ProjectVersionArn": arn,
            "EvaluationEndTimestamp": datetime.fromtimestamp(ended_at, UTC).replace(tzinfo=None).isoformat(),
            "Labels": list(dataset.labels),
            "NumberOfTrainingImages": len(dataset.train),
            "NumberOfTestingImages": len(dataset.test),
        },
        "AggregatedEvaluationResults": results,
        "LabelEvaluationResults": [
            _label(one, dataset) for one in sorted(evaluation.measured, key=lambda one: -one.f1)
        ],
    }


def average_recall(evaluation: Evaluation, dataset: Dataset) -> float:
    """The mean over labels and over IoUs from 0.5 to 0.95 of how many of the labelled boxes are found at all."""
    found, truth = measure.boxes(evaluation.said), measure.truth_boxes(dataset.test, dataset.labels)
    recalls = [
        judged.right.sum() / judged.present
        for overlap in OVERLAPS
        for judged in metrics.detected(found, truth, len(dataset.labels), float(overlap))
        if judged.present
    ]
    return float(np.mean(recalls)) if recalls else 0.0


def _label(one: Measured, dataset: Dataset) -> dict[str, Any]:
    figures = {"Precision": one.precision, "Recall": one.recall, "F1Score": one.f1, "Threshold": one.threshold}
    if dataset.task == "detect" and one.images:
        figures["AveragePrecision"] = one.ap
    return {"Label": one.label, "NumberOfTestingImages": one.images, "Metrics": figures}


def _matrix(confusion: NDArray[np.int64], labels: Sequence[str]) -> list[dict[str, Any]]:
    """How much of each label's pictures was called what; what never happened is left out, but for the diagonal."""
    totals = confusion.sum(axis=1)
    return [
        {"GroundTruthLabel": true, "PredictedLabel": called, "Value": float(confusion[row, column] / totals[row])}
        for row, true in enumerate(labels)
        for column, called in enumerate(labels)
        if totals[row] and (row == column or confusion[row, column])
    ]
