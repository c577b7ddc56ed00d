"""Cameras fail; reopening them is what makes a stream endless."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from edge import cameras
from edge.cameras import FileCamera, ImagesCamera, parse, reopen
from edge.errors import AwayError, CameraError, MissingError
from edge.values import Image

FRAME = np.zeros((2, 2, 3), np.uint8)


class Scripted:
    """A source whose n-th opening gives so many frames, then fails, or ends if there is no n-th."""

    place: ClassVar[str] = "scripted"

    def __init__(self, *openings: int, live: bool = True, reason: str = "scripted: unplugged; plug it in") -> None:
        self._openings = list(openings)
        self._reason = reason
        self.live = live

    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        if not self._openings:
            return
        for at in range(self._openings.pop(0)):
            yield FRAME, float(at)
        if not stop.is_set():
            raise CameraError(self._reason)


class Pauses(threading.Event):
    """A stop event that notes how long it was waited for, and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        return self.is_set()


def run(source: Any, stop: threading.Event) -> tuple[int, list[tuple[str, str]]]:
    states: list[tuple[str, str]] = []
    return sum(1 for _ in reopen(source, stop, lambda *state: states.append(state))), states


def test_a_live_source_is_opened_again_and_each_change_is_told_once() -> None:
    taken, states = run(Scripted(2, 0, 0, 3), Pauses())
    reason = "scripted: unplugged; plug it in"
    assert taken == 5
    assert states == [("online", ""), ("offline", reason), ("online", ""), ("offline", reason)]


def test_reasons_that_take_turns_are_each_told_once_until_the_camera_is_back() -> None:
    source, states = Scripted(), list[str]()
    refusals = iter(["refused", "no answer", "refused", "no answer", "", "refused", ""])

    def frames(_stop: threading.Event) -> Iterator[tuple[Image, float]]:
        reason = next(refusals, None)
        if reason:
            raise AwayError(reason)
        if reason is not None:
            yield FRAME, 0.0
            raise CameraError("the stream ended")

    source.frames = frames  # type: ignore[method-assign]
    assert len(list(reopen(source, Pauses(), lambda *state: states.append(state[1] or state[0])))) == 2  # type: ignore[arg-type]
    one = ["online", "the stream ended"]
    assert states == ["refused", "no answer", *one, "refused", *one]


def test_waits_double_to_half_a_minute_and_start_over_after_a_good_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    pauses = Pauses()
    run(Scripted(*[0] * 9, 1, 0), pauses)
    assert pauses.waited == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 0.5, 1]


def test_waits_are_never_the_same_for_all() -> None:
    pauses = Pauses()
    run(Scripted(*[0] * 4), pauses)
    assert all(full / 2 <= wait <= full for wait, full in zip(pauses.waited, [0.5, 1, 2, 4], strict=True))


class Away(Scripted):
    """Where a scripted one gives no frame, nobody is there."""

    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        try:
            yield from super().frames(stop)
        except CameraError as error:
            raise AwayError(str(error)) from error


def test_a_camera_that_is_away_is_asked_for_every_second_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    pauses = Pauses()
    run(Away(1, *[0] * 60, 1), pauses)
    assert pauses.waited == [1.0] * 62


def test_one_that_is_back_but_refuses_at_first_is_not_left_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    pauses, source = Pauses(), Scripted(*[0] * 9)
    away = {5}

    def frames(stop: threading.Event) -> Iterator[tuple[Image, float]]:
        if len(source._openings) in away:
            source._openings.pop()
            raise AwayError("scripted: connection refused")
        return (yield from Scripted.frames(source, stop))

    monkeypatch.setattr(source, "frames", frames)
    run(source, pauses)
    assert pauses.waited == [0.5, 1, 2, 4, 1.0, 0.5, 1, 2, 4]


def test_stop_ends_a_wait_for_the_next_opening() -> None:
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    taken, states = run(Scripted(*[0] * 1000), stop)
    assert taken == 0
    assert states[0][0] == "offline"


def test_what_is_not_live_ends_when_it_is_over_and_fails_once() -> None:
    states: list[tuple[str, str]] = []
    frames = reopen(Scripted(2, live=False), Pauses(), lambda *state: states.append(state))  # type: ignore[arg-type]
    assert [at for _, at in (next(frames), next(frames))] == [0.0, 1.0]
    with pytest.raises(CameraError, match="unplugged"):
        next(frames)
    assert [state for state, _ in states] == ["online", "offline"]


def test_the_normal_end_of_a_source_is_the_end() -> None:
    assert run(Scripted(), Pauses()) == (0, [])


def test_the_command_line_names_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    assert parse(str(tmp_path / "film.mp4")) == FileCamera(path=tmp_path / "film.mp4")
    assert parse(str(tmp_path)) == ImagesCamera(path=tmp_path)
    with pytest.raises(MissingError, match="no such file"):
        parse(str(tmp_path / "none"))


def test_the_guide_to_adding_a_camera_names_what_there_is() -> None:
    assert cameras.__doc__ is not None
    for name in ("Camera", "parse", "reopen"):
        assert f"`{name}`" in cameras.__doc__
        assert hasattr(cameras, name)
