"""An RTSP server that stops, freezes, loses its cable or hangs a read, and the daemon as it is shipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.scenarios import cameras
from tools.scenarios.cameras import Round
from tools.scenarios.stage import Figures

Scenario = Callable[..., Figures]

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("scenario", [cameras.stopped, cameras.frozen, cameras.unplugged, cameras.hanging])
def test_it_is_told_in_time_and_its_frames_are_back_in_time(scenario: Scenario, tmp_path: Path) -> None:
    figures = scenario(tmp_path, times=2)
    assert figures["times"] == 2


GOOD = Round(offline=4.9, online=2.9, threads=8, files=20, memory=1)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (Round(5.1, 1.0, 8, 20, 1), "offline was heard after 5.1 s"),
        (Round(1.0, 3.1, 8, 20, 1), "frames were back after 3.1 s"),
        (Round(1.0, 1.0, 9, 20, 1), "8 threads became 9"),
        (Round(1.0, 1.0, 8, 21, 1), "20 open files became 21"),
    ],
)
def test_a_broken_promise_is_a_failure(bad: Round, told: str) -> None:
    assert cameras.judged([GOOD, GOOD])["offline_most_s"] == 4.9
    with pytest.raises(AssertionError, match=told):
        cameras.judged([GOOD, bad])
