"""The threads together: finite sources through a fake detector and a real log to a real broker."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from edge import daemon, live, presence
from edge.abilities import Abilities
from edge.cameras.images import ImagesCamera
from edge.config import parse
from edge.database import transaction
from edge.engine import Pending
from edge.errors import AwayError, CameraError, StorageError
from edge.events import rules
from edge.mailbox import Mailbox
from edge.pipeline import InFlight, Parts, Pipeline
from edge.presence import OpenTrack
from edge.stats import FATES
from edge.turns import Turns
from edge.values import Box, Event, Frame, ModelUse
from edge.watch import Seen
from models.outputs import Boxes
from tests.brokers import Mosquitto, Subscriber, free_port, until

DOG = Boxes(np.array([[8, 8, 40, 40]], np.float32), np.array([0.9], np.float32), np.zeros(1, np.int64))


class Detector:
    """Sees one dog wherever the picture's first pixel is bright; counts what is in flight."""

    labels = ("Dog",)
    skipped = ()
    use = ModelUse("objects", "fake", 1, "d" * 64, "replay")

    def __init__(self, streams: int = 1, fail_at: int = 10**9) -> None:
        self.session = SimpleNamespace(streams=streams, device="none")
        self.flying = self.most = self.count = 0
        self._fail_at = fail_at

    def prepare(self, image: Any, _floor: float) -> Callable[[], Pending]:
        def start() -> Pending:
            self.flying += 1
            self.count += 1
            self.most = max(self.most, self.flying)
            number = self.count
            return Pending({}, lambda: self._take(image, number), self._see, time.perf_counter())

        return start

    def _take(self, image: Any, number: int) -> dict[str, Any]:
        self.flying -= 1
        if number >= self._fail_at:
            raise RuntimeError("the device is gone")
        return {"first": image[0, 0]}

    def _see(self, outputs: dict[str, Any]) -> Boxes:
        return DOG if outputs["first"].max() > 100 else DOG.take(np.zeros(1, bool))

    def close(self) -> None:
        pass


@contextmanager
def pipeline(folder: Path, port: int, cameras: dict[str, Path], detector: Detector) -> Iterator[tuple[Pipeline, Parts]]:
    off = {"enabled": False}
    camera = {"kind": "images", "seconds": 0, "motion": {"area": 0}, "faces": off, "labels": off, "moderation": off}
    raw = {
        "device": "porch",
        "data": str(folder / "data"),
        "mqtt": {"port": port},
        "cameras": {name: camera | {"path": str(path)} for name, path in cameras.items()},
    }
    config = parse(raw, folder / "vedette.toml")
    with daemon.parts(config, Abilities(objects=detector)) as parts:  # type: ignore[arg-type]
        yield Pipeline(config, parts), parts


def pictures(folder: Path, bright: str) -> Path:
    """A folder of pictures, bright where `bright` has a 1."""
    folder.mkdir()
    for number, digit in enumerate(bright):
        cv2.imwrite(str(folder / f"{number:03}.png"), np.full((48, 64, 3), 200 * int(digit), np.uint8))
    return folder


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


def test_a_finite_source_ends_the_run_and_every_event_arrives_in_order(tmp_path: Path, broker: Mosquitto) -> None:
    folder = pictures(tmp_path / "yard", "0111110000000011110")
    with (
        Subscriber(broker.port, "vedette/porch/yard/#") as heard,
        pipeline(tmp_path, broker.port, {"yard": folder}, Detector()) as (run, parts),
    ):
        run.run()
        told = [(event.sequence, event.type) for event in parts.log.tail(0)]
        until(lambda: len(heard.messages) >= len(told))
        events = [json.loads(message.payload) for message in heard.messages]
        assert not presence.left_open(parts.database)
    assert [(event["sequence"], event["type"]) for event in events] == told
    assert [kind for _, kind in told][:2] == ["camera_online", "track_started"]
    assert [kind for _, kind in told].count("track_started") == [kind for _, kind in told].count("track_ended")
    assert parts.stats.frames("yard") == {"captured": 19} | dict.fromkeys(FATES, 0) | {"analysed": 19}


