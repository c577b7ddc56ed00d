"""A network camera: RTSP over TCP or UDP, or Motion JPEG over HTTP."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, ClassVar, Literal
from urllib.parse import SplitResult, urlsplit

import cv2
from pydantic import AfterValidator, ConfigDict, Field, SecretStr, ValidationError

from edge.cameras.base import CameraSettings, Rate, adjust
from edge.cameras.buffers import Buffers
from edge.cameras.capture import FAULTS, ONE_THREAD, check_size, grab, opened, opener, picture
from edge.errors import AwayError, CameraError, InputError
from edge.settings import Number
from edge.values import Image

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
KNOCK = 2.0  # seconds for a TCP connection: time for its first packet to be lost once
Transport = Literal["tcp", "udp"]


def _parts(url: SecretStr) -> SplitResult:
    return urlsplit(url.get_secret_value())


def _usable(url: SecretStr) -> SecretStr:
    """Refuse what FFmpeg would split otherwise than we do: part of a password could pass for the host."""
    try:
        parts = _parts(url)
        astray = "#" in url.get_secret_value() or "@" in parts.path + parts.query
        sound = bool(parts.hostname) and parts.port != 0 and not astray
    except ValueError:
        sound = False
    if not sound or parts.scheme not in PORTS:
        raise ValueError(
            "must be rtsp://, rtsps://, http:// or https:// with a host; in a user's name or password write "
            "@ as %40, : as %3A, / as %2F, ? as %3F and # as %23"
        )
    return url


class RtspCamera(CameraSettings):
    """`url` may hold user and password; it is never printed. `timeout` seconds of silence are a fault.

    The stream is read without pause, so that what is seen is now; only taken frames are converted.
    A read that waits cannot be interrupted: after `stop` it ends with `timeout` at the latest.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: Literal["rtsp"] = "rtsp"
    url: Annotated[SecretStr, AfterValidator(_usable)]
    transport: Transport = "tcp"
    timeout: Annotated[Number, Field(ge=1.0, le=60.0)] = 3.5
    live: ClassVar[bool] = True

    @property
    def patience(self) -> float:
        return self.timeout + 0.3  # FFmpeg gives up by itself, and says so, before it is given up

    @classmethod
    def at(cls, url: str) -> RtspCamera:
        """A camera from a URL typed by hand; raises InputError, without the URL in it."""
        try:
            return cls(url=SecretStr(url))
        except ValidationError as error:
            raise InputError(f"the camera's URL {error.errors()[0]['ctx']['error']}") from None

    @property
    def place(self) -> str:
        parts = _parts(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}:{parts.port or PORTS[parts.scheme]}/…"

    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        self._knock()
        milliseconds = round(self.timeout * 1000)
        limits = [
            *ONE_THREAD,
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            milliseconds,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            milliseconds,
        ]
        silent = f"{self.place}: no video; check the URL's user, password and path, and 'transport'"
        mute = (
            f"{self.place}: the port is open but answered nothing in {self.timeout:g} s; "
            "check that a camera serves this URL there, or restart it"
        )
        rate, buffers = Rate(self.fps), Buffers()

        def open_capture() -> cv2.VideoCapture:
            with _options.chosen(self.transport):
                began = time.monotonic()
                capture = opener(self.url.get_secret_value(), cv2.CAP_FFMPEG, limits)()
            if not capture.isOpened() and time.monotonic() - began >= self.timeout * 0.9:
                capture.release()
                raise AwayError(mute)
            return capture

        with opened(open_capture, silent) as capture:
            check_size(capture, self.place)
            for _ in self._grabbed(capture, stop):
                if rate.takes(time.monotonic()):
                    at = time.time()
                    image = picture(capture, buffers)
                    if image is not None:
                        yield adjust(image, self), at

    def _grabbed(self, capture: cv2.VideoCapture, stop: threading.Event) -> Iterator[None]:
        """Once for each frame grabbed. Networks lose packets, so a frame that fails is not yet the end."""
        heard, faults, silence = time.monotonic(), 0, self.timeout * 0.9
        while not stop.is_set():
            began = time.monotonic()
            good, now = grab(capture), time.monotonic()
            # A frame after that long is one that FFmpeg held back and lets go when it gives up.
            if good and now - began < silence:
                heard, faults = now, 0
                yield
                continue
            faults += 1
            if stop.is_set():
                return
            if now - heard >= silence:
                raise CameraError(f"{self.place}: no frame in {self.timeout:g} s; check the camera's power and network")
            if faults >= FAULTS:
                raise CameraError(f"{self.place}: the stream ended; check the camera's power and network")

    def _knock(self) -> None:
        """FFmpeg does not say why it opens nothing, a plain connection does, and costs a camera nothing."""
        parts = _parts(self.url)
        limit = min(KNOCK, self.timeout)
        try:
            socket.create_connection((parts.hostname, parts.port or PORTS[parts.scheme]), limit).close()
        except TimeoutError as error:
            raise AwayError(f"{self.place}: no answer in {limit:g} s; check power and network") from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise AwayError(f"{self.place}: {reason}; check the URL's host and port, and the network") from error


class _Options:
    """OpenCV takes the transport from the environment while it opens: cameras that agree on it open together."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._opening = 0
        self._transport: Transport | None = None

    @contextmanager
    def chosen(self, transport: Transport) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._opening == 0 or self._transport == transport)
            if self._transport != transport:
                os.environ[OPTIONS] = f"rtsp_transport;{transport}"
                self._transport = transport
            self._opening += 1
        try:
            yield
        finally:
            with self._changed:
                self._opening -= 1
                self._changed.notify_all()


_options = _Options()
