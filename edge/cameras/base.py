"""What every camera shares: its settings, and what is done to each picture before anyone sees it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Annotated, Literal, Protocol

import cv2
from pydantic import AfterValidator, Field

from edge.settings import Number, Ratio, Tasks, Whole
from edge.values import Image

State = Literal["online", "offline"]

Side = Annotated[Whole, Field(ge=16, le=16384)]
Size = tuple[Side, Side]

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def _has_area(region: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = region
    if x1 >= x2 or y1 >= y2:
        raise ValueError("must be [left, top, right, bottom] with left < right and top < bottom")
    return region


Region = Annotated[tuple[Ratio, Ratio, Ratio, Ratio], AfterValidator(_has_area)]


class CameraSettings(Tasks):
    """What is said of any camera.

    `fps` is how many frames a second are taken at most; 0 takes every frame. `region` is the part that is looked
    at, as left, top, right and bottom ratios of the camera's own picture; it is cut out first, then turned
    clockwise by `rotate` degrees, then stretched to `size` (width, height).
    """

    fps: Annotated[Number, Field(ge=0.0, le=240.0)] = 5.0
    rotate: Literal[0, 90, 180, 270] = 0
    size: Size | None = None
    region: Region | None = None

    @property
    def patience(self) -> float:
        """See `Source`."""
        return 4.0


class Source(Protocol):
    """What a camera's settings class does.

    `live`: the world does not wait, so frames are read continuously and the newest one wins. A source that is not
    live (a file as fast as possible, a folder) waits for whoever takes its frames and loses none.
    """

    @property
    def live(self) -> bool: ...

    @property
    def place(self) -> str:
        """What messages call this camera; it holds no secret."""

    @property
    def patience(self) -> float:
        """Seconds without a look at `stop` after which a read of a live source is taken to hang."""

    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        """Each taken frame, adjusted, with its capture time in epoch seconds.

        Looks at `stop` with every frame that comes, taken or not, and at least once in `patience` seconds: that is
        how a camera with nothing to say is told from a read that hangs.
        Ends when the source is over or `stop` is set; raises CameraError when the source fails.
        """


def adjust(image: Image, settings: CameraSettings) -> Image:
    """The part, orientation and size asked for; `image` itself if nothing is asked."""
    if settings.region:
        height, width = image.shape[:2]
        x1, y1, x2, y2 = settings.region
        left, top = min(int(x1 * width), width - 1), min(int(y1 * height), height - 1)
        image = image[top : max(round(y2 * height), top + 1), left : max(round(x2 * width), left + 1)]
    if settings.rotate:
        image = cv2.rotate(image, _TURNS[settings.rotate])  # type: ignore[assignment]
    if settings.size and settings.size != (image.shape[1], image.shape[0]):
        shrinks = settings.size[0] * settings.size[1] < image.shape[0] * image.shape[1]
        image = cv2.resize(image, settings.size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)  # type: ignore[assignment]
    return image


class Rate:
    """Says which frames to take so that about `fps` a second remain; 0 takes all."""

    def __init__(self, fps: float) -> None:
        self._period = 1 / fps if fps else 0.0
        self._due: float | None = None

    def takes(self, at: float) -> bool:
        """Whether the frame of time `at` is taken; times do not go back.

        A frame a tenth of a period early will do, and a late one does not delay the next: cameras jitter.
        """
        if self._due is None:
            self._due = at
        if at < self._due - self._period / 10:
            return False
        self._due = max(self._due, at - self._period) + self._period
        return True
