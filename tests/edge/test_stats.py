"""Every frame has a fate, every stage its milliseconds."""

from edge.stats import Stats


def test_frames_are_counted_by_camera_and_fate() -> None:
    stats = Stats()
    for fate in ("captured", "captured", "idle"):
        stats.frame("door", fate)
    assert stats.frames("door") == {"captured": 2, "idle": 1, "replaced": 0, "analysed": 0}
    assert stats.frames("yard")["captured"] == 0


def test_stages_have_a_mean_and_a_most() -> None:
    stats = Stats()
    stats.stages({"infer": 10.0})
    stats.stages({"infer": 20.0, "track": 1.0})
    assert stats.milliseconds()["infer"] == {"count": 2, "mean": 15.0, "most": 20.0}
    assert stats.milliseconds()["track"]["count"] == 1


def test_events_are_counted_by_type() -> None:
    stats = Stats()
    stats.event("door", "labels")
    assert stats.events("door") == {"labels": 1}
