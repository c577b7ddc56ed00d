"""A read that hangs is told from a camera with nothing to say, abandoned and begun anew: by order, on our own clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from edge.cameras import attendance, reopen
from edge.cameras.attendance import MOST_HUNG, OPENING, STRIDE, Attendance, Pulse
from edge.errors import CameraError
from edge.values import Image
from tests.brokers import until

FRAME = np.zeros((2, 2, 3), np.uint8)


class Hanging:
    """A live source whose every opening gives `frames` frames, then hangs in a call until it is let go."""

    live: ClassVar[bool] = True
    place: ClassVar[str] = "stuck"
    patience: ClassVar[float] = 4.0

    def __init__(self, frames: int = 1) -> None:
        self._frames = frames
        self.calls: list[threading.Event] = []

    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        call = threading.Event()
        given = 0
        while not stop.is_set():
            if given == self._frames:
                self.calls.append(call)
                call.wait()
            given += 1
            yield FRAME, float(given)

    def let_go(self) -> None:
        while self.calls:
            self.calls.pop().set()


class Guardroom:
    """An attendance over one source, its threads, what it told, and the frames that counted."""

    def __init__(self, source: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = 0.0
        monkeypatch.setattr(attendance, "time", SimpleNamespace(monotonic=lambda: self._now))
        self.told: list[tuple[str, str]] = []
        self.threads: list[threading.Thread] = []
        self.frames: list[Pulse] = []
        self.attendance = Attendance({"door": source}, self._spawn, lambda _, *told: self.told.append(told))
        self.attendance.begin()

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / STRIDE)):
            self._now += STRIDE
            self.attendance.look()

    def stop_the_world(self, seconds: float) -> None:
        self._now += seconds
        self.attendance.look()

    def _spawn(self, name: str, pulse: Pulse) -> threading.Thread:
        source = self.attendance._posts[name].source

        def read() -> None:
            for _ in reopen(source, pulse, lambda *told: self.attendance.changed(name, pulse, *told)):  # type: ignore[arg-type]
                if not pulse.abandoned:
                    self.frames.append(pulse)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        self.threads.append(thread)
        return thread


Guard = Callable[[Hanging], Guardroom]


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    made: list[tuple[Guardroom, Hanging]] = []

    def guard(source: Hanging) -> Guardroom:
        made.append((Guardroom(source, monkeypatch), source))
        return made[-1][0]

    yield guard
    for room, source in made:
        room.attendance.end(within=0.0)
        source.let_go()
        for thread in room.threads:
            thread.join(5)
            assert not thread.is_alive()


def hung(source: Hanging, count: int) -> None:
    until(lambda: len(source.calls) == count)


def test_a_read_that_hangs_is_told_and_abandoned_and_a_fresh_thread_opens_the_camera(guard: Guard) -> None:
    source = Hanging()
    room = guard(source)
    hung(source, 1)
    room.pass_time(4.0)
    assert room.told == [("online", "")]
    room.pass_time(STRIDE)
    assert room.told[1] == (
        "offline",
        "stuck: a read hangs for 4.0 s; power-cycle the camera, or check its driver and cable",
    )
    hung(source, 2)
    assert room.told[2:] == [("online", "")]
    assert room.threads[0].is_alive()


def test_what_an_abandoned_read_delivers_is_thrown_away_and_its_thread_ends(guard: Guard) -> None:
    source = Hanging()
    room = guard(source)
    hung(source, 1)
    room.pass_time(4.5)
    hung(source, 2)
    told = list(room.told)
    source.calls[0].set()
    room.threads[0].join(5)
    assert not room.threads[0].is_alive()
    assert room.told == told
    assert len(set(map(id, room.frames))) == 2
    assert not room.attendance.over


def test_an_opening_may_take_longer_than_a_read(guard: Guard) -> None:
    source = Hanging(frames=0)
    room = guard(source)
    hung(source, 1)
    room.pass_time(4.0 * OPENING)
    assert not room.told
    room.pass_time(STRIDE)
    assert "stuck: its opening hangs for 10.0 s; power-cycle" in room.told[0][1]


def test_threads_that_hang_do_not_pile_up(guard: Guard) -> None:
    source = Hanging()
    room = guard(source)
    for count in range(1, MOST_HUNG + 1):
        hung(source, count)
        room.pass_time(4.5)
    assert len(room.threads) == MOST_HUNG
    assert "and so do 2 before it, so it is left alone until one returns; power-cycle" in room.told[-1][1]
    assert not room.attendance.over
    source.calls.pop(0).set()
    room.threads[0].join(5)
    room.pass_time(STRIDE)
    hung(source, MOST_HUNG)
    assert len(room.threads) == MOST_HUNG + 1
    assert room.told[-1] == ("online", "")


def test_a_process_that_was_stopped_blames_no_camera(guard: Guard) -> None:
    source = Hanging()
    room = guard(source)
    hung(source, 1)
    room.stop_the_world(3600.0)
    assert room.told == [("online", "")]


class Slow(Hanging):
    """A camera that takes a frame once in an hour: it looks at `stop` with each it passes over, or waits on it."""

    def __init__(self) -> None:
        super().__init__()
        self.grabs = threading.Semaphore(0)

    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        yield FRAME, 0.0
        while not stop.is_set():
            if not self.grabs.acquire(timeout=0.01):
                continue
        assert stop.wait(0)


def test_a_stream_of_which_few_frames_are_taken_is_no_hanging_read(guard: Guard) -> None:
    room = guard(Slow())
    until(lambda: room.told)
    pulse = room.frames[0]
    for _ in range(20):
        seen = pulse._looks
        until(lambda seen=seen: pulse._looks > seen)
        room.pass_time(STRIDE)
    assert room.told == [("online", "")]


class Resting(Hanging):
    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        yield FRAME, 0.0
        stop.wait()


def test_a_source_that_waits_for_its_own_time_hangs_nothing(guard: Guard) -> None:
    room = guard(Resting())
    until(lambda: room.told and room.frames[0]._resting)
    room.pass_time(60.0)
    assert room.told == [("online", "")]


class Busy(Hanging):
    """The device is held by the read that hangs."""

    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        if self.calls:
            raise CameraError("stuck: cannot be opened; close the program that uses it")
        return (yield from super().frames(stop))


def test_what_a_hanging_read_makes_impossible_does_not_hide_it(guard: Guard) -> None:
    source = Busy()
    room = guard(source)
    hung(source, 1)
    room.pass_time(4.5)
    until(lambda: len(room.threads) == 2)
    until(lambda: room.attendance._posts["door"].pulse._resting)  # failed, and backs off
    assert [state for state, _ in room.told] == ["online", "offline"]
    assert "a read hangs" in room.told[-1][1]
    source.let_go()
    until(lambda: room.told[-1] == ("online", ""))


def test_a_source_that_is_not_live_may_take_its_time(guard: Guard) -> None:
    source = Hanging()
    source.live = False  # type: ignore[misc]
    room = guard(source)
    hung(source, 1)
    room.pass_time(3600.0)
    assert room.told == [("online", "")]


def test_the_end_does_not_wait_for_what_hangs(guard: Guard) -> None:
    source = Hanging()
    room = guard(source)
    hung(source, 1)
    room.pass_time(4.5)
    hung(source, 2)
    source.calls.pop().set()  # the second thread can end
    room.attendance.end(within=3600.0)
    assert not room.threads[1].is_alive()
    assert room.threads[0].is_alive()
