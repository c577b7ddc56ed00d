"""`vedette events` reads the log of the configured device."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.commands import events as command
from edge.database import connect
from edge.errors import InputError, MissingError, StorageError
from edge.events import pages
from edge.events.log import EventLog, EventSettings
from tests.edge.events.examples import matched

Run = Callable[..., int]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with closing(EventLog(connect(tmp_path / "data"), "porch", EventSettings())) as opened:
        yield opened


@pytest.fixture
def run(tmp_path: Path) -> Run:
    config = tmp_path / "vedette.toml"
    config.write_text('device = "porch"\ndata = "data"\n')

    def call(*words: str) -> int:
        parser = argparse.ArgumentParser()
        command.add(parser.add_subparsers())
        args = parser.parse_args(["events", *words], argparse.Namespace(config=config))
        return int(args.handler(args))

    return call


def test_tail_prints_a_line_for_each_of_the_newest(log: EventLog, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    log.append([*pages.examples().values()][:9])
    assert run("tail", "-n", "4") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["6", "7", "8", "9"]
    assert "moderation     Violence 0.87" in lines[0]
    assert lines[2].endswith("text           EXIT")


def test_search_gives_json_that_is_the_log_s_own(log: EventLog, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    stored = log.append([matched("ann", at=1e9), matched("bob", at=1.2e9), matched("ann", at=1.3e9)])
    run("search", "--person", "ann", "--since", "2005-01-01", "--json")
    assert json.loads(capsys.readouterr().out) == json.loads(stored[2].body)


def test_replay_says_how_many_and_marks_them(log: EventLog, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    log.append([matched("ann"), matched("bob")])
    log.delivered([1, 2])
    run("replay", "--person", "bob")
    assert capsys.readouterr().out.startswith("1 events ")
    assert [event.sequence for event in log.pending(0, 9)] == [2]


def test_schema_prints_the_committed_schema(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("schema")
    assert json.loads(capsys.readouterr().out) == json.loads(pages.schema())


def test_a_type_that_does_not_exist_and_a_log_that_does_not(run: Run, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="data: no events here; start 'vedette run'"):
        run("tail")
    assert not (tmp_path / "data").exists()
    connect(tmp_path / "data").conn.close()
    with pytest.raises(InputError, match="there are track_started"):
        run("search", "--type", "face_match")


def test_moments_are_ages_or_iso_times() -> None:
    assert command.moment("90s", now=100.0) == 10.0
    assert command.moment("2d", now=200_000.0) == 27_200.0
    assert command.moment("1970-01-01T00:01:00Z") == 60.0
    with pytest.raises(argparse.ArgumentTypeError, match="'yesterday' is neither"):
        command.moment("yesterday")


@pytest.mark.parametrize("body", ["{", "[]", "null", '{"id":1}', '{"values":{}}', '{"values":7}'])
def test_a_damaged_event_is_one_sentence(log: EventLog, run: Run, tmp_path: Path, body: str) -> None:
    log.append([matched("ann"), matched("bob")])
    with closing(connect(tmp_path / "data").conn) as connection:
        connection.execute("UPDATE events SET body = ? WHERE sequence = 2", [body])
    with pytest.raises(StorageError, match="event 2: what is stored is damaged; check the disk"):
        run("tail")
    with pytest.raises(StorageError, match="event 2: what is stored is damaged; check the disk"):
        run("tail", "--json")


def test_an_unknown_face_is_no_contradiction() -> None:
    said = command.describe("face_unknown", {"collection": "people", "best_similarity": 100.0})
    assert said == "no one of 'people' stands out; the nearest is 100.0 % alike"


def test_what_a_custom_model_saw_stands_in_the_line() -> None:
    values = {"project": "doors", "version": "2", "labels": [{"name": "Open", "score": 0.934}]}
    tried = {"shadow": "3", "shadow_labels": [], "agree": False}
    assert command.describe("custom_labels", values) == "doors/2: Open 0.93"
    assert command.describe("custom_labels", {**values, "labels": []}) == "doors/2: none"
    assert command.describe("custom_shadow", values | tried) == "doors/2 and 3 on trial, agree False: Open 0.93"


@given(st.text(max_size=20))
def test_any_other_text_is_refused_with_a_sentence(text: str) -> None:
    try:
        assert isinstance(command.moment(text), float)
    except argparse.ArgumentTypeError as error:
        assert "neither" in str(error)  # noqa: PT017