def flying(number: int, waits: list[int]) -> InFlight:
    """A frame in flight that notes when it is waited for."""
    pending = Pending({}, lambda: (waits.append(number), {})[1], lambda _: DOG, time.perf_counter())
    return InFlight(Frame("yard", np.zeros((4, 4, 3), np.uint8), float(number), number), pending, {})


def test_the_older_half_of_the_frames_in_flight_is_waited_for_at_once(tmp_path: Path) -> None:
    waits: list[int] = []
    with pipeline(tmp_path, free_port(), {}, Detector()) as (run, _):
        frames = deque(flying(number, waits) for number in range(6))
        for number in range(6, 10):
            assert run._done(frames).frame.index == number - 6
            frames.append(flying(number, waits))
    assert waits == [2, 1, 0, 5, 4, 3]


@pytest.mark.parametrize(("live", "most"), [(False, 12), (True, 4)])
def test_frames_of_a_live_camera_do_not_grow_old_in_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, live: bool, most: int
) -> None:
    monkeypatch.setattr(ImagesCamera, "live", live)
    with pipeline(tmp_path, 1, {"yard": pictures(tmp_path / "yard", "1")}, Detector(12)) as (run, _):
        assert run._most_in_flight() == most


@pytest.mark.parametrize("streams", [1, 2])
def test_no_more_frames_fly_than_the_session_takes(tmp_path: Path, streams: int) -> None:
    detector = Detector(streams)
    cameras = {name: pictures(tmp_path / name, "01" * 20) for name in ("a", "b", "c")}
    with pipeline(tmp_path, free_port(), cameras, detector) as (run, parts):
        run.run()
        assert detector.most <= streams
        assert detector.count == 120
        assert all(parts.stats.frames(name)["analysed"] == 40 for name in cameras)


def test_requests_give_way_from_a_frames_start_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns, detector, order = Turns(), Detector(), list[str]()

    def noted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: (order.append(name), call(*given))[1]

    for owner, name in ((turns, "take_up"), (detector, "_see"), (turns, "finish"), (turns, "leave")):
        monkeypatch.setattr(owner, name, noted(name, getattr(owner, name)))
    monkeypatch.setattr("edge.pipeline.TURNS", turns)
    with pipeline(tmp_path, 1, {"yard": pictures(tmp_path / "yard", "1")}, detector) as (run, _):
        run.run()
    assert order == ["take_up", "_see", "finish", "leave"]


def test_a_camera_is_told_online_before_anything_it_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take = Mailbox.take

    def patient(mailbox: Mailbox[Any], timeout: float | None = None) -> Any:
        return take(mailbox, timeout and 5.0)  # the first frame comes while the thread waits here

    monkeypatch.setattr(Mailbox, "take", patient)
    with pipeline(tmp_path, 1, {"yard": pictures(tmp_path / "yard", "1")}, Detector()) as (run, parts):
        watch = run._watches["yard"]
        see = watch.see

        def seen(*given: Any) -> Seen:
            found = see(*given)
            values = rules.track_started(1, "Dog", 0.9, Box(0, 0, 1, 1))
            found.events.append(Event("track_started", "yard", given[0].at, values))
            return found

        monkeypatch.setattr(watch, "see", seen)
        run.run()
        assert [event.type for event in parts.log.tail(0)][:2] == ["camera_online", "track_started"]


def test_without_a_broker_events_wait_in_the_outbox(tmp_path: Path) -> None:
    with pipeline(tmp_path, free_port(), {"yard": pictures(tmp_path / "yard", "1111")}, Detector()) as (run, parts):
        run.run()
        assert parts.log.standing().waiting == len(parts.log.tail(0)) > 0


def test_a_device_that_fails_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    with (
        pipeline(tmp_path, free_port(), {"yard": pictures(tmp_path / "yard", "1" * 9)}, Detector(fail_at=4)) as (
            run,
            _,
        ),
        pytest.raises(RuntimeError, match="the device is gone"),
    ):
        run.run()


