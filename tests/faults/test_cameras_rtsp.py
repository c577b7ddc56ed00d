"""An RTSP server that stops, freezes or loses its cable, and the daemon as it is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.scenarios_cameras import SCENARIOS, judge

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_is_told_in_time_and_its_frames_are_back_in_time(name: str, tmp_path: Path) -> None:
    rounds = SCENARIOS[name](tmp_path, 2)
    assert not judge(rounds), rounds
