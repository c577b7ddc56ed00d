"""The report where the data are unusual: many labels, several a picture, nothing found, no device to ask."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.outputs import Boxes, Scores
from tests import toy_training

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import evaluation, measure, page
from training.card import card
from training.datasets import Dataset
from training.export import Exported, Leaving
from training.measure import Answer
from training.network import Network
from training.trained import Trained

MANY = tuple(f"label {number:02}" for number in range(40))
NOTHING = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
UNSEEN = Leaving("coral", "compiled", None, None, None, 3_000_000, 1.0, {})
SEEN = Leaving("openvino", "int8", 0.5, 5.0, 4.0, 4_000_000, 1.0, {})


def story(data: Dataset, said: list[Answer], folder: Path) -> page.Story:
    """Of answers to test pictures."""
    thresholds = (0.5,) * len(data.labels)
    network = Network(None, data.task, 224, data.multi)
    faults = ("operator 3 LSTM (state): the Edge TPU has no such operator",)
    exported = Exported(network, folder, measure.named(data), 0.51, {"openvino": SEEN, "coral": UNSEEN}, faults)
    trained = Trained(data.task, data.labels, data.multi, None, 224, thresholds, [], 60.0)
    found = evaluation.judge(said, thresholds, data)
    return page.Story(toy_training.job(folder), data, trained, exported, found, {}, {"learning": 60.0}, "a box", 1.8e9)


def many(folder: Path, *, multi: bool) -> Dataset:
    """Pictures of forty labels, two of which were never photographed for the test."""
    base, random = toy_training.dataset(folder, test=20), np.random.default_rng(0)
    test = tuple(
        replace(one, labels=tuple(random.choice(MANY[:38], 1 + multi, replace=False).tolist())) for one in base.test
    )
    return Dataset("classify", MANY, base.train, test, multi, "f" * 64)


@pytest.mark.parametrize("multi", [False, True])
def test_forty_labels_find_room(multi: bool, tmp_path: Path) -> None:
    data, random = many(tmp_path, multi=multi), np.random.default_rng(1)
    said: list[Answer] = [Scores(random.random(40).astype(np.float32)) for _ in data.test]
    text = page.page(story(data, said, tmp_path))
    assert "The 8 weakest of " in text
    assert ("Confusion matrix" in text) is not multi
    assert "Not tested, for want of test pictures: " in text
    assert text.count("label 39") >= 2  # among the labels and in the data
    assert len(evaluation.summary(story(data, said, tmp_path).evaluation, data, toy_training.job(tmp_path), 1.0)) == 4


def test_a_detector_that_finds_nothing_is_reported_as_such(tmp_path: Path) -> None:
    base = toy_training.dataset(tmp_path)
    data = Dataset("detect", ("cat", "dog"), base.train, base.test, False, "f" * 64)
    told = story(data, [NOTHING] * len(data.test), tmp_path)
    text = page.page(told)
    assert "None on the test pictures." in text
    assert "How sure it is" not in text
    assert "Not tested, for want of test pictures: cat, dog." in text


def test_what_could_not_be_measured_has_no_figures(tmp_path: Path) -> None:
    base = toy_training.dataset(tmp_path)
    told = story(base, [Scores(np.eye(3, dtype=np.float32)[place // 4]) for place in range(12)], tmp_path)
    text, words = page.page(told), card(told)
    assert "not measured: no such device here" in text
    assert "operator 3 LSTM (state): the Edge TPU has no such operator" in text
    assert "| `model_edgetpu.tflite` | not measured | | | | compiled |" in words
    assert "- operator 3 LSTM" in words
