"""The log is the outbox: gapless, all or nothing, and within its cap."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.database import connect
from edge.errors import StorageError
from edge.events import log as module
from edge.events.log import EventLog, EventSettings, Selection
from tests.edge.events.examples import matched, online


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with closing(open_log(tmp_path)) as opened:
        yield opened


def open_log(data: Path, cap: EventSettings | None = None) -> EventLog:
    return EventLog(connect(data), "porch", cap or EventSettings())


def sequences(events: list[module.Stored]) -> list[int]:
    return [event.sequence for event in events]


def test_what_is_appended_waits_until_it_is_delivered(log: EventLog) -> None:
    stored = log.append([online("door"), online("yard")])
    assert sequences(stored) == [1, 2]
    assert log.pending(0, 10) == stored
    log.delivered([1])
    assert sequences(log.pending(0, 10)) == [2]
    assert log.tail(0) == stored
    assert log.pending(2, 10) == []


def test_events_and_the_callers_state_are_one_commit(log: EventLog) -> None:
    def remember(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE state AS SELECT 7 AS track")

    def stumble(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE state SET track = 8")
        raise RuntimeError

    log.append([online()], remember)
    with pytest.raises(RuntimeError):
        log.append([online()] * 5, stumble)
    assert sequences(log.append([online()])) == [2]
    assert log._database.execute("SELECT track FROM state").fetchone() == (7,)


def test_state_alone_is_committed_too(log: EventLog) -> None:
    assert log.append([], lambda connection: connection.execute("CREATE TABLE state (track)") and None) == []
    assert "state" in log._database.table_names()


def test_an_event_that_fits_no_type_is_refused_before_it_takes_a_number(log: EventLog) -> None:
    wrong = matched()
    wrong.values["similarity"] = float("nan")  # type: ignore[index]
    with pytest.raises(ValueError, match="similarity"):
        log.append([online(), wrong])
    assert sequences(log.append([online()])) == [1]


def test_numbers_go_on_after_a_restart_and_after_everything_was_trimmed(tmp_path: Path) -> None:
    with closing(open_log(tmp_path)) as log:
        log.append([online()] * 3)
        log._database.execute("DELETE FROM events")
    with closing(open_log(tmp_path)) as log:
        assert sequences(log.append([online()])) == [4]


def test_logs_in_two_connections_take_turns(log: EventLog) -> None:
    with closing(log.beside()) as other:
        numbers = [sequences(one.append([online()]))[0] for one in (log, other, other, log)]
    assert numbers == [1, 2, 3, 4]


def test_a_disk_that_is_full_is_told_and_the_next_append_counts_on(log: EventLog) -> None:
    log.append([online()])
    pages = log._database.execute("PRAGMA page_count").fetchone()[0]
    log._database.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    with pytest.raises(StorageError, match="full"):
        log.append([matched()] * 100)
    log._database.execute("PRAGMA max_page_count = 1000000").fetchall()
    assert sequences(log.append([matched()])) == [2]


def test_a_full_disk_keeps_nobody_from_opening_the_log(tmp_path: Path) -> None:
    open_log(tmp_path).close()
    with closing(connect(tmp_path).conn) as connection:
        connection.execute("PRAGMA query_only = ON")
        opened = EventLog(module.Database(connection), "porch", EventSettings())
        assert opened.tail(0) == []


def test_search_gives_the_newest_that_fit_in_order(log: EventLog) -> None:
    log.append([matched("ann", "door", 10), matched("bob", "door", 20), online("yard", 30), matched("ann", "yard", 40)])
    assert sequences(log.search(Selection(person="ann"))) == [1, 4]
    assert sequences(log.search(Selection(type="camera_online"))) == [3]
    assert sequences(log.search(Selection(camera="door", since=15))) == [2]
    assert sequences(log.search(Selection(until=40))) == [1, 2, 3]
    assert sequences(log.search(Selection(limit=2))) == [3, 4]


def test_a_replay_sends_the_same_event_again(log: EventLog) -> None:
    stored = log.append([matched("ann"), matched("bob")])
    log.delivered([1, 2])
    assert log.replay(Selection(person="ann")) == 1
    assert log.replay(Selection(person="ann")) == 0, "it waits already"
    again = log.pending(0, 10)
    assert again == stored[:1]
    first, second = (json.loads(again[0].payload(at)) for at in (1.0, 2.0))
    assert (first["id"], first["published_at"]) == (stored[0].id, "1970-01-01T00:00:01.000Z")
    assert first | {"published_at": second["published_at"]} == second


def fill(log: EventLog, megabytes: float) -> int:
    while log.standing().bytes < megabytes * module.MB:
        log.append([matched()] * 500)
    return log.standing().last


def test_above_the_cap_the_oldest_delivered_events_go_and_no_other(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, EventSettings(cap_mb=1))) as log:
        last = fill(log, 1.2)
        kept = {3, 5, last}
        log.delivered(set(range(1, last + 1)) - kept)
        while log.trim():
            pass
        left = sequences(log.tail(0, last))
        assert log.standing().bytes <= module.MB
        assert set(left) >= kept
        assert left[2:] == list(range(left[2], last + 1)), "the oldest went first"
        assert sequences(log.pending(0, 10)) == sorted(kept)


def test_undelivered_events_stay_above_the_cap_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(open_log(tmp_path, EventSettings(cap_mb=1, reserve_mb=1))) as log:
        last = fill(log, 1.2)
        with closing(log.beside()) as beside:
            assert beside.standing().crowded, "every connection sees it, not only the one that trims"
        assert [log.trim() for _ in range(5)] == [0] * 5
        assert len(log.pending(0, last)) == last
        assert log.standing().crowded
        assert len([record for record in caplog.records if "undelivered" in record.message]) == 1
        log.delivered(range(1, last + 1))
        while log.trim():
            pass
        assert not log.standing().crowded


def test_the_last_limit_gives_up_the_oldest_and_an_event_says_which(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, EventSettings(cap_mb=1, reserve_mb=0))) as log:
        last = fill(log, 1.5)
        while log.trim():
            pass
        assert log.standing().bytes <= module.MB
        left = log.pending(0, last + 100)
        told = [json.loads(event.body)["values"] for event in left if event.type == "events_lost"]
        gone = sum(event["count"] for event in told)
        assert gone > 0
        covered = {number for event in told for number in range(event["first"], event["last"] + 1)}
        assert covered | set(sequences(left)) == set(range(1, log.standing().last + 1)), "each gap is explained"
        assert len(covered) == gone


class Model:
    """What the log must do, in plain lists."""

    def __init__(self) -> None:
        self.last = 0
        self.waiting: list[int] = []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["append", "fail", "deliver", "replay", "trim"]), st.integers(0, 7))))
def test_any_order_of_calls_keeps_the_sequence_and_the_outbox(steps: list[tuple[str, int]]) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise RuntimeError

    with tempfile.TemporaryDirectory() as folder, closing(open_log(Path(folder))) as log:
        model = Model()
        for step, n in steps:
            if step == "append":
                assert sequences(log.append([online()] * n)) == list(range(model.last + 1, model.last + n + 1))
                model.waiting += range(model.last + 1, model.last + n + 1)
                model.last += n
            elif step == "fail":
                with pytest.raises(RuntimeError):
                    log.append([online()] * n, fail)
            elif step == "deliver":
                log.delivered(model.waiting[:n])
                del model.waiting[:n]
            elif step == "replay":
                log.replay(Selection(limit=n))
                model.waiting = sorted({*model.waiting, *range(max(model.last - n, 0) + 1, model.last + 1)})
            else:
                assert log.trim() == 0
            assert sequences(log.pending(0, 1000)) == model.waiting
        assert sequences(log.tail(0)) == list(range(1, model.last + 1))


WRITER = """
import sys
from pathlib import Path
from edge.database import connect
from edge.events.log import EventLog, EventSettings
from tests.edge.events.examples import matched
log = EventLog(connect(Path(sys.argv[1])), "porch", EventSettings())
while True:
    for event in log.append([matched(camera=sys.argv[2])] * 3, lambda c: c.execute(
        "INSERT INTO tally SELECT coalesce(max(n), 0) + 1 FROM tally") and None):
        print(event.sequence, flush=True)
"""


@pytest.fixture
def writer(tmp_path: Path) -> Callable[[str], subprocess.Popen[str]]:
    def start(camera: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), camera],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )

    return start


def test_killed_writers_lose_nothing_they_acknowledged(
    tmp_path: Path, writer: Callable[[str], subprocess.Popen[str]]
) -> None:
    with closing(open_log(tmp_path)) as log:
        log._database.execute("CREATE TABLE tally (n)")
        told: set[int] = set()
        for round_ in range(3):
            running = [writer("door"), writer("yard")]
            for process in running:
                assert process.stdout
                told |= {int(process.stdout.readline()) for _ in range(10 + 7 * round_)}
            for process in running:
                os.kill(process.pid, signal.SIGKILL)
            for process in running:
                assert process.stdout
                with process.stdout:
                    told |= {int(line) for line in process.stdout if line.endswith("\n")}
                process.wait()
        assert log._database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = sequences(log.tail(0, 1_000_000))
        assert kept == list(range(1, len(kept) + 1))
        assert told <= set(kept)
        assert log._database.execute("SELECT count(*) FROM tally").fetchone()[0] * 3 == len(kept)