def test_tracks_that_a_killed_run_left_open_are_closed_first(tmp_path: Path) -> None:
    with pipeline(tmp_path, free_port(), {"yard": pictures(tmp_path / "yard", "1111")}, Detector()) as (run, parts):
        presence.prepare(parts.database)
        with transaction(parts.database) as connection:
            presence.change([OpenTrack("yard", 41, "Dog", 5.0)], [])(connection)
        run.run()
        events = [(event.type, json.loads(event.body)["values"]) for event in parts.log.tail(0)]
    assert events[0][0] == "track_ended"
    assert events[0][1]["reason"] == "restart"
    assert next(values["track"] for kind, values in events if kind == "track_started") == 42


def test_the_status_says_how_things_stand(tmp_path: Path) -> None:
    with pipeline(tmp_path, free_port(), {"yard": pictures(tmp_path / "yard", "1111")}, Detector()) as (run, parts):
        parts.abilities.missing["faces"] = "sface is not installed"
        run.run()
        status = run.status()
    assert status["cameras"]["yard"]["state"] == "online"
    assert status["cameras"]["yard"]["frames"]["analysed"] == 4
    assert status["models"]["objects"] == {"name": "fake", "backend": "replay", "device": "none"}
    assert status["missing"] == {"faces": "sface is not installed"}
    assert status["outbox"]["waiting"] > 0
    assert status["fault"] == ""
    assert status["cameras"]["yard"]["opened"] == 1
    assert status["stages"]["track"]["count"] == 4
    assert json.dumps(status)


def test_whoever_asks_is_shown_the_picture_while_it_runs(tmp_path: Path) -> None:
    with pipeline(tmp_path, free_port(), {"yard": pictures(tmp_path / "yard", "01")}, Detector()) as (run, parts):
        run._config.cameras["yard"] = run._config.cameras["yard"].model_copy(update={"loop": True, "seconds": 0.01})
        running = threading.Thread(target=run.run)
        running.start()
        until(lambda: parts.stats.frames("yard")["analysed"] > 2)
        told = live.ask(tmp_path / "data")
        run.stop()
        running.join()
    assert told["device"] == "porch"
    assert told["cameras"]["yard"]["ages"]["count"] == told["cameras"]["yard"]["frames"]["analysed"] > 2
    assert told["cameras"]["yard"]["last_event"]["type"] in ("camera_online", "track_started", "track_ended")
    assert (told["fault"], told["silent"], told["broker"]["connected"]) == ("", [], False)
    assert told["memory"] > 1 << 20


def test_the_end_of_the_time_given_is_the_end(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "yard", "01")
    with pipeline(tmp_path, free_port(), {"yard": folder}, Detector()) as (run, parts):
        camera = run._config.cameras["yard"].model_copy(update={"loop": True, "seconds": 0.01})
        run._config.cameras["yard"] = camera
        run.run(seconds=0.5)
        assert parts.stats.frames("yard")["analysed"] > 0


def test_a_source_that_fails_for_good_leaves_the_others_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)  # an earlier command may have hushed the log
    cameras = {"bad": tmp_path / "nowhere", "yard": pictures(tmp_path / "yard", "1111")}
    with pipeline(tmp_path, free_port(), cameras, Detector()) as (run, parts):
        run.run()
        assert parts.stats.frames("yard")["analysed"] == 4
        assert run.status()["cameras"]["bad"]["state"] == "offline"
    assert "camera bad: offline: " in caplog.text


def test_when_every_source_fails_for_good_so_does_the_run(tmp_path: Path) -> None:
    with (
        pipeline(tmp_path, free_port(), {"bad": tmp_path / "nowhere"}, Detector()) as (run, _),
        pytest.raises(CameraError, match="nowhere"),
    ):
        run.run()


