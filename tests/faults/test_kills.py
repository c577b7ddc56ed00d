"""`kill -9` at random moments: no damage, and nothing promised is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.scenarios.kills import kills

pytestmark = pytest.mark.faults


def test_whatever_was_promised_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    figures = kills(tmp_path, 12)
    assert figures["events_promised"] > 100
    assert figures["faces_promised"] > 12
