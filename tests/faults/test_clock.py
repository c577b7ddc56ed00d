"""A clock that is set while the daemon runs, forth and back: events flow on, in order and without a gap."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tools.scenarios.stage import Sentry, Witness, every, lasting, nothing_lost, opened, wait

pytestmark = pytest.mark.faults

HOUR, DAY = 3600.0, 86400.0


def test_a_clock_that_jumps_both_ways_stops_no_camera_and_no_delivery(tmp_path: Path) -> None:
    with lasting(tmp_path) as broker, Witness(broker.port) as witness, Sentry(tmp_path, broker.port) as sentry:
        sentry.start()
        for seconds in (0.0, HOUR, -DAY, 0.0, 400 * DAY, 0.0):
            sentry.set_clock(seconds)
            heard = len(witness.ids)
            wait(lambda: len(witness.ids) > heard + 50, f"events arrive with the clock {seconds:+.0f} s off", 5)  # noqa: B023
        assert sentry.stop() == 0
        assert "Traceback" not in sentry.said
        with opened(sentry.data) as log:
            nothing_lost(log, witness)
            events = [json.loads(event.body) for event in every(log)]
            times = [event.captured_at for event in every(log)]
    ids = [event["id"] for event in events]
    assert ids == sorted(ids), "ids ascend also while the clock falls back"
    assert max(times) > time.time() + 300 * DAY
    assert min(times) < time.time() - DAY / 2