def test_a_database_that_is_taken_away_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.pipeline.STATUS_EVERY", 0.0)
    with pipeline(tmp_path, free_port(), {"yard": pictures(tmp_path / "yard", "01")}, Detector()) as (run, _):
        run._config.cameras["yard"] = run._config.cameras["yard"].model_copy(update={"loop": True, "seconds": 0.01})
        taken = threading.Timer(0.6, lambda: (tmp_path / "data" / "vedette.db").rename(tmp_path / "gone.db"))
        taken.start()
        with pytest.raises(StorageError, match="moved or replaced"):
            run.run(seconds=20)
        taken.join()


@contextmanager
def started(run: Pipeline) -> Iterator[None]:
    """The pipeline in a thread of its own, until the block ends."""
    running = threading.Thread(target=run.run)
    running.start()
    try:
        yield
    finally:
        run.stop()
        running.join(20)
    assert not running.is_alive()


class Stuck:
    """A live source with one bright frame and then a call that does not return."""

    kind, place, live, patience = "fake", "stuck", True, 0.4

    def __init__(self, settings: Any) -> None:
        self._settings = settings
        self.calls: list[threading.Event] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._settings, name)

    def frames(self, stop: threading.Event) -> Iterator[tuple[Any, float]]:
        yield np.full((48, 64, 3), 200, np.uint8), time.time()
        call = threading.Event()
        self.calls.append(call)
        while not stop.is_set():
            call.wait()
            yield np.full((48, 64, 3), 200, np.uint8), time.time()


def test_a_camera_that_hangs_in_a_read_is_told_begun_anew_and_does_not_hold_up_the_end(tmp_path: Path) -> None:
    cameras = {"stuck": tmp_path, "yard": pictures(tmp_path / "yard", "01")}
    with pipeline(tmp_path, free_port(), cameras, Detector()) as (run, parts):
        stuck = Stuck(run._config.cameras["stuck"])
        run._config.cameras["stuck"] = stuck  # type: ignore[assignment]
        run._attendance._posts["stuck"].source = stuck
        with started(run):
            until(lambda: len(stuck.calls) == 3)
            told = until(lambda: "left alone" in run.status()["cameras"]["stuck"].get("reason", "") and run.status())
            began = time.monotonic()
        assert time.monotonic() - began < 2.0  # and not five seconds for each that hangs
        counted = parts.stats.frames("stuck")["analysed"]
        late = [thread for thread in threading.enumerate() if thread.name == "camera-stuck"]
        assert len(late) == 3
        for call in stuck.calls:
            call.set()
        for thread in late:
            thread.join(5)
            assert not thread.is_alive()
        assert parts.stats.frames("stuck")["analysed"] == counted
        events = [event.type for event in parts.log.tail(0) if event.camera == "stuck"]
    assert told["cameras"]["stuck"]["state"] == "offline"
    assert events.count("camera_online") == 3
    assert events.count("camera_offline") == 3
    assert events.count("track_started") == events.count("track_ended")


class Flickering(Stuck):
    """A live source that fails right after a few bright frames, again and again."""

    def frames(self, stop: threading.Event) -> Iterator[tuple[Any, float]]:
        self.calls.append(threading.Event())
        for _ in range(4):
            stop.wait(0.01)
            yield np.full((48, 64, 3), 200, np.uint8), time.time()
        raise AwayError("flickering: gone")


def test_nothing_is_seen_of_a_camera_after_it_was_told_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.cameras.AWAY_WAIT", 0.02)
    with pipeline(tmp_path, free_port(), {"gate": tmp_path}, Detector()) as (run, parts):
        gate = Flickering(run._config.cameras["gate"])
        run._config.cameras["gate"] = gate  # type: ignore[assignment]
        run._attendance._posts["gate"].source = gate
        with started(run):
            until(lambda: len(gate.calls) >= 12)
        events = [event.type for event in parts.log.tail(0, 1000)]
        fates = parts.stats.frames("gate")
    open_tracks, online = 0, False
    for event in events:
        online = event == "camera_online" or (online and event != "camera_offline")
        open_tracks += (event == "track_started") - (event == "track_ended")
        assert event != "track_started" or online, events
        assert not (event == "camera_online" and open_tracks), events
    assert events.count("track_started") > 3, fates
