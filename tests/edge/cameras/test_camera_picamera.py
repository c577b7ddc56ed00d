"""A Raspberry Pi camera, played by a stand-in for picamera2 with the few calls we make of it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest

from edge.cameras import parse, picamera
from edge.cameras.picamera import PicameraCamera, cameras
from edge.errors import CameraError
from edge.values import Image


class Job:
    def __init__(self, image: Image | None) -> None:
        self._image = image

    def get_result(self, timeout: float | None = None) -> Image:
        if self._image is None:
            time.sleep(min(timeout or 0.0, 0.01))
            raise TimeoutError
        return self._image


class Picamera2:
    frames: ClassVar[int] = 5
    busy: ClassVar[bool] = False
    log: ClassVar[list[Any]] = []

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return [{"Model": "imx708", "Num": 0, "Id": "/base/i2c", "Location": 2, "Rotation": 180}]

    def __init__(self, number: int) -> None:
        if self.busy:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.log.append(("open", number))
        self._left = self.frames

    def create_video_configuration(self, *, main: dict[str, Any], controls: dict[str, Any]) -> dict[str, Any]:
        return {"main": main, "controls": controls}

    def configure(self, configuration: dict[str, Any]) -> None:
        if configuration["main"]["size"][0] > 9000:
            raise RuntimeError("Failed to configure camera")
        self.log.append(configuration)

    def start(self) -> None:
        self.log.append("start")

    def capture_array(self, name: str, *, wait: bool) -> Job:
        assert (name, wait) == ("main", False)
        self._left -= 1
        return Job(np.full((4, 6, 3), self._left, np.uint8) if self._left >= 0 else None)

    def close(self) -> None:
        self.log.append("close")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Picamera2]]:
    fresh = type("Picamera2", (Picamera2,), {"log": []})
    module = ModuleType("picamera2")
    module.Picamera2 = fresh  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    yield fresh
    assert fresh.log.count("close") == sum(isinstance(entry, tuple) for entry in fresh.log)  # ("open", number)


def test_the_sensor_is_asked_for_bgr_at_the_rate_and_size_and_closed_again(library: type[Picamera2]) -> None:
    frames = PicameraCamera(fps=12, resolution=(640, 480), rotate=90).frames(threading.Event())
    image, _ = next(frames)
    assert image.shape == (6, 4, 3)
    frames.close()  # type: ignore[attr-defined]
    asked = {"main": {"size": (640, 480), "format": "RGB888"}, "controls": {"FrameRate": 12.0}}
    assert library.log == [("open", 0), asked, "start", "close"]


def test_every_frame_comes_once(library: type[Picamera2]) -> None:
    library.frames = 7
    frames = PicameraCamera(fps=0).frames(threading.Event())
    assert [int(image[0, 0, 0]) for image, _ in islice(frames, 7)] == [6, 5, 4, 3, 2, 1, 0]
    frames.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("library")
def test_a_sensor_that_stalls_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picamera, "STALL", 0.05)
    frames = PicameraCamera(fps=0).frames(threading.Event())
    assert len(list(islice(frames, 5))) == 5
    with pytest.raises(CameraError, match=r"picamera 0: no frame in 0.05 s; check the ribbon cable"):
        next(frames)


def test_stop_ends_the_wait_for_a_frame(library: type[Picamera2]) -> None:
    library.frames = 0
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    assert not list(PicameraCamera().frames(stop))
    assert library.log[-1] == "close"


def test_a_missing_camera_a_busy_one_and_a_refused_size_say_so(library: type[Picamera2]) -> None:
    for busy, camera, told in [
        (False, PicameraCamera(number=3), "picamera 3: no such camera; check the ribbon cable"),
        (False, PicameraCamera(resolution=(9999, 9999)), "Failed to configure camera; check 'resolution'"),
        (True, PicameraCamera(), "close the program that uses it"),
    ]:
        library.busy = busy
        with pytest.raises(CameraError, match=told):
            next(camera.frames(threading.Event()))


def test_a_machine_without_picamera2_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(CameraError, match="sudo apt install python3-picamera2"):
        next(PicameraCamera().frames(threading.Event()))
    with pytest.raises(CameraError, match="sudo apt install python3-picamera2"):
        cameras()


@pytest.mark.usefixtures("library")
def test_the_machines_cameras_are_listed() -> None:
    assert cameras() == [(0, "imx708")]


def test_the_command_line_names_ribbon_cameras() -> None:
    assert parse("picamera") == PicameraCamera()
    assert parse("picamera:1") == PicameraCamera(number=1)
