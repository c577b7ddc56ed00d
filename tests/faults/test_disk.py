"""A disk that refuses: a clear status, no crash, and recovery without help."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import UnavailableError
from tools.scenarios.disk import Way, begun_full, full, limited, readonly, refused

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("way", [limited, full])
def test_events_wait_for_a_disk_that_refuses_and_none_is_lost(tmp_path: Path, way: Way) -> None:
    try:
        figures = refused(tmp_path, way, seconds=3.0)
    except UnavailableError as reason:
        pytest.skip(str(reason))
    assert figures["told_after_s"] < 5
    assert figures["well_after_s"] < 5


def test_a_start_on_a_full_disk_is_one_sentence_and_the_next_one_works(tmp_path: Path) -> None:
    try:
        begun_full(tmp_path)
    except UnavailableError as reason:
        pytest.skip(str(reason))


def test_a_disk_that_turns_read_only_is_told_and_its_return_needs_nothing_but_a_start(tmp_path: Path) -> None:
    try:
        readonly(tmp_path)
    except UnavailableError as reason:
        pytest.skip(str(reason))
