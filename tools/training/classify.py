"""Training a classifier: a linear head on the backbone's features first, its last blocks too where the data allow.

Everything that is chosen (how long to train, temperature, thresholds, whether tuning the blocks pays) is chosen on
training pictures that were held out; the test pictures are not looked at.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from training import features, images, linear, lite0, loop, metrics, tuning
from training.datasets import Dataset
from training.linear import Floats, Lesson, Line
from training.settings import Job, Progress
from training.trained import Trained

# Counts changes of the recipe: what an older one left is not taken for this one's.
RECIPE = 2


def train(dataset: Dataset, job: Job, progress: Progress) -> Trained:
    """Train, or give what an earlier run of the same job has finished."""
    order = f"classify {RECIPE} {dataset.fingerprint} {job.seed} {dataset.multi}"
    if (finished := loop.load(job.out / loop.BEST, order)) is not None:
        return _restored(finished, dataset)
    began = time.monotonic()
    loop.seed_everything(job.seed)
    wanted = linear.targets(dataset.train, dataset.labels, dataset.multi)
    enough = tuning.worthwhile(wanted)
    known = features.extract(dataset.train, job.out / features.FILE, job.seed, enough, progress)
    lesson = Lesson(
        torch.from_numpy(known.pooled.astype(np.float32)), torch.from_numpy(wanted),
        torch.from_numpy(linear.counts(wanted, dataset.multi)), dataset.multi,
    )  # fmt: skip
    fold = linear.folds(dataset.train, job.seed)
    network, held, curves = _headed(lesson, fold, job, progress)
    how, whole = "a linear layer on the backbone's features", True
    if known.maps is not None:
        tuned = tuning.tune(tuning.Task(lesson, known.maps, fold, held), job, order, progress)
        whole = tuned.whole
        if tuned.network is not None:
            network, held, curves = tuned.network, tuned.held, curves + tuned.curves
            how = "a linear layer on the backbone's features, and its last blocks"
    trained = _calibrated(network, held, wanted, dataset)
    trained.curves, trained.seconds = curves, time.monotonic() - began
    trained.learnt["how"], trained.whole = how, whole
    if whole:  # else the same command goes on learning
        _save(trained, job, order)
    return trained


def _headed(
    lesson: Lesson, fold: NDArray[np.int64], job: Job, progress: Progress
) -> tuple[lite0.Lite0, Floats, list[dict[str, float]]]:
    """The backbone with a head on all pictures, what heads on the other folds said of each, and the learning curves."""
    judged = linear.judge(lesson, fold, job.seed, lambda done: progress("head", done))
    line = linear.learn(lesson, judged.epochs, job.seed)
    progress("head", 1.0, f"score {judged.curves[judged.epochs - 1]['score']:.3f} on pictures held out")
    return assembled(line), judged.logits, judged.curves


def assembled(line: Line) -> lite0.Lite0:
    """The backbone with that last layer."""
    network = lite0.load(len(line.bias))
    network.fc.load_state_dict({"weight": line.weights, "bias": line.bias})
    return network


def _calibrated(network: lite0.Lite0, held: Floats, wanted: NDArray[np.float32], dataset: Dataset) -> Trained:
    """Calibration into the last layer, thresholds from what was said of the pictures that have been held out.

    Rows of `held` that are NaN were not: they judge nothing.
    """
    judging = ~np.isnan(held[:, 0])
    logits, truth = held[judging], wanted[judging].astype(np.float64)
    warmth, shift = metrics.calibration(logits, truth, dataset.multi)
    with torch.no_grad():
        network.fc.weight /= warmth
        network.fc.bias.copy_(network.fc.bias / warmth + torch.from_numpy(shift))
    scores = metrics.probabilities(logits / warmth + shift, dataset.multi)
    found = [metrics.best_threshold(judged) for judged in metrics.classified(scores, truth == 1)]
    learnt: dict[str, float | str] = {
        "held_out": linear.score(logits, truth, dataset.multi),
        "held_out_f1": float(np.mean([f1 for _, f1 in found])),
        "temperature": warmth,
        "calibration_error": _error(scores, truth, dataset.multi),
        "calibration_error_before": _error(metrics.probabilities(logits, dataset.multi), truth, dataset.multi),
    }
    thresholds = tuple(threshold for threshold, _ in found)
    return Trained("classify", dataset.labels, dataset.multi, network.eval(), images.SIDE, thresholds, [], 0.0, learnt)


def _error(scores: Floats, truth: Floats, multi: bool) -> float:
    if multi:
        return metrics.calibration_error(scores.ravel(), (truth == 1).ravel())
    bearing = truth.max(1) == 1
    return metrics.calibration_error(scores.max(1)[bearing], (scores.argmax(1) == truth.argmax(1))[bearing])


def _save(trained: Trained, job: Job, order: str) -> None:
    kept = {name: getattr(trained, name) for name in ("thresholds", "curves", "seconds", "learnt")}
    loop.save(job.out / loop.BEST, {"order": order, "network": trained.network.state_dict(), **kept})


def _restored(state: dict[str, Any], dataset: Dataset) -> Trained:
    network = lite0.Lite0(len(dataset.labels)).eval()
    network.load_state_dict(state["network"])
    return Trained(
        "classify", dataset.labels, dataset.multi, network, images.SIDE, state["thresholds"],
        state["curves"], state["seconds"], state["learnt"],
    )  # fmt: skip
