"""What a service manager hears: a real socket in its place, and a pipeline that lives, idles, hangs and ends."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from edge import cli, daemon, notify, stopping
from edge.abilities import Abilities
from edge.config import parse
from edge.pipeline import Pipeline
from edge.settings import TASKS
from edge.values import ModelUse
from tests.brokers import QUICK, free_port, until


class Manager:
    """A socket as systemd holds it, and every message that came in, in order."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.heard: list[str] = []
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while (message := self._socket.recv(4096).decode()) != "closed":
            self.heard.append(message)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
            wire.sendto(b"closed", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    address = str(tmp_path / "notify")
    with closing(Manager(address)) as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield manager


def test_assignments_arrive_in_one_message(manager: Manager) -> None:
    notify.tell(READY=1, STATUS="2 of 2 cameras online")
    assert until(lambda: manager.heard) == ["READY=1\nSTATUS=2 of 2 cameras online"]


def test_a_socket_may_have_an_abstract_name(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"@vedette-test-{os.getpid()}"
    with closing(Manager(address)) as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        notify.tell(STOPPING=1)
        assert until(lambda: manager.heard) == ["STOPPING=1"]


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "/nowhere/at/all", "@" + "x" * 200])
def test_where_no_manager_listens_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify.tell(READY=1)
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify.tell(READY=1)


@pytest.mark.parametrize(
    ("asked", "of", "period"),
    [
        ("30000000", "", 30.0),
        ("30000000", str(os.getpid()), 30.0),
        ("30000000", "1", None),
        ("0", "", None),
        ("", "", None),
        ("soon", "", None),
    ],
)
def test_the_watchdog_is_fed_if_this_process_is_asked(
    asked: str, of: str, period: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", asked)
    monkeypatch.setenv("WATCHDOG_PID", of)
    assert notify.watchdog_period() == period


def test_one_silent_thread_starves_the_watchdog_and_is_named(
    manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    watchdog, now = notify.Watchdog(), time.monotonic()
    watchdog.look({"vision": now, "publisher": now})
    for _ in range(3):
        watchdog.look({"vision": now - notify.LIMITS["vision"] - 1, "publisher": now})
    notify.tell(STOPPING=1)
    assert until(lambda: manager.heard[1:]) == ["STOPPING=1"]
    assert manager.heard[0] == "WATCHDOG=1"
    assert [record.getMessage().split(" has ")[0] for record in caplog.records] == ["the vision thread"]


def test_the_status_is_one_line(manager: Manager) -> None:
    cameras = {"door": {"state": "online", "analysed_fps": 4.96}, "yard": {"state": "offline", "analysed_fps": None}}
    notify.status({"cameras": cameras, "outbox": {"waiting": 7}})
    assert until(lambda: manager.heard) == ["STATUS=1 of 2 cameras online, 5.0 frames/s, 7 events waiting"]


def test_a_manager_that_reads_nothing_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(address)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler, suppress(BlockingIOError):
            filler.setblocking(False)
            while True:
                filler.sendto(b"full", address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        notify.tell(READY=1)


class Hanging:
    """A detector that is let go only at the end."""

    labels = ("Dog",)
    skipped = ()
    use = ModelUse("objects", "fake", 1, "d" * 64, "replay")
    session = SimpleNamespace(streams=1, device="none")

    def __init__(self) -> None:
        self.entered, self.let_go = threading.Event(), threading.Event()

    def prepare(self, _image: Any, _floor: float) -> Callable[[], None]:
        return self._begin

    def _begin(self) -> None:
        self.entered.set()
        self.let_go.wait()


@contextmanager
def running(folder: Path, abilities: Abilities) -> Iterator[Pipeline]:
    """A pipeline whose one camera shows one picture for ever."""
    (folder / "yard").mkdir()
    cv2.imwrite(str(folder / "yard" / "0.png"), np.zeros((48, 64, 3), np.uint8))
    yard: dict[str, Any] = {"kind": "images", "path": "yard", "loop": True, "seconds": 0.05, "motion": {"area": 0}}
    yard |= {task: {"enabled": False} for task in TASKS if not getattr(abilities, task)}
    config = parse({"data": "data", "mqtt": {"port": free_port()}, "cameras": {"yard": yard}}, folder / "vedette.toml")
    with daemon.parts(config, abilities) as parts:
        pipeline = Pipeline(config, parts)
        thread = threading.Thread(target=pipeline.run)
        thread.start()
        try:
            yield pipeline
        finally:
            pipeline.stop()
            for model in abilities.models():
                model.let_go.set()  # type: ignore[attr-defined]
            thread.join()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A status at each look, so that what came after what can be counted."""
    monkeypatch.setattr("edge.pipeline.STATUS_EVERY", 0.0)
    monkeypatch.setitem(notify.LIMITS, "vision", 2.0)


@pytest.mark.usefixtures("often")
def test_a_pipeline_with_nothing_to_do_is_ready_and_alive_until_it_stops(tmp_path: Path, manager: Manager) -> None:
    with running(tmp_path, Abilities()):
        until(lambda: manager.heard.count("WATCHDOG=1") > 15)
    until(lambda: manager.heard[-1] == "STOPPING=1")
    assert manager.heard[0] == "READY=1"
    assert any(message.startswith("STATUS=1 of 1 cameras online") for message in manager.heard)


@pytest.mark.usefixtures("often")
def test_a_vision_thread_that_hangs_starves_the_watchdog(
    tmp_path: Path, manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    hanging = Hanging()
    with running(tmp_path, Abilities(objects=hanging)):  # type: ignore[arg-type]
        assert hanging.entered.wait(QUICK)
        until(lambda: "the vision thread has shown no life" in caplog.text)
        before = len(manager.heard)
        until(lambda: len(manager.heard) > before + 5)
        assert "WATCHDOG=1" in manager.heard[:before]
        assert {message.split("=")[0] for message in manager.heard[before:]} == {"STATUS"}


@pytest.mark.parametrize("number", stopping.SIGNALS)
def test_a_signal_while_models_open_is_a_good_end(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vedette.toml").write_text('data = "data"\n[cameras.yard]\nkind = "images"\npath = "."\n')

    def opening(*_: object, **__: object) -> Abilities:
        signal.raise_signal(number)
        pytest.fail("it went on")

    monkeypatch.setattr(daemon, "open_abilities", opening)
    with pytest.raises(SystemExit) as end:
        cli.main(["--config", str(tmp_path / "vedette.toml"), "run"])
    assert end.value.code == 0
