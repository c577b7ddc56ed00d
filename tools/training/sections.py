"""The sections of the report that are figures: curves, confusion, confidence, learning and mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from training import measure, metrics, plots
from training.datasets import Dataset
from training.evaluation import Evaluation
from training.mistakes import figure, worst
from training.pieces import section
from training.plots import Axis, Line
from training.trained import Trained

MOST_CURVES = 8
BINS = 10


def curves(evaluation: Evaluation) -> str:
    """The labels with the least average precision, if there are many."""
    paired = [(curve, one) for curve, one in zip(evaluation.curves, evaluation.measured, strict=True) if one.images]
    shown = sorted(paired, key=lambda pair: pair[1].ap)[:MOST_CURVES]
    lines = [
        Line(one.label, [0.0, *curve.recall], [*curve.precision[:1], *curve.precision], (one.recall, one.precision))
        for curve, one in sorted(shown, key=lambda pair: pair[1].label)
        if len(curve.recall)
    ]
    note = f" The {MOST_CURVES} weakest of {len(paired)} labels." if len(paired) > MOST_CURVES else ""
    drawn = plots.curves(lines, Axis("recall", 0.0, 1.0), Axis("precision", 0.0, 1.02), "Precision over recall")
    return section("Precision and recall", f"The dot is where the threshold stands.{note}", drawn)


def confusion(evaluation: Evaluation, dataset: Dataset) -> str:
    """Where there are many labels, those that are confused most."""
    counts = evaluation.confusion
    if counts is None:
        return ""
    names = [*dataset.labels, "nothing"]
    keep = np.ones(len(names), bool)
    keep[-1] = bool(counts[-1].any() or counts[:, -1].any())
    if len(names) > plots.MOST_CELLS:
        wrong = counts.copy()
        np.fill_diagonal(wrong, 0)
        keep[np.argsort(-(wrong.sum(0) + wrong.sum(1)), kind="stable")[plots.MOST_CELLS :]] = False
    chosen = [name for name, kept in zip(names, keep, strict=True) if kept]
    drawn = plots.heat(counts[np.ix_(keep, keep)], chosen, chosen, "Confusion matrix")
    what = "Boxes" if dataset.task == "detect" else "Pictures"
    words = f"Rows are what is there, columns what was said. {what} counted, shaded by their part of the row."
    return section("Confusion", words, drawn)


def confidence(evaluation: Evaluation, dataset: Dataset) -> str:
    """How sure the answers are, right ones and wrong ones."""
    sure, right = _answers(evaluation, dataset)
    if not len(sure):
        return ""
    words = "How sure it was of the boxes it gave, from 0.1 up."
    if dataset.task == "classify":
        error = metrics.calibration_error(sure, right, BINS)
        words = (
            "How sure it was of the labels it gave. On average its confidence and the share of right answers lie "
            f"{100 * error:.0f} points apart."
        )
    place = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    stacks = [np.bincount(place[flags], minlength=BINS) for flags in (right, ~right)]
    drawn = plots.stacked(stacks, ("right", "wrong"), "confidence", "Confidence of right and wrong answers")
    return section("How sure it is", words, drawn)


def _answers(evaluation: Evaluation, dataset: Dataset) -> tuple[metrics.Floats, metrics.Flags]:
    """Each answer's confidence and whether it is right: the best label of a picture, or every box from 0.1 up."""
    if dataset.task == "detect" or dataset.multi:
        pairs = [(one.scores[one.scores >= 0.1], one.right[one.scores >= 0.1]) for one in evaluation.judged]
        return np.concatenate([sure for sure, _ in pairs]), np.concatenate([right for _, right in pairs])
    scores, flags = measure.rows(evaluation.said), measure.truth_flags(dataset.test, dataset.labels)
    best = scores.argmax(axis=1)
    rows = np.arange(len(best))
    return scores[rows, best].astype(np.float64), flags[rows, best]


def learning(trained: Trained) -> str:
    """Every figure that the curves hold, each in a plot of its own."""
    curves = [one for one in trained.curves if "step" in one]
    names = [name for name in dict.fromkeys(key for one in curves for key in one) if name != "step"]
    drawn = ""
    for name in names:
        points = [(one["step"], one[name]) for one in curves if name in one and np.isfinite(one[name])]
        if len(points) < 2:
            continue
        x, y = (list(column) for column in zip(*points, strict=True))
        high = 1.02 if max(y) <= 1.0 and name != "loss" else max(y) * 1.05 or 1.0
        low = min(0.0, *y)
        drawn += plots.curves([Line(name, x, y)], Axis("step", min(x), max(x)), Axis(name, low, high), name)
    if not drawn:
        return ""
    how = trained.learnt.get("how", "")
    return section("Learning", escape(f"{how}." if how else ""), f"<div class=pair>{drawn}</div>")


def mistakes(evaluation: Evaluation, dataset: Dataset, thresholds: Sequence[float]) -> str:
    """Those of the test pictures that say most about what to photograph next."""
    found = worst(dataset, evaluation.said, thresholds)
    if not found:
        return section("Worst mistakes", "None on the test pictures.", "")
    legend = (
        "<p class=legend><span class=key><i class=right></i>right</span><span class=key><i class=wrong></i>wrong</span>"
        "<span class=key><i class=missed></i>missed</span></p>"
        if dataset.task == "detect"
        else ""
    )
    drawn = "".join(map(figure, found))
    return section("Worst mistakes", "Of the int8 file, the surest first.", f"{legend}<div class=gallery>{drawn}</div>")
