"""The API without cameras: who answers, who looks after the models meanwhile, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge import daemon, notify
from edge.daemon import Serving
from edge.errors import UnavailableError
from tests.brokers import until
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


def test_models_are_looked_after_while_requests_are_answered(told: list[dict[str, Any]]) -> None:
    abilities, listener = Abilities(), Listener()
    serving = Serving(abilities, listener)  # type: ignore[arg-type]
    running = threading.Thread(target=serving.run)
    running.start()
    until(lambda: abilities.tended)
    serving.stop()
    running.join()
    assert listener.told == {"models": {"faces": {"name": "yunet"}}}
    assert [next(iter(one)) for one in told] == ["READY", "STOPPING"]


def test_it_ends_by_itself_after_so_many_seconds(told: list[dict[str, Any]]) -> None:
    Serving(Abilities(), Listener()).run(0.01)  # type: ignore[arg-type]
    assert told[-1] == {"STOPPING": 1}


def test_a_server_that_dies_ends_it_with_its_reason(told: list[dict[str, Any]]) -> None:
    with pytest.raises(UnavailableError, match="the port is gone"):
        Serving(Abilities(), Listener(UnavailableError("the port is gone"))).run()  # type: ignore[arg-type]
    assert told[-1] == {"STOPPING": 1}


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
