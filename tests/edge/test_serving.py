"""The API without cameras: who answers, who looks after the models meanwhile, and how it ends."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge import abilities, daemon, database, notify, status
from edge.config import Config, parse
from edge.daemon import Serving
from edge.errors import ConfigError, UnavailableError
from edge.explain import exposures
from tests.brokers import free_port, until
from tests.conftest import Command


class Abilities:
    """Counts how often it is looked after."""

    def __init__(self) -> None:
        self.tended = 0

    def tend(self) -> None:
        self.tended += 1

    def changes(self) -> list[Any]:
        return []

    def standing(self) -> dict[str, Any]:
        return {"faces": {"name": "yunet"}}


class Listener:
    """Answers nobody, until it is told to stop, or `breaks`."""

    name = "api"

    def __init__(self, breaks: Exception | None = None) -> None:
        self.breaks = breaks
        self.told: Mapping[str, Any] = {}

    def serve(self, picture: Callable[[], Mapping[str, Any]], stop: threading.Event) -> None:
        self.told = picture()
        if self.breaks:
            raise self.breaks
        assert stop.wait(10)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the service manager hears."""
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(
        daemon, "notify", SimpleNamespace(tell=lambda **one: heard.append(one), Watchdog=notify.Watchdog)
    )
    return heard


def test_models_are_looked_after_while_requests_are_answered(tmp_path: Path, told: list[dict[str, Any]]) -> None:
    abilities, listener = Abilities(), Listener()
    serving = Serving(abilities, listener, tmp_path)  # type: ignore[arg-type]
    running = threading.Thread(target=serving.run)
    running.start()
    until(lambda: abilities.tended)
    serving.ask("SIGTERM")
    running.join()
    assert listener.told == {"models": {"faces": {"name": "yunet"}}, "disk": {"fault": ""}}
    assert [next(iter(one)) for one in told] == ["READY", "STOPPING"]


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Serving(Abilities(), Listener(), tmp_path / "gone").picture()  # type: ignore[arg-type]
    assert status.unfit(gone).startswith(f"the disk refuses writes: {tmp_path / 'gone'}: no such file or directory")
    monkeypatch.setattr(database.shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    full = Serving(Abilities(), Listener(), tmp_path).picture()  # type: ignore[arg-type]
    assert status.unfit(full) == f"the disk refuses writes: {tmp_path}: no space left; make room there"


def test_it_ends_by_itself_after_so_many_seconds(tmp_path: Path, told: list[dict[str, Any]]) -> None:
    Serving(Abilities(), Listener(), tmp_path).run(0.01)  # type: ignore[arg-type]
    assert told[-1] == {"STOPPING": 1}


def test_a_server_that_dies_ends_it_with_its_reason(tmp_path: Path, told: list[dict[str, Any]]) -> None:
    with pytest.raises(UnavailableError, match="the port is gone"):
        Serving(Abilities(), Listener(UnavailableError("the port is gone")), tmp_path).run()  # type: ignore[arg-type]
    assert told[-1] == {"STOPPING": 1}


def configured(folder: Path, **api: Any) -> Config:
    (folder / "slides").mkdir(exist_ok=True)
    camera = {"kind": "images", "path": "slides"}
    raw = {"data": "data", "cameras": {"hall": camera}, "api": {"port": free_port()} | api}
    return parse(raw, folder / "vedette.toml")


@pytest.mark.parametrize("begin", [daemon.serve, daemon.watch])
def test_what_keeps_clients_out_ends_it_before_a_model_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: Callable[[Config], None]
) -> None:
    def late(*_: object, **__: object) -> None:
        raise AssertionError("the models are being opened")

    monkeypatch.setattr(daemon, "open_abilities", late)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UnavailableError, match=f"api: 127\\.0\\.0\\.1:{port}: address already in use"):
            begin(configured(tmp_path, port=port))
    with pytest.raises(ConfigError, match=r"api\.tls_certificate"):
        begin(configured(tmp_path, tls_certificate="a.pem", tls_key="a.key"))


def test_the_log_begins_with_what_clients_lack_and_ends_when_it_has_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(daemon, "open_abilities", lambda *_, **__: abilities.Abilities())
    (tmp_path / "file").write_text("")
    config = configured(tmp_path, host="0.0.0.0", buckets={"gone": "nowhere", "flat": "file"})  # noqa: S104
    with caplog.at_level(logging.INFO):
        daemon.serve(config, 0.01)
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        *exposures(config),
        f"api.buckets.gone: {tmp_path / 'nowhere'} does not exist; put it there, or correct the path",
        f"api.buckets.flat: {tmp_path / 'file'} is not a folder; name a folder",
        "api: no access key is enabled, so nobody can ask: run 'vedette keys create NAME'",
    ]
    assert caplog.messages[-1] == "stopped"


def test_a_port_that_is_none_is_a_wrong_command_line(vedette: Command) -> None:
    for port in ("coffee", "0", "65536"):
        done = vedette("serve", "--port", port)
        assert done.returncode == 2
        assert f"argument --port: invalid port value: '{port}'" in done.stderr


def test_run_needs_cameras_and_says_what_does_not(vedette: Command, tmp_path: Path) -> None:
    (tmp_path / "vedette.toml").write_text("[api]\nport = 8432\n")
    done = vedette("--config", "vedette.toml", "run")
    assert done.returncode == 78
    assert done.stderr == "vedette: vedette.toml: cameras: there is none; for the API alone, run 'vedette serve'\n"
    assert "api: http://127.0.0.1:8432" in vedette("--config", "vedette.toml", "check").stdout
