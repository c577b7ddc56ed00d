"""The picture in a terminal: what it shows, and what is said where there is none."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import cv2
import numpy as np
import pytest

from edge import cli, live
from edge.commands.top import draw
from tests.brokers import free_port, until
from tests.edge.picture import picture

ROOT = Path(__file__).parents[2]
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


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[int]:
    """One that watches a folder without any model; gives its metrics port."""
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "grey.png"), np.full((48, 64, 3), 90, np.uint8))
    port = free_port()
    lines = ['device = "porch"', 'data = "data"', f"[metrics]\nport = {port}", f"[mqtt]\nport = {free_port()}"]
    lines += ["[models]", *(f"{task} = []" for task in ("objects", "faces", "labels", "moderation"))]
    lines += ["[cameras.door]", 'kind = "images"', 'path = "pictures"', "loop = true", "seconds = 0.2"]
    (tmp_path / "vedette.toml").write_text("\n".join(lines))
    command = [sys.executable, "-m", "edge.cli", "--config", tmp_path / "vedette.toml", "run"]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    try:
        until((tmp_path / "data" / live.NAME).exists, "it does not start")
        until(lambda: live.ask(tmp_path / "data")["cameras"]["door"]["state"] == "online")
        yield port
    finally:
        running.terminate()
        running.communicate()


def test_a_real_daemon_in_every_way_to_look(vedette: Command, daemon: int) -> None:
    once = vedette("--config", "vedette.toml", "top")
    assert once.returncode == 0
    assert once.stdout.startswith("porch  vedette ")
    assert "1 of 1 cameras online" in once.stdout
    told = json.loads(vedette("--config", "vedette.toml", "top", "--json").stdout)
    assert told["cameras"]["door"]["frames"]["captured"] > 0
    with urlopen(f"http://127.0.0.1:{daemon}/healthz", timeout=10) as answer:
        assert answer.read().startswith(b"1 of 1 cameras online, broker away")
    with urlopen(f"http://127.0.0.1:{daemon}/metrics", timeout=10) as answer:
        assert b'vedette_camera_up{camera="door"} 1.0' in answer.read()
    found = {one["part"]: one for one in json.loads(vedette("--config", "vedette.toml", "doctor", "--json").stdout)}
    assert found["daemon"]["text"].startswith("1 of 1 cameras online")


def test_a_second_daemon_finds_the_port_taken(tmp_path: Path, vedette: Command, daemon: int) -> None:
    text = (tmp_path / "vedette.toml").read_text()
    (tmp_path / "second.toml").write_text(text.replace('data = "data"', 'data = "second"'))
    done = vedette("--config", "second.toml", "run")
    assert done.returncode == 69
    (line,) = done.stderr.splitlines()
    assert line == (
        f"vedette: metrics: 127.0.0.1:{daemon}: address already in use; set another host or port in [metrics]"
    )


@pytest.mark.usefixtures("daemon")
def test_it_shows_on_a_terminal_until_interrupted(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "edge.cli", "--config", tmp_path / "vedette.toml", "top"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    top = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    shown = b""
    while shown.count(b"porch") < 2:  # the first picture and the next
        shown += os.read(ours, 1 << 16)
    top.send_signal(signal.SIGINT)
    with suppress(OSError):  # how Linux says that the other side is closed
        while some := os.read(ours, 1 << 16):
            shown += some
    _, told = top.communicate(timeout=30)
    os.close(ours)
    assert top.returncode == cli.INTERRUPTED
    assert told == b""
    assert shown.rstrip().endswith(b"\x1b[?25h\x1b[?1049l")  # the cursor and the screen are given back


def test_the_same_picture_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vedette.toml").write_text('data = "data"\n')
    told = picture()
    monkeypatch.setattr(live, "ask", lambda data: told | {"device": data.name})
    assert cli.main(["--config", str(tmp_path / "vedette.toml"), "top", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told | {"device": "data"}
