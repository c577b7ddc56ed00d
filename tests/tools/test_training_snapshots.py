"""What people labelled on a device is read by the trainer as they meant it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edge import snapshots
from edge.stills import Boxed, Stills
from edge.values import Box, Detection

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import datasets


def test_an_export_is_a_data_set(tmp_path: Path) -> None:
    stills = Stills(tmp_path / "stills", keep=9, clean=True)
    for second in range(3):
        image = np.full((50, 100, 3), 10 * second, np.uint8)
        still = stills.write(image, "yard", float(second), "track_started")
        stills.keep_clean(still, image, [Detection("Cat", 0.8, Box(0.2, 0.2, 0.6, 0.8))])
    one, other, nothing = snapshots.snapshots(stills.folder)
    snapshots.label(one, ["night"], snapshots.proposed(one, "Cat", "raccoon"), 60.0)
    snapshots.label(other, [], [Boxed(label="fox", x1=0.1, y1=0.0, x2=0.5, y2=1.0)], 60.0)
    snapshots.label(nothing, [], [], 60.0)
    snapshots.export(snapshots.snapshots(stills.folder), tmp_path / "out")

    boxes = {sample.path.stem: sample.marks for sample in datasets.read(tmp_path / "out")}
    assert [(mark.label, mark.x1, mark.y2) for mark in boxes[one.name]] == [("raccoon", 0.2, pytest.approx(0.8))]
    assert [(mark.label, mark.x2) for mark in boxes[other.name]] == [("fox", 0.5)]
    assert boxes[nothing.name] == (), "a background picture"
    whole = {sample.path.stem: sample.labels for sample in datasets.read(tmp_path / "out", "classify")}
    assert whole == {one.name: ("night", "raccoon"), other.name: ("fox",), nothing.name: ()}
    assert all(sample.path.is_file() for sample in datasets.read(tmp_path / "out"))
