"""OpenCV's video capture, opened quietly, with limits, and with errors that say what to do.

A blocked call into it cannot be interrupted: after `stop`, a camera that hangs ends when its timeout does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import cv2

from edge.cameras.buffers import Buffers
from edge.errors import CameraError
from edge.pictures import MAX_PIXELS
from edge.values import Image

ENVIRONMENT = {
    # FFmpeg's log names URLs, passwords and all; what matters of it is in our errors.
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    # Without this, a camera that does not answer holds up every other one's opening.
    "OPENCV_FFMPEG_IS_THREAD_SAFE": "1",
    # Seconds until a webcam that sends nothing is given up.
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "2",
}
for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)  # OpenCV reads them at the first capture

# A damaged frame makes a grab fail, and so does the end; this many in a row are the end.
FAULTS = 64

# FFmpeg's own choice, a frame on each core, makes the picture as many frames old and takes a quarter more CPU.
ONE_THREAD = (cv2.CAP_PROP_N_THREADS, 1)

Open = Callable[[], cv2.VideoCapture]


@contextmanager
def opened(open_capture: Open, failure: str) -> Iterator[cv2.VideoCapture]:
    """A capture that is surely closed again; raises CameraError(`failure`) if it does not open."""
    try:
        capture = open_capture()
    except cv2.error as error:
        raise CameraError(failure) from error
    try:
        if not capture.isOpened():
            raise CameraError(failure)
        yield capture
    finally:
        capture.release()


def opener(source: str, backend: int, options: Sequence[int] = ()) -> Open:
    return lambda: cv2.VideoCapture(source, backend, list(options))


def check_size(capture: cv2.VideoCapture, place: str) -> None:
    """Raises CameraError for a stream whose frames are larger than any picture may be: a small file may claim them."""
    width, height = (int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > MAX_PIXELS:
        raise CameraError(
            f"{place}: frames of {width} x {height} pixels are too large; "
            f"have them made smaller than {MAX_PIXELS // 1_000_000} megapixels"
        )


def grab(capture: cv2.VideoCapture) -> bool:
    """Step to the next frame without converting it; False at the end, at a fault, or after the timeout."""
    try:
        return capture.grab()
    except cv2.error:
        return False


def picture(capture: cv2.VideoCapture, buffers: Buffers) -> Image | None:
    """The grabbed frame as uint8 [H,W,3] BGR, in memory that `buffers` had to spare; None if it is damaged."""
    try:
        good, image = capture.retrieve(buffers.spare())
    except cv2.error:
        return None
    if not good or image.ndim != 3:
        return None
    buffers.keep(image)  # type: ignore[arg-type]
    return image  # type: ignore[return-value]
