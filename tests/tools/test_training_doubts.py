"""A label that all other pictures contradict is doubted, and no other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import cuts, datasets, doubts, stages
from training.settings import Job

Floats = NDArray[np.float64]
LABELS = ("apple", "bread", "cheese")


def clouds(spread: float, each: int = 40, seed: int = 0) -> tuple[Floats, list[str]]:
    """Features that lie around a point for each label."""
    random = np.random.default_rng(seed)
    points = random.normal(0, 1, (len(LABELS), 64))
    rows = [point + random.normal(0, spread, (each, 64)) for point in points]
    return np.abs(np.concatenate(rows)), [label for label in LABELS for _ in range(each)]


def mislabelled(labels: list[str], share: float, seed: int = 0) -> tuple[list[str], dict[int, str]]:
    """Some labels changed for others, and what they were."""
    random = np.random.default_rng(seed)
    chosen = random.choice(len(labels), int(share * len(labels)), replace=False)
    changed = list(labels)
    for place in chosen:
        changed[place] = str(random.choice([label for label in LABELS if label != labels[place]]))
    return changed, {int(place): labels[place] for place in sorted(chosen)}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.0, 0.02, 0.1])
def test_wrong_labels_are_found_and_said_what_they_should_be(share: float, seed: int) -> None:
    known, labels = clouds(0.5, seed=seed)
    changed, wrong = mislabelled(labels, share, seed)
    assert doubts.doubted(known, changed) == wrong


def test_labels_that_nothing_tells_apart_are_not_doubted() -> None:
    known, labels = clouds(0.5)
    assert doubts.doubted(np.random.default_rng(0).permutation(known), labels) == {}


def test_few_pictures_doubt_nobody() -> None:
    known, labels = clouds(0.5, each=2)
    assert doubts.doubted(known, labels) == {}


def test_many_pictures_are_judged_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubts, "MOST", 50)
    known, labels = clouds(0.4)
    changed, wrong = mislabelled(labels, 0.05)
    assert doubts.doubted(known, changed) == wrong


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_a_tenth_of_wrong_labels_is_named_and_left_out(
    tmp_path: Path, photos: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    photos(*cuts.PHOTOS.values())
    monkeypatch.setattr(cuts, "EACH", {"train": 20})
    monkeypatch.setattr(cuts, "SCENES", {"train": 1})
    cuts.write(tmp_path)
    root = tmp_path / "labels" / "train"
    wrong = {}
    for place, label in enumerate(sorted(cuts.PHOTOS)):
        other = sorted(cuts.PHOTOS)[place - 1]
        for number in (3, 11):
            name = f"{other}/{label}-{number:02}.jpg"
            (root / label / f"{label}-{number:02}.jpg").rename(root / name)
            wrong[name] = f"is labelled {other}, but looks like {label}"
    job = Job("fruit", "1", "classify", 1, tmp_path / "out")
    findings = stages.check(datasets.read(root), root, job, lambda *_: None)
    named = {one.name: one.said for one in findings.found if one.left_out}
    assert named == wrong
    assert len(findings.kept) == 90
