"""Every frame has a fate, every stage a histogram, and quantiles are read from it as Prometheus reads them."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.stats import FATES, SECONDS, Histogram, Pace, Stats, quantile


def test_frames_are_counted_by_camera_and_fate() -> None:
    stats = Stats()
    for _ in range(3):
        stats.captured("door")
    stats.dropped("door", "idle")
    stats.analysed("door", 0.02, {})
    assert stats.frames("door") == {"captured": 3} | dict.fromkeys(FATES, 0) | {"idle": 1, "analysed": 1}
    assert stats.frames("yard")["captured"] == 0


def test_a_fate_that_nobody_knows_is_a_defect() -> None:
    with pytest.raises(KeyError):
        Stats().dropped("door", "forgotten")


def test_stages_are_counted_in_buckets() -> None:
    stats = Stats()
    stats.analysed("door", 0.0, {"infer": 10.0})
    stats.analysed("yard", 0.0, {"infer": 20.0, "track": 1.0})
    infer = stats.stages()["infer"]
    assert infer["count"] == 2
    assert infer["sum"] == pytest.approx(0.03)
    assert {SECONDS[place]: count for place, count in enumerate(infer["buckets"]) if count} == {0.01: 1, 0.02: 1}
    assert stats.stages()["track"]["count"] == 1


def test_a_frame_has_an_age_and_its_camera_a_pace() -> None:
    stats = Stats()
    for _ in range(3):
        stats.captured("door")
    stats.analysed("door", 0.03, {})
    door = stats.camera("door")
    assert door["age"] == 0.03
    assert door["ages"]["count"] == 1
    assert door["fps"] > 0
    assert (stats.camera("yard")["age"], stats.camera("yard")["fps"]) == (None, 0.0)


def test_events_are_counted_by_type_and_the_last_is_remembered() -> None:
    stats = Stats()
    stats.event("door", "labels", 100.0)
    stats.event("door", "moderation", 101.0)
    door = stats.camera("door")
    assert door["events"] == {"labels": 1, "moderation": 1}
    assert door["last_event"] == {"type": "moderation", "at": 101.0}


def test_deliveries_and_openings() -> None:
    stats = Stats()
    stats.delivered(0.004)
    stats.delivered(-1.0)  # the clock was set back meanwhile
    stats.opened("door")
    assert stats.delivery()["count"] == 2
    assert stats.delivery()["sum"] == 0.004
    assert stats.camera("door")["opened"] == 1


def test_a_pace_is_a_rate_that_falls_when_nothing_comes() -> None:
    pace = Pace()
    assert pace.rate(0.0) == 0.0
    for at in range(50):
        pace.tick(at * 0.2)
    assert pace.rate(9.8) == pytest.approx(5.0)
    assert pace.rate(19.8) == pytest.approx(0.1)


@given(st.lists(st.floats(0.0, 49.0), min_size=1, max_size=40), st.floats(0.01, 1.0))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(values: list[float], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    found = quantile(histogram.state()["buckets"], share)
    true = sorted(values)[math.ceil(share * len(values)) - 1]
    low, high = next((low, high) for low, high in pairwise((0.0, *SECONDS)) if true <= high)
    assert found is not None
    assert low - 1e-9 <= found <= high + 1e-9


def test_quantiles_of_nothing_and_of_what_lies_above_all_bounds() -> None:
    histogram = Histogram()
    assert quantile(histogram.state()["buckets"], 0.5) is None
    histogram.add(3600.0)
    assert quantile(histogram.state()["buckets"], 0.5) == SECONDS[-1]
