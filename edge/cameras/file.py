"""A video file, at its own speed or as fast as its frames are taken."""

from __future__ import annotations

import math
import os
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import cv2

from edge import pictures
from edge.cameras.base import CameraSettings, Rate, adjust
from edge.cameras.buffers import Buffers
from edge.cameras.capture import FAULTS, ONE_THREAD, check_size, grab, opened, opener, picture
from edge.errors import CameraError
from edge.settings import Flag, LocalPath
from edge.values import Image

LEAP = 10.0  # seconds between two frames beyond which a time stamp is not believed
LATE = 1.0  # seconds behind its own speed after which a file is not hurried to catch up
MOTION_JPEG = (".mjpeg", ".mjpg")
BOXES = 4096  # of an MP4 that are looked at


class FileCamera(CameraSettings):
    """A video file. `pace`: "realtime" shows it at its own speed, "fast" waits for the pipeline instead.

    Frames are stamped as though the file's first frame had been taken when it was opened, later by what it fell behind.
    """

    kind: Literal["file"] = "file"
    path: LocalPath
    loop: Flag = False
    pace: Literal["realtime", "fast"] = "realtime"

    @property
    def live(self) -> bool:
        return self.pace == "realtime"

    @property
    def place(self) -> str:
        return str(self.path)

    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        started = time.time()
        while not stop.is_set():
            at = started
            for image, at in self._play(stop, started):
                yield image, at
            if not self.loop:
                return
            started = max(time.time(), math.nextafter(at, math.inf)) if self.live else at + 1 / (self.fps or 25)

    def _play(self, stop: threading.Event, started: float) -> Iterator[tuple[Image, float]]:
        _check(self.path)
        failure = f"{self.place}: not a video, or cut off; copy it again, or convert it with ffmpeg"
        rate, buffers, shown = Rate(self.fps), Buffers(), False
        begin = time.monotonic()
        with opened(opener(str(self.path.absolute()), cv2.CAP_FFMPEG, ONE_THREAD), failure) as capture:
            check_size(capture, self.place)
            for position in _positions(capture, stop):
                if not rate.takes(position):
                    continue
                if self.live:
                    late = time.monotonic() - begin - position
                    if late > LATE:
                        begin, started = begin + late, started + late
                    if stop.wait(max(-late, 0.0)):
                        return
                image = picture(capture, buffers)
                if image is not None:
                    shown = True
                    yield adjust(image, self), started + position
        if not shown and not stop.is_set():
            raise CameraError(f"{self.place}: no frame of it can be decoded; convert it with ffmpeg to H.264")


def _positions(capture: cv2.VideoCapture, stop: threading.Event) -> Iterator[float]:
    """Grab frame after frame; gives each one's seconds into the video, always rising."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    step = 1 / rate if 0 < rate <= 1000 else 1 / 25
    last, faults = -step, 0
    while not stop.is_set() and faults < FAULTS:
        if not grab(capture):
            faults += 1
            continue
        faults = 0
        told = capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        last = told if last < told < last + LEAP else last + step
        yield last


def _check(path: Path) -> None:
    """FFmpeg would play a photo as a video of one frame, and says nothing of why it plays none."""
    try:
        with path.open("rb") as file:
            start = file.read(64 << 10)
            whole = start[4:8] != b"ftyp" or _has_index(file)
    except IsADirectoryError as error:
        raise CameraError(f'{path}: a folder; give its pictures with kind = "images"') from error
    except OSError as error:
        raise CameraError(f"{path}: {(error.strerror or 'unreadable').lower()}; check 'path'") from error
    found = pictures.header(start)
    if found and found.format != "GIF" and path.suffix.lower() not in MOTION_JPEG:
        raise CameraError(f'{path}: a {found.format} picture, not a video; give its folder with kind = "images"')
    if not whole:
        raise CameraError(f"{path}: cut off, for its index is missing (no 'moov'); copy it again, or record it anew")


def _has_index(file: BinaryIO) -> bool:
    """Whether an MP4 has the box without which nobody knows its frames; recorders write it last."""
    at, end = 0, file.seek(0, os.SEEK_END)
    for _ in range(BOXES):
        file.seek(at)
        head = file.read(16).ljust(16, b"\0")
        size, kind, large = struct.unpack(">I4sQ", head)
        if kind == b"moov":
            return True
        size = large if size == 1 else size
        at += size
        if size < 8 or at >= end:
            return False
    return True  # FFmpeg may judge
