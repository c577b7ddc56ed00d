"""The picture in a terminal: what it shows, and what is said where there is none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from edge import cli, live
from edge.commands.top import draw
from tests.edge.picture import picture

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def shown(now: dict[str, Any], before: dict[str, Any] | None = None) -> list[str]:
    from rich.console import Console

    told = StringIO()
    Console(file=told, width=140).print(draw(now, before))
    return [" ".join(line.split()) for line in told.getvalue().splitlines()]


def test_the_whole_picture() -> None:
    lines = shown(picture())
    assert lines[0] == "porch vedette 1.2.3 up 60 min 300 MB"
    assert lines[1] == "1 of 2 cameras online, broker away, events waiting: 7"
    door = next(line for line in lines if line.startswith("door"))
    assert door.endswith("30 0 1 replaced track_started 50 s ago")
    assert any(line.startswith("yard offline: rtsp://yard: no answer [2 s]") for line in lines)
    assert "infer 7.5 10.0 8" in lines
    assert "objects nanodet-g openvino CPU 7.5 10.0 8" in lines
    assert "no faces: sface is not installed" in lines
    assert "outbox 7 events wait, the oldest for 2 min" in lines
    assert "broker mqtt 127.0.0.1:1883: connection refused" in lines
    assert "board cpu-thermal 62 °C, rp1_adc 50 °C, 2.0 GiB of memory left, 9.0 GiB of disk left" in lines
    assert "was held back since boot by under_voltage" in lines


def test_times_are_those_since_the_earlier_picture() -> None:
    before, now = picture(), picture()
    slow = {"count": 9, "sum": 1.0, "buckets": [*before["stages"]["infer"]["buckets"]]}
    slow["buckets"][11] += 1  # one of 0.2 to 0.5 s
    now["stages"]["infer"] = slow
    assert "infer 350.0 497.0 9" in shown(now, before)
    assert "track - - 8" in shown(now, before)


def test_a_fault_stands_at_the_top() -> None:
    assert shown(picture(silent=["vision"]))[1].startswith("the vision thread is stuck")


def test_models_that_failed_and_a_board_that_is_held_back() -> None:
    failed = {"name": "ssd-mobilenet-v2", "backend": "coral", "reason": "the device is gone", "since": 0.0}
    nobody = {"name": None, "backend": None, "device": None, "failed": [failed]}
    board = picture()["board"] | {"throttled": ["heat"], "temperatures": {}, "memory": {}, "disk": {}}
    disk = {"fault": "full", "held": 3, "dropped": 1}
    lines = shown(picture(models={"objects": nobody}, board=board, disk=disk, outbox={}))
    assert "objects none works - - - 0" in lines
    assert "ssd-mobilenet-v2 coral failed: the device is gone" in lines
    assert "held back now by heat" in lines
    assert "board says nothing" in lines
    assert "disk 3 events wait in memory, 1 were dropped" in lines


@pytest.mark.parametrize("words", [(), ("--once",), ("--json",)])
def test_without_a_daemon_it_says_how_to_start_one(tmp_path: Path, vedette: Command, words: tuple[str, ...]) -> None:
    (tmp_path / "vedette.toml").write_text('data = "data"\n')
    done = vedette("--config", "vedette.toml", "top", *words)
    assert done.returncode == 69
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"vedette: data: no daemon is running in {tmp_path / 'data'}; start it with 'vedette run'")


def test_the_same_picture_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vedette.toml").write_text('data = "data"\n')
    told = picture()
    monkeypatch.setattr(live, "ask", lambda data: told | {"device": data.name})
    assert cli.main(["--config", str(tmp_path / "vedette.toml"), "top", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told | {"device": "data"}
