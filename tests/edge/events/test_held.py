"""What a disk refuses is written later, in order and once; what found no room is counted and told."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.database import connect
from edge.errors import DiskError, StorageError
from edge.events import held as module
from edge.events.held import Held
from edge.events.log import EventLog, EventSettings
from tests.edge.events.examples import matched


class Disk:
    """A log on a disk that can be full: one page above what is used is refused."""

    def __init__(self, folder: Path) -> None:
        self.log = EventLog(connect(folder), "porch", EventSettings())
        self.log._database.execute("CREATE TABLE state (n)")
        self.told: list[str] = []
        self.held = Held(self.log, lambda: self.told.append(self.held.state()["fault"]))

    def fill(self) -> None:
        """From now on nothing is written."""
        self.log._database.execute("PRAGMA query_only = ON")

    def empty(self) -> None:
        self.log._database.execute("PRAGMA query_only = OFF")

    def commit(self, *people: int) -> None:
        def also(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT INTO state VALUES (?)", [(n,) for n in people])

        self.held.commit([matched(str(n), at=float(n)) for n in people], also)

    @property
    def state(self) -> list[int]:
        return [n for (n,) in self.log._database.execute("SELECT n FROM state")]

    @property
    def people(self) -> list[int]:
        return [int(event.captured_at) for event in self.log.tail(0, 10**6) if event.type == "face_matched"]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    opened = Disk(tmp_path)
    with closing(opened.log):
        yield opened


def test_while_the_disk_is_well_each_commit_is_written_at_once(disk: Disk) -> None:
    for n in range(3):
        disk.commit(n)
        assert disk.people == disk.state == list(range(n + 1))
    assert disk.held.state() == {"fault": "", "held": 0, "dropped": 0}
    assert disk.told == []


def test_what_was_refused_is_written_first_with_its_state_and_no_gap(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="edge")
    disk.commit(0)
    disk.fill()
    disk.commit(1, 2)
    disk.commit(3)
    assert disk.people == disk.state == [0]
    assert disk.held.state()["held"] == 3
    assert "readonly" in disk.held.state()["fault"]
    disk.empty()
    disk.commit(4)
    assert disk.people == disk.state == [0, 1, 2, 3, 4]
    assert [event.sequence for event in disk.log.tail(0)] == [1, 2, 3, 4, 5]
    assert [fault == "" for fault in disk.told] == [False, True], "told when it begins and when it ends"
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"], "logged once, not for each frame"


def test_a_retry_needs_no_new_event_and_waits_for_its_time(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.fill()
    disk.commit(1)
    disk.empty()
    monkeypatch.setattr(disk.held, "_again_at", float("inf"))
    disk.held.retry()
    assert disk.people == []
    monkeypatch.setattr(disk.held, "_again_at", 0.0)
    disk.held.retry()
    assert disk.people == [1]


def test_a_long_wait_is_written_in_bites(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BITE", 4)
    disk.fill()
    for n in range(0, 12, 3):
        disk.commit(n, n + 1, n + 2)
    disk.empty()
    written = []
    while disk.held.state()["held"]:
        disk.held.retry()
        written.append(len(disk.people))
    assert written == [3, 6, 9, 12]
    assert disk.people == list(range(12))


def test_without_room_the_oldest_go_and_an_event_tells_how_many(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 5)
    disk.fill()
    for n in range(0, 12, 2):
        disk.commit(n, n + 1)
    assert disk.held.state() | {"fault": ""} == {"fault": "", "held": 4, "dropped": 8}
    disk.empty()
    disk.held.retry()
    assert disk.people == disk.state == [8, 9, 10, 11], "the state of a dropped event goes with it"
    told = disk.log.tail(0)[0]
    assert (told.sequence, told.type, told.camera) == (1, "events_dropped", "-")
    values = '"count":8,"first_at":"1970-01-01T00:00:00.000Z","last_at":"1970-01-01T00:00:07.000Z","reason":"disk"'
    assert values in told.body
    disk.commit(12)
    assert [event.type for event in disk.log.tail(0)].count("events_dropped") == 1


def test_the_end_tries_once_more_and_says_what_is_lost(disk: Disk) -> None:
    disk.fill()
    disk.commit(1, 2)
    with pytest.raises(DiskError, match=r"readonly.*; 2 events that were never written are lost"):
        disk.held.close()
    disk.empty()
    disk.held.close()
    assert disk.people == [1, 2]


def test_damage_is_not_waited_for(disk: Disk) -> None:
    disk.log._database.execute("DROP TABLE outbox")
    with pytest.raises(StorageError, match="damaged"):
        disk.commit(1)
