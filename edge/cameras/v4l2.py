"""A camera of Video4Linux: a USB webcam, a capture card."""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import cv2
from pydantic import BeforeValidator

from edge.cameras.base import CameraSettings, Rate, Size, adjust
from edge.cameras.buffers import Buffers
from edge.cameras.capture import grab, opened, opener, picture
from edge.errors import AwayError, CameraError
from edge.values import Image

SYSTEM = Path("/sys/class/video4linux")
NODES = Path("/dev")

QUERYCAP = 0x80685600  # VIDIOC_QUERYCAP
CAPABILITY = struct.Struct("16s32s32sIII12x")  # struct v4l2_capability
CAPTURES = 0x1 | 0x1000  # V4L2_CAP_VIDEO_CAPTURE, _MPLANE
ANSWERS_FOR_NODE = 0x80000000  # V4L2_CAP_DEVICE_CAPS
DAMAGED = 30  # undecodable frames in a row after which the camera is taken for broken


def _usable(device: object) -> object:
    number = isinstance(device, int) and not isinstance(device, bool) and device >= 0
    if not number and not (isinstance(device, str) and device):
        raise ValueError("write a number from 0, or a path in quotes")
    return device


class V4l2Camera(CameraSettings):
    """`device` is a path or the number in /dev/videoN; a path below /dev/v4l/by-id survives replugging.

    The device is asked for Motion JPEG, for `fps` and for `resolution` (width, height); it answers with the nearest
    it has, and frames are decoded only if they are taken.
    """

    kind: Literal["v4l2"] = "v4l2"
    device: Annotated[int | str, BeforeValidator(_usable)] = 0
    resolution: Size | None = None
    live: ClassVar[bool] = True

    @property
    def place(self) -> str:
        return f"{NODES}/video{self.device}" if isinstance(self.device, int) else self.device

    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        _check(self.place)
        busy = f"{self.place}: cannot be opened; close the program that uses it, or see 'vedette cameras'"
        with opened(opener(self.place, cv2.CAP_V4L2), busy) as capture:
            for wish, value in self._wishes().items():
                capture.set(wish, value)  # refused, it delivers what it has
            rate, buffers, damaged = Rate(self.fps), Buffers(), 0
            while not stop.is_set() and damaged < DAMAGED:
                if not grab(capture):
                    raise CameraError(f"{self.place}: stopped sending frames; check the cable and the USB power")
                if not rate.takes(time.monotonic()):
                    continue
                at = time.time()
                image = picture(capture, buffers)
                damaged = damaged + 1 if image is None else 0
                if image is not None:
                    yield adjust(image, self), at
        if damaged:
            raise CameraError(f"{self.place}: sends frames that cannot be decoded; ask for another 'resolution'")

    def _wishes(self) -> dict[int, float]:
        wishes: dict[int, float] = {cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG")}
        if self.resolution:
            wishes |= dict(zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), self.resolution, strict=True))
        return wishes | {cv2.CAP_PROP_FPS: max(round(self.fps), 1)} if self.fps else wishes


@dataclass(frozen=True, slots=True)
class Device:
    """A capture device of this machine. `fault` says why it cannot be asked more."""

    path: str
    name: str
    fault: str = ""


def devices(system: Path = SYSTEM, nodes: Path = NODES) -> list[Device]:
    """The devices that deliver video; codecs and metadata nodes are left out where they can be told."""
    if not system.is_dir():
        return []
    found = []
    for entry in sorted(system.iterdir(), key=lambda entry: (len(entry.name), entry.name)):
        node = nodes / entry.name
        if not entry.name.startswith("video") or not node.exists():
            continue
        name = (entry / "name").read_text("utf-8", "replace").strip() if (entry / "name").is_file() else entry.name
        try:
            captures, fault = _captures(node), ""
        except OSError as error:
            captures, fault = True, (error.strerror or "cannot be asked").lower()
        if captures:
            found.append(Device(_lasting(node), name, fault))
    return found


def _check(place: str) -> None:
    if not Path(place).exists():
        raise AwayError(f"{place}: no such device; plug the camera in, or see 'vedette cameras'")
    if not os.access(place, os.R_OK | os.W_OK):
        raise CameraError(f"{place}: permission denied; add this user to the group 'video' and log in again")


def _captures(node: Path) -> bool:
    handle = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    try:
        answer = fcntl.ioctl(handle, QUERYCAP, bytes(CAPABILITY.size))
    finally:
        os.close(handle)
    *_, whole, own = CAPABILITY.unpack(answer)
    return bool((own if whole & ANSWERS_FOR_NODE else whole) & CAPTURES)


def _lasting(node: Path) -> str:
    """The name that stays when devices are plugged in another order, if udev made one."""
    links = node.parent / "v4l" / "by-id"
    same = sorted(link for link in links.glob("*") if link.resolve() == node.resolve())
    return str(same[0] if same else node)
