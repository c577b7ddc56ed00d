"""How right a model is said to be, on answers small enough to be counted by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import metrics
from training.metrics import Judged

from models.outputs import Boxes


def judged(scores: list[float], right: list[int], present: int) -> Judged:
    return Judged(np.array(scores), np.array(right, bool), present)


def boxes(*rows: tuple[float, float, float, float, float, int]) -> Boxes:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Boxes(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def test_average_precision_is_the_area_under_the_curve() -> None:
    assert metrics.average_precision(judged([0.9, 0.8], [1, 1], 2)) == 1.0
    # Found first and third: precision 1 up to half of the recall, 2/3 for the rest.
    assert metrics.average_precision(judged([0.9, 0.8, 0.7], [1, 0, 1], 2)) == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.average_precision(judged([0.9], [1], 4)) == 0.25
    assert metrics.average_precision(judged([], [], 3)) == 0.0
    assert np.isnan(metrics.average_precision(judged([0.9], [0], 0)))


def test_equal_scores_come_together() -> None:
    curve = metrics.curve(judged([0.5, 0.5, 0.5, 0.2], [1, 0, 0, 1], 2))
    assert curve.thresholds.tolist() == [0.5, 0.2]
    assert curve.precision.tolist() == pytest.approx([1 / 3, 1 / 2])


def test_a_threshold_lies_halfway_between_the_last_it_takes_and_the_next() -> None:
    threshold, f1 = metrics.best_threshold(judged([0.9, 0.7, 0.3, 0.1], [1, 1, 0, 0], 2))
    assert threshold == pytest.approx(0.5)
    assert f1 == 1.0
    # One in a hundred and nine in ten: halfway between the odds of 1:99 and 9:1.
    odds = (9 / 99) ** 0.5
    assert metrics.best_threshold(judged([0.9, 0.01], [1, 0], 1))[0] == pytest.approx(odds / (1 + odds))
    assert metrics.best_threshold(judged([0.9, 0.6], [1, 1], 2))[0] == pytest.approx(0.3)


def test_a_label_that_is_never_right_gets_half() -> None:
    assert metrics.best_threshold(judged([0.9, 0.2], [0, 0], 2)) == (0.5, 0.0)
    assert metrics.best_threshold(judged([], [], 0)) == (0.5, 0.0)


def test_no_other_threshold_has_a_better_f1() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        right = random.random(40) < 0.4
        scores = np.clip(random.normal(0.3 + 0.3 * right, 0.2), 0, 1)
        answers = Judged(scores, right, int(right.sum()) + 3)
        threshold, f1 = metrics.best_threshold(answers)
        tried = [metrics.measure("x", answers, value, 1).f1 for value in np.linspace(0, 1, 301)]
        assert f1 == pytest.approx(metrics.measure("x", answers, threshold, 1).f1)
        assert f1 >= max(tried) - 1e-9


def test_what_is_claimed_and_what_is_found_is_counted_at_the_threshold() -> None:
    one = metrics.measure("cat", judged([0.9, 0.8, 0.4], [1, 0, 1], 2), 0.5, 2)
    assert (one.precision, one.recall, one.f1) == (0.5, 0.5, 0.5)
    silent = metrics.measure("dog", judged([0.1], [1], 1), 0.5, 1)
    assert (silent.precision, silent.recall, silent.f1) == (1.0, 0.0, 0.0)
    assert metrics.overall([one, silent])["f1"] == 0.25
    untested = metrics.measure("cow", judged([0.1], [0], 0), 0.5, 0)
    assert metrics.overall([one, untested])["f1"] == 0.5


def test_a_labelled_box_is_found_once_and_only_by_its_own_class() -> None:
    truth = boxes((0, 0, 10, 10, 1, 0), (20, 20, 30, 30, 1, 1))
    found = boxes((0, 0, 10, 9, 0.9, 0), (0, 0, 10, 10, 0.8, 0), (20, 20, 30, 30, 0.7, 0), (50, 50, 60, 60, 0.6, 1))
    assert metrics.partners(found, truth).tolist() == [0, -1, -1, -1]
    first, second = metrics.detected([found], [truth], 2)
    assert first.right.tolist() == [True, False, False]
    assert (second.present, second.right.tolist()) == (1, [False])
    assert metrics.ap50([found], [truth], 2) == 0.5


def test_pictures_without_boxes_count_against_what_is_found_in_them() -> None:
    nothing = boxes()
    assert metrics.ap50([nothing, boxes((0, 0, 5, 5, 0.9, 0))], [boxes((0, 0, 5, 5, 1, 0)), nothing], 1) == 0.0
    assert metrics.ap50([], [], 1) == 0.0


def test_confusion_has_a_last_row_and_column_for_none() -> None:
    table = metrics.confusion(np.array([0, 0, 1, -1]), np.array([0, 1, -1, 1]), 2)
    assert table.tolist() == [[1, 1, 0], [0, 0, 1], [0, 1, 0]]


def test_confused_boxes_are_paired_whatever_their_class() -> None:
    truth = boxes((0, 0, 10, 10, 1, 0), (40, 40, 50, 50, 1, 0))
    found = boxes((0, 0, 10, 10, 0.9, 1), (70, 70, 80, 80, 0.8, 1))
    assert metrics.confused_boxes([found], [truth], 2).tolist() == [[0, 1, 1], [0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("multi", [False, True])
def test_the_temperature_finds_how_much_surer_logits_are_than_right(multi: bool) -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 1.5, (4000, 4))
    chances = metrics.probabilities(logits, multi)
    if multi:
        truth = (random.random(chances.shape) < chances).astype(float)
    else:
        truth = np.eye(4)[[random.choice(4, p=row) for row in chances]]
    assert metrics.temperature(logits * 3, truth, multi) == pytest.approx(3, rel=0.1)
    assert metrics.temperature(logits / 2, truth, multi) == pytest.approx(0.5, rel=0.1)


def test_a_head_that_is_always_right_does_not_become_sure_without_end() -> None:
    logits = np.eye(3)[np.arange(60) % 3]
    warmth = metrics.temperature(logits, logits, multi=False)
    sure = metrics.probabilities(logits / warmth, multi=False).max(1)
    assert sure == pytest.approx(np.full(60, 61 / 62 + 1 / 186), abs=1e-3)
    assert metrics.temperature(np.zeros((0, 3)), np.zeros((0, 3)), multi=False) == 1.0


def test_each_of_several_labels_is_claimed_as_often_as_it_applies() -> None:
    random = np.random.default_rng(2)
    logits = random.normal([-3.0, 0.0, 1.0], 1.0, (3000, 3))
    truth = (random.random(logits.shape) < metrics.probabilities(logits, multi=True)).astype(float)
    warmth, shift = metrics.calibration(2 * logits + np.array([4.0, -2.0, 0.0]), truth, multi=True)
    assert warmth == pytest.approx(2, rel=0.1)
    assert shift == pytest.approx([-2, 1, 0], abs=0.2)
    assert not metrics.calibration(logits, np.eye(3)[truth.argmax(1)], multi=False)[1].any()


def test_the_calibration_error_is_how_far_confidence_and_truth_lie_apart() -> None:
    confidence = np.array([0.75] * 4 + [0.55] * 4)
    right = np.array([1, 1, 1, 0, 1, 1, 0, 0], bool)
    assert metrics.calibration_error(confidence, right) == pytest.approx(0.025)
    assert metrics.calibration_error(np.ones(3), np.ones(3, bool)) == 0.0
    assert metrics.calibration_error(np.zeros(0), np.zeros(0, bool)) == 0.0
