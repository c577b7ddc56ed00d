from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from evaluation import faces, tracking
from evaluation.figures import figure

from edge.tracking import TrackSettings
from models.outputs import Boxes


def test_a_figure_has_a_ratio_where_it_has_a_reference() -> None:
    assert figure("a.b", 0.5, "", 10, 0.4)["ratio"] == 1.25
    assert figure("a.b", 0.5, "", 10)["ratio"] is None
    assert figure("a.b", 0.5, "", 10, 0.0)["ratio"] is None


def test_pairs_that_a_threshold_can_tell_apart_are_all_verified() -> None:
    random = np.random.default_rng(0)
    same = np.arange(200) < 100
    cosines = np.where(same, random.uniform(0.5, 0.9, 200), random.uniform(-0.2, 0.4, 200))
    assert faces.held_out(cosines, same) == 1.0
    assert faces.held_out(cosines, random.permutation(same)) == pytest.approx(0.5, abs=0.15)


def test_a_face_that_was_not_found_is_a_mistake() -> None:
    cosines, same = np.array([0.9, np.nan, 0.1, np.nan]), np.array([True, True, False, False])
    assert faces.judged(cosines, same, 0.5) == 0.5


def test_perfect_detections_are_tracked_perfectly(tmp_path: Path) -> None:
    pytest.importorskip("motmetrics", reason="needs the dependency group 'evaluate'")
    lines = [f"{frame},{who},{10 + 2 * frame},{100 * who},40,80,1,1,1" for frame in range(1, 31) for who in (1, 2)]
    (tmp_path / "gt.txt").write_text("\n".join(lines))
    truth = tracking.ground_truth(tmp_path / "gt.txt")
    assert truth[3][1][0].tolist() == [16, 100, 56, 180]
    found = [Boxes(truth[frame][1], np.full(2, 0.9, np.float32), np.zeros(2, np.int64)) for frame in range(1, 31)]
    history, _ = tracking.follow(found, 10.0, TrackSettings())
    scores = tracking.judge([tracking.people(tracks, 0) for tracks in history], truth)
    assert (scores["num_switches"], scores["num_false_positives"], scores["num_misses"]) == (0, 0, 2)  # the first frame
    swapped = {frame: (ids if frame < 16 else ids[::-1], boxes) for frame, (ids, boxes) in truth.items()}
    assert tracking.judge([tracking.people(tracks, 0) for tracks in history], swapped)["num_switches"] == 2
