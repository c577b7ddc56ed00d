"""A webcam, played by a stand-in for OpenCV's capture: this is about what we ask of it and how it fails."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

from edge.cameras import parse, v4l2
from edge.cameras.v4l2 import V4l2Camera, devices
from edge.errors import CameraError


class Webcam:
    """Gives `frames` frames, then is unplugged."""

    frames = 5
    damaged = False
    busy = False
    opened: tuple[Any, ...] = ()
    wishes: ClassVar[dict[int, float]] = {}
    released = 0
    decoded = 0

    def __init__(self, *source: Any) -> None:
        type(self).opened = source
        self._left = self.frames

    def set(self, wish: int, value: float) -> bool:
        type(self).wishes[wish] = value
        return wish != cv2.CAP_PROP_FPS  # not every device lets its rate be set

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return not self.busy

    def grab(self) -> bool:
        self._left -= 1
        return self._left >= 0

    def retrieve(self, _image: np.ndarray | None = None) -> tuple[bool, np.ndarray | None]:
        type(self).decoded += 1
        return (False, None) if self.damaged else (True, np.full((6, 8, 3), self._left, np.uint8))

    def release(self) -> None:
        type(self).released += 1


@pytest.fixture
def webcam(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Webcam]]:
    fresh = type("FreshWebcam", (Webcam,), {"wishes": {}})
    monkeypatch.setattr(cv2, "VideoCapture", fresh)
    yield fresh
    assert fresh.released <= 1


def at(path: Path, **settings: Any) -> V4l2Camera:
    path.touch()
    return V4l2Camera(device=str(path), **settings)


def test_frames_come_until_the_camera_is_unplugged(webcam: type[Webcam], tmp_path: Path) -> None:
    frames = at(tmp_path / "video0", fps=0, rotate=90).frames(threading.Event())
    assert [(image.shape, image.mean()) for image, _ in islice(frames, 5)] == [((8, 6, 3), n) for n in (4, 3, 2, 1, 0)]
    with pytest.raises(CameraError, match="video0: stopped sending frames; check the cable"):
        next(frames)
    assert webcam.released == 1


def test_only_taken_frames_are_decoded(webcam: type[Webcam], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    webcam.frames = 25
    ticks = iter(number / 25 for number in range(25))
    monkeypatch.setattr(v4l2.time, "monotonic", lambda: next(ticks))
    frames = at(tmp_path / "video0", fps=5).frames(threading.Event())
    assert len(list(islice(frames, 5))) == 5
    assert webcam.decoded == 5


def test_the_device_is_asked_for_motion_jpeg_at_the_rate_and_size(webcam: type[Webcam], tmp_path: Path) -> None:
    next(at(tmp_path / "video0", fps=9.6, resolution=(1280, 720)).frames(threading.Event()))
    assert webcam.opened[:2] == (str(tmp_path / "video0"), cv2.CAP_V4L2)
    assert webcam.wishes == {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),
        cv2.CAP_PROP_FRAME_WIDTH: 1280,
        cv2.CAP_PROP_FRAME_HEIGHT: 720,
        cv2.CAP_PROP_FPS: 10,
    }


def test_stop_ends_the_frames_and_frees_the_device(webcam: type[Webcam], tmp_path: Path) -> None:
    stop = threading.Event()
    frames = at(tmp_path / "video0", fps=0).frames(stop)
    next(frames)
    stop.set()
    assert next(frames, None) is None
    assert webcam.released == 1


def test_a_busy_device_a_missing_one_and_a_broken_one_say_so(webcam: type[Webcam], tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="/dev/video99999: no such device; plug the camera in"):
        next(V4l2Camera(device=99999).frames(threading.Event()))
    webcam.damaged, webcam.frames = True, 100
    with pytest.raises(CameraError, match="cannot be decoded"):
        next(at(tmp_path / "video0", fps=0).frames(threading.Event()))
    webcam.busy = True
    webcam.released = 0
    with pytest.raises(CameraError, match="close the program that uses it"):
        next(at(tmp_path / "video0").frames(threading.Event()))


def test_the_machines_cameras_are_listed_and_its_codecs_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, nodes = tmp_path / "sys", tmp_path / "dev"
    (nodes / "v4l" / "by-id").mkdir(parents=True)
    for number, name in [(0, "HD Webcam"), (2, "codec"), (10, "Capture card"), (1, "HD Webcam metadata")]:
        (system / f"video{number}").mkdir(parents=True)
        (system / f"video{number}" / "name").write_text(f"{name}\n")
        (nodes / f"video{number}").touch()
    (nodes / "v4l" / "by-id" / "usb-HD_Webcam-index0").symlink_to(nodes / "video0")
    own = {0: 0x04200001, 2: 0x04204000, 10: 0x04201000, 1: 0x04A00000}

    def answer(handle: int, request: int, buffer: bytes) -> bytes:
        assert (request, len(buffer)) == (0x80685600, 104)
        number = int(Path(f"/proc/self/fd/{handle}").resolve().name.removeprefix("video"))
        return v4l2.CAPABILITY.pack(b"uvcvideo", b"card", b"usb-1", 0x60000, 0x84A00001, own[number])

    monkeypatch.setattr(fcntl, "ioctl", answer)
    assert [(device.path, device.name) for device in devices(system, nodes)] == [
        (str(nodes / "v4l" / "by-id" / "usb-HD_Webcam-index0"), "HD Webcam"),
        (str(nodes / "video10"), "Capture card"),
    ]


def test_a_device_that_cannot_be_asked_is_listed_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "sys" / "video0").mkdir(parents=True)
    (tmp_path / "video0").touch()  # a plain file knows no VIDIOC_QUERYCAP
    (device,) = devices(tmp_path / "sys", tmp_path)
    assert device.name == "video0"
    assert "inappropriate ioctl" in device.fault


def test_a_machine_without_video4linux_has_no_devices(tmp_path: Path) -> None:
    assert devices(tmp_path / "none") == []


def test_the_command_line_names_devices() -> None:
    assert parse("0") == V4l2Camera(device=0)
    assert parse("/dev/v4l/by-id/usb-1") == V4l2Camera(device="/dev/v4l/by-id/usb-1")
    assert parse("2").place == "/dev/video2"
