"""The picture on a socket in the data folder: who asks, who may not, and who asks where nobody is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge import live
from edge.errors import DeniedError, UnavailableError


@contextmanager
def served(data: Path, picture: dict[str, Any]) -> Iterator[None]:
    data.mkdir(parents=True, exist_ok=True)
    door, stop = live.Live(data), threading.Event()
    thread = threading.Thread(target=door.serve, args=(lambda: picture, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        door.close()


def test_who_asks_gets_the_picture_as_it_is_now(tmp_path: Path) -> None:
    picture = {"device": "Türe", "count": 1}
    with served(tmp_path, picture):
        assert live.ask(tmp_path) == picture
        picture["count"] = 2
        assert live.ask(tmp_path)["count"] == 2
    assert not (tmp_path / live.NAME).exists()


def test_no_folder_is_too_long(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 30) / ("longer" * 30)
    with served(data, {"here": True}):
        assert live.ask(data) == {"here": True}


def test_where_nobody_answers_is_said_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no daemon is running in .*; start it with 'vedette run'"):
        live.ask(tmp_path)
    with pytest.raises(UnavailableError, match="no daemon is running"):
        live.ask(tmp_path / "absent")


def test_what_a_killed_daemon_left_is_in_nobodys_way(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / live.NAME))
    with pytest.raises(UnavailableError, match="no daemon is running"):
        live.ask(tmp_path)
    with served(tmp_path, {"new": True}):
        assert live.ask(tmp_path) == {"new": True}


def test_a_reader_that_sleeps_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PATIENCE_S", 0.3)
    big = {"text": "x" * 4_000_000}  # more than a socket holds
    with served(tmp_path, big), socket.socket(socket.AF_UNIX) as sleeper:
        sleeper.connect(str(tmp_path / live.NAME))
        monkeypatch.setattr(live, "PATIENCE_S", 5.0)
        assert live.ask(tmp_path) == big


def test_an_answer_cut_short_is_no_picture(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / live.NAME))
        server.listen()

        def hang_up() -> None:
            wire, _ = server.accept()
            wire.sendall(b'{"half":')
            wire.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(UnavailableError, match="does not answer"):
            live.ask(tmp_path)
        thread.join()


def test_who_may_not_look_is_told_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("edge.live.os.open", forbidden)
    with pytest.raises(DeniedError, match="sudo -u vedette"):
        live.ask(tmp_path)
