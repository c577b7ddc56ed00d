"""The public data sets: anybody can cut them, they are the same each time, and nothing is wrong with them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import checks, cuts, datasets, splits
from training.datasets import Dataset


@pytest.fixture(scope="module")
def cut(photos: Callable[..., list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    photos(*cuts.PHOTOS.values())
    folder = tmp_path_factory.mktemp("cuts")
    assert cuts.write(folder) == (250, 80)
    return folder


def parted(root: Path) -> Dataset:
    findings = checks.look(datasets.read(root), root, lambda *_: None)
    assert not [one for one in findings.found if one.left_out or one.stops]
    return splits.part(findings.kept, seed=1)


def test_five_labels_of_forty_pictures(cut: Path) -> None:
    dataset = parted(cut / "labels")
    assert Counter(label for one in dataset.train for label in one.labels) == dict.fromkeys(cuts.PHOTOS, 40)
    assert Counter(label for one in dataset.test for label in one.labels) == dict.fromkeys(cuts.PHOTOS, 10)


def test_boxes_of_three_things(cut: Path) -> None:
    dataset = parted(cut / "boxes")
    assert (dataset.task, dataset.labels) == ("detect", ("cat", "cup", "face"))
    assert (len(dataset.train), len(dataset.test)) == (60, 20)
    assert min(Counter(mark.label for one in dataset.test for mark in one.marks).values()) >= 8


def test_cut_again_they_are_the_same(cut: Path, tmp_path: Path) -> None:
    cuts.write(tmp_path)
    for name in ("labels", "boxes"):
        assert parted(cut / name).fingerprint == parted(tmp_path / name).fingerprint
