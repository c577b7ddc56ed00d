"""Ids sort by age, whatever the clock does."""

import threading
import uuid

import pytest

from edge.events import ids


def test_an_id_is_a_uuid_of_version_7_that_tells_its_millisecond() -> None:
    made = uuid.UUID(ids.layout(0x017F22E279B0, 0xCC3, 0x18C4DC0C0C07398F))  # the example of RFC 9562
    assert str(made) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_ids_ascend_when_the_clock_jumps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([5_000, 5_000, 1_000, 1, 9_000])
    monkeypatch.setattr(ids.time, "time_ns", lambda: next(clock) * 1_000_000)
    source = ids.Ids()
    taken = [source.take() for _ in range(5)]
    assert taken == sorted(set(taken))


def test_a_frozen_clock_runs_out_of_no_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_700_000_000_000_000_000)
    source = ids.Ids()
    taken = [source.take() for _ in range(10_000)]
    assert taken == sorted(set(taken))


def test_threads_share_a_source() -> None:
    source, taken = ids.Ids(), []
    threads = [threading.Thread(target=lambda: taken.extend(source.take() for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == 2000
