"""What `vedette doctor` finds, part by part."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge import config, daemon, database
from edge.checkup import Finding, examine
from edge.collections import Collections, NewFace
from edge.events.log import EventLog, EventSettings
from edge.keys import Keys, open_master
from edge.packs.store import Store
from edge.values import Box, Event
from tests.brokers import Mosquitto, free_port
from tests.edge.picture import picture
from tests.edge.stores import FakeBackend, classifier, install, put

COOL: dict[str, Any] = {"temperatures": {"cpu-thermal": 51.2}, "throttled": [], "throttled_since_boot": []}
OFF: dict[str, Any] = {"objects": [], "faces": [], "embedding": [], "labels": [], "moderation": []}


def look(folder: Path, port: int = 9, **models: Any) -> dict[str, Finding]:
    raw = {
        "device": "porch",
        "data": "state",
        "mqtt": {"port": port, "timeout": 1.0},
        "models": {"store": "store"} | OFF | models,
    }
    return {finding.part: finding for finding in examine(config.parse(raw, folder / "vedette.toml"))}


@pytest.fixture(autouse=True)
def _backends(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, "openvino", FakeBackend(classifier()))
    put(monkeypatch, "tflite", FakeBackend(refusal="LiteRT is not installed: pip install ai-edge-litert"))
    monkeypatch.setattr("edge.checkup.board.synchronised", lambda: True)
    monkeypatch.setattr("edge.checkup.board.Board", lambda _: SimpleNamespace(state=lambda: COOL))


def test_every_part_is_looked_at(tmp_path: Path) -> None:
    database.connect(tmp_path / "state").close()
    about_us = ["vedette", "packages", "openvino", "tflite", *OFF]
    assert list(look(tmp_path)) == [*about_us, "broker", "data", "outbox", "board", "clock", "daemon"]


def test_a_model_is_tried_and_timed(tmp_path: Path) -> None:
    install(Store(tmp_path / "store"), "efficientnet-lite0", "openvino")
    found = look(tmp_path, labels=["efficientnet-lite0"])
    assert found["labels"].ok
    assert re.fullmatch(r"efficientnet-lite0 on openvino FAKE: \d+\.\d ms", found["labels"].text)
    assert found["moderation"] == Finding("moderation", True, "turned off")


def test_celebrity_packs_are_read(tmp_path: Path) -> None:
    place = tmp_path / "store" / "celebrities"
    place.mkdir(parents=True)
    (place / "stars.celebrities").write_bytes(b"cut off")
    assert not look(tmp_path)["pack stars"].ok


def test_what_does_not_work_says_what_to_do(tmp_path: Path) -> None:
    port = free_port()
    found = look(tmp_path, port, labels=["efficientnet-lite0"])
    faults = {part: finding.text for part, finding in found.items() if not finding.ok}
    assert faults.keys() == {"tflite", "labels", "broker"}
    assert faults["tflite"] == "LiteRT is not installed: pip install ai-edge-litert"
    assert "run 'vedette models pull'" in faults["labels"]
    assert f"127.0.0.1:{port}: connection refused; start the broker" in faults["broker"]


def test_a_broker_that_answers(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        found = look(tmp_path, broker.port)["broker"]
    assert found == Finding("broker", True, f"127.0.0.1:{broker.port} answers")


def test_the_api_needs_a_key_and_a_certificate_that_is_one(tmp_path: Path) -> None:
    def api(**more: str) -> Finding:
        raw = {"data": "state", "models": {"store": "store"} | OFF, "api": {"port": 8432} | more}
        (found,) = [one for one in examine(config.parse(raw, tmp_path / "vedette.toml")) if one.part == "api"]
        return found

    assert api() == Finding("api", False, "no access key is enabled, so nobody can ask: run 'vedette keys create NAME'")
    assert not (tmp_path / "state" / database.NAME).exists()
    with closing(Keys(database.connect(tmp_path / "state"), open_master(tmp_path / "state"))) as keys:
        keys.create("tester")
    assert api() == Finding("api", True, "http://127.0.0.1:8432, access keys: 1")
    assert "no such file or directory" in api(tls_certificate="a.pem", tls_key="a.key").text
    (tmp_path / "state" / "master.key").unlink()
    assert "put it back, or delete each with 'vedette keys delete NAME'" in api().text


def test_a_port_for_metrics_that_another_program_has(tmp_path: Path) -> None:
    def metrics(port: int) -> Finding:
        raw = {"data": "state", "models": {"store": "store"} | OFF, "metrics": {"port": port}}
        (found,) = [one for one in examine(config.parse(raw, tmp_path / "vedette.toml")) if one.part == "metrics"]
        return found

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = f"metrics: 127.0.0.1:{port}: address already in use; set another host or port in [metrics]"
        assert metrics(port) == Finding("metrics", False, said)
        with daemon.alone(tmp_path / "state"):
            assert metrics(port).ok, "the daemon has it"
    assert metrics(port) == Finding("metrics", True, f"127.0.0.1:{port}")


def test_before_the_first_run_nothing_is_made(tmp_path: Path) -> None:
    found = look(tmp_path)
    assert found["data"] == Finding(
        "data", True, f"{tmp_path / 'state'}: holds no vedette.db yet; the first run makes it"
    )
    assert "outbox" not in found
    assert not (tmp_path / "state").exists()


def test_damaged_faces_are_told(tmp_path: Path) -> None:
    opened = database.connect(tmp_path / "state")
    with closing(Collections(opened)) as people:
        people.create_collection("people")
        people.add_faces("people", [NewFace(np.ones(128, np.float32), Box(0, 0, 1, 1), 0.9)], "d" * 64)
        with database.transaction(opened) as writing:
            writing.execute("UPDATE vectors SET vector = ?", [bytes(512)])
    assert look(tmp_path)["data"].text == "1 stored faces are damaged and match nobody; index their pictures again"


def test_a_full_disk_a_broken_database_and_a_wrong_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database.connect(tmp_path / "state").close()
    monkeypatch.setattr("edge.checkup.shutil.disk_usage", lambda _: SimpleNamespace(free=5 << 20))
    monkeypatch.setattr("edge.checkup.time.time", lambda: 86400.0)
    found = look(tmp_path)
    assert not found["data"].ok
    assert "0.0 GiB free: a full disk takes no events; make room" in found["data"].text
    assert found["clock"] == Finding(
        "clock", False, "1970-01-02 00:00:00 UTC lies in the past; set the time (timedatectl set-ntp true)"
    )
    (tmp_path / "state" / database.NAME).write_bytes(b"no database" * 999)
    broken = look(tmp_path)["data"]
    assert not broken.ok
    assert str(tmp_path / "state") in broken.text


def test_a_clock_that_nobody_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.checkup.board.synchronised", lambda: False)
    clock = look(tmp_path)["clock"]
    assert not clock.ok
    assert "run 'timedatectl set-ntp true', or install chrony" in clock.text
    monkeypatch.setattr("edge.checkup.board.synchronised", lambda: None)
    assert look(tmp_path)["clock"].ok


@pytest.mark.parametrize(
    ("said", "ok", "text"),
    [
        ({}, True, "cpu-thermal 51 °C"),
        ({"throttled_since_boot": ["heat"]}, True, "cpu-thermal 51 °C, was held back since boot by heat"),
        (
            {"throttled": ["heat"], "throttled_since_boot": ["heat"]},
            False,
            "held back by heat: frames are dropped then",
        ),
        ({"temperatures": {"a": 40.0, "b": 86.0}}, False, "b 86 °C, close to slowing down"),
        (
            {"throttled_since_boot": ["under_voltage"]},
            False,
            "too weak since boot: it slows down, and may damage its card",
        ),
        ({"throttled": None, "throttled_since_boot": None, "temperatures": {}}, True, "tells no temperature"),
    ],
)
def test_heat_and_a_weak_supply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], ok: bool, text: str
) -> None:
    monkeypatch.setattr("edge.checkup.board.Board", lambda _: SimpleNamespace(state=lambda: COOL | said))
    found = look(tmp_path)["board"]
    assert found.ok is ok
    assert text in found.text


def test_events_that_have_waited_for_long(tmp_path: Path) -> None:
    database.connect(tmp_path / "state").close()
    assert look(tmp_path)["outbox"] == Finding("outbox", True, "events waiting for the broker: 0")
    with closing(EventLog(database.connect(tmp_path / "state"), "porch", EventSettings())) as log:
        log.append([Event("camera_online", "door", time.time() - 1000, {})])
    found = look(tmp_path)["outbox"]
    assert not found.ok
    assert found.text.startswith(
        "events waiting for the broker: 1, the oldest for 17 min: at 1024 MB the oldest are given up"
    )


def test_a_running_daemon_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"name": "ssd-mobilenet-v2", "backend": "coral", "reason": "the device is gone", "since": 0.0}
    models = {"objects": {"name": "nanodet-g", "backend": "openvino", "device": "CPU", "failed": [failed]}}
    told = picture(models=models)
    told["cameras"]["door"] |= {"opened": 9}
    monkeypatch.setattr("edge.live.ask", lambda _: told)
    found = look(tmp_path)
    assert found["daemon"] == Finding("daemon", True, told["summary"])
    assert found["camera yard"] == Finding("camera yard", False, "rtsp://yard: no answer [2 s]")
    assert "its frames gave way to newer ones: the board is too slow" in found["camera door"].text
    assert (
        "coral failed, nanodet-g on openvino stands in: the device is gone; check the device" in found["objects"].text
    )
    told |= picture(silent=["vision"])
    assert not look(tmp_path)["daemon"].ok


def test_no_daemon_and_one_that_does_not_answer(tmp_path: Path) -> None:
    found = look(tmp_path)["daemon"]
    assert found.ok
    assert found.text == "not running; start it with 'vedette run' or 'systemctl start vedette'"
    with daemon.alone(tmp_path / "state"):
        found = look(tmp_path)["daemon"]
    if not Path("/proc/locks").exists():
        pytest.skip("this kernel tells no locks")
    assert not found.ok


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    found = look(tmp_path)["data"]
    assert not found.ok
    assert "state" in found.text


def test_a_folder_that_this_user_may_not_look_into_keeps_nothing_else_from_being_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bool:
        raise database.no_folder("data", tmp_path / "state", PermissionError(13, "Permission denied"))

    monkeypatch.setattr(database, "is_there", refuse)
    found = look(tmp_path)
    assert not found["data"].ok
    assert "state: Permission denied" in found["data"].text
    assert found["clock"].ok


def test_an_altered_weight_is_found_though_it_opens(tmp_path: Path) -> None:
    folder = install(Store(tmp_path / "store"), "efficientnet-lite0", "openvino")
    (folder / "model.bin").write_bytes(b"WEIGHTS")
    assert look(tmp_path, labels=["efficientnet-lite0"])["labels"] == Finding(
        "labels",
        False,
        f"{folder / 'model.bin'} was altered: run 'vedette models pull efficientnet-lite0 --backend openvino'",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE migrations SET done = 99 WHERE room = 'collections'", "were written by a newer Vedette; upgrade"),
        ("UPDATE migrations SET done = 99 WHERE room = 'events'", "were written by a newer Vedette; upgrade"),
        ("DROP TABLE outbox", "no such table: outbox; the file is damaged: restore a copy"),
        ("DROP TABLE faces", "no such table: "),
    ],
)
def test_a_database_that_the_daemon_could_not_use(tmp_path: Path, change: str, said: str) -> None:
    data = tmp_path / "state"
    EventLog(database.connect(data), "porch", EventSettings()).close()
    Collections(database.connect(data)).close()
    assert look(tmp_path)["data"].ok
    with closing(database.connect(tmp_path / "state").conn) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(change)
    found = look(tmp_path)["data"]
    assert not found.ok
    assert found.text.startswith(str(tmp_path / "state" / database.NAME))
    assert said in found.text


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_the_doctor_finds_this_machine_well(
    tmp_path: Path, vedette: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    before = time.time()
    with Mosquitto(tmp_path) as broker:
        (tmp_path / "vedette.toml").write_text(f'data = "state"\n[mqtt]\nport = {broker.port}\n')
        done = vedette("--config", "vedette.toml", "doctor", "--json")
    found = {one["part"]: one for one in json.loads(done.stdout)}
    faults = {part for part, finding in found.items() if not finding["ok"]}
    assert faults <= {"board", "clock"}, done.stdout  # how this machine fares is no matter of ours
    assert done.returncode == bool(faults)
    assert done.stderr == ""
    for task in OFF:
        name, milliseconds = re.fullmatch(r"(\S+) on openvino \S+: (\d+\.\d) ms", found[task]["text"]).groups()  # type: ignore[union-attr]
        assert name
        assert 0 < float(milliseconds) < 1e3 * (time.time() - before)
