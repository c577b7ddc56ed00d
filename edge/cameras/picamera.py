"""A Raspberry Pi camera on its ribbon cable, through picamera2."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from edge.cameras.base import CameraSettings, Rate, Size, adjust
from edge.errors import CameraError
from edge.settings import Whole
from edge.values import Image

POLL = 0.25  # seconds between looks at `stop` while a frame is awaited
STALL = 4.0  # seconds without a frame after which the sensor is taken for stuck; it happens after hours
INSTALL = (
    "on Raspberry Pi OS run 'sudo apt install python3-picamera2' "
    "and make Vedette's environment with --system-site-packages"
)


class PicameraCamera(CameraSettings):
    """`number` counts the cameras as `vedette cameras` does; `resolution` is what the sensor is asked for.

    libcamera cannot be interrupted while it opens or closes a sensor; waiting for a frame can.
    """

    kind: Literal["picamera"] = "picamera"
    number: Annotated[Whole, Field(ge=0)] = 0
    resolution: Size = (1280, 720)
    live: ClassVar[bool] = True

    @property
    def place(self) -> str:
        return f"picamera {self.number}"

    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        rate = Rate(self.fps)
        with self._started() as device:
            while not stop.is_set():
                image = self._next(device, stop)
                if image is not None and rate.takes(time.monotonic()):
                    yield adjust(image, self), time.time()

    @contextmanager
    def _started(self) -> Iterator[Any]:
        library = _library(self.place)
        if self.number >= len(library.global_camera_info()):
            raise CameraError(f"{self.place}: no such camera; check the ribbon cable, and see 'vedette cameras'")
        try:
            device = library(self.number)
        except (RuntimeError, IndexError) as error:
            raise CameraError(f"{self.place}: {error}; close the program that uses it") from error
        try:
            # What libcamera calls RGB888 lies in memory as blue, green, red.
            main = {"size": self.resolution, "format": "RGB888"}
            controls = {"FrameRate": self.fps} if self.fps else {}
            device.configure(device.create_video_configuration(main=main, controls=controls))
            device.start()
            yield device
        except RuntimeError as error:
            raise CameraError(f"{self.place}: {error}; check 'resolution' and 'fps', or restart the device") from error
        finally:
            device.close()

    def _next(self, device: Any, stop: threading.Event) -> Image | None:
        """The next frame, or None if `stop` came first."""
        job = device.capture_array("main", wait=False)
        deadline = time.monotonic() + STALL
        while not stop.is_set():
            try:
                image: Image = job.get_result(timeout=POLL)
            except TimeoutError as error:
                if time.monotonic() >= deadline:
                    raise CameraError(
                        f"{self.place}: no frame in {STALL:g} s; check the ribbon cable and the power supply"
                    ) from error
            else:
                return image
        return None


def cameras() -> list[tuple[int, str]]:
    """Number and sensor of each camera; raises CameraError if picamera2 is not installed."""
    found = _library("picamera").global_camera_info()
    return [(int(camera["Num"]), str(camera.get("Model", "camera"))) for camera in found]


def _library(place: str) -> Any:
    try:
        from picamera2 import Picamera2
    except (ImportError, ValueError) as error:  # ValueError: built for another numpy
        raise CameraError(f"{place}: picamera2 cannot be loaded ({error}); {INSTALL}") from error
    return Picamera2
