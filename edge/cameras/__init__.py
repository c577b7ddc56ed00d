"""Where frames come from: one file per kind of source.

To add a camera:

1. Write `edge/cameras/<kind>.py` with one class, a `CameraSettings` that fulfils `base.Source`: its keys are the
   TOML's, its `kind: Literal["<kind>"]` is how the TOML asks for it, and its `frames` yields pictures through
   `adjust`. Import a vendor's library inside the function that needs it.
2. Add the class to `Camera` below. The configuration, `reopen` and the pipeline know it from then on.
3. If the command line should recognise it, add a line to `parse`.

A source only reads and fails; `reopen` is what makes it endless, and `attendance` abandons a read that hangs.
"""

from __future__ import annotations

import logging
import random
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from edge.cameras.base import State
from edge.cameras.file import FileCamera
from edge.cameras.images import ImagesCamera
from edge.cameras.picamera import PicameraCamera
from edge.cameras.rtsp import RtspCamera
from edge.cameras.v4l2 import V4l2Camera
from edge.errors import AwayError, CameraError, MissingError
from edge.values import Image

log = logging.getLogger(__name__)

Camera = Annotated[
    FileCamera | ImagesCamera | V4l2Camera | RtspCamera | PicameraCamera,
    Field(discriminator="kind"),
]

OnState = Callable[[State, str], None]

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds
# A camera that is away costs one TCP connection refused, or two unanswered packets, each time it is asked for.
# A second is often enough to have its frames within three of its return, and no burden to the smallest of them.
AWAY_WAIT = 1.0


def reopen(camera: Camera, stop: threading.Event, on_state: OnState) -> Iterator[tuple[Image, float]]:
    """The camera's frames for as long as there is a camera to ask, whatever happens to it.

    A live source that fails is opened again: one that is away after a second at most, one that refuses (a wrong
    password, say) after waits that double from half a second to thirty. They start over with the first good frame,
    and when it was away. A source that is not live raises its CameraError. `on_state` hears "online" with the first
    frame and "offline" with each reason once until then. Ends when the source is over or `stop` is set.
    """
    wait: float = FIRST_WAIT
    told: set[str] = set()
    while not stop.is_set():
        online, away = False, False
        try:
            for frame in camera.frames(stop):
                if not online:
                    online, wait = True, FIRST_WAIT
                    told.clear()
                    on_state("online", "")
                yield frame
            return  # noqa: TRY300 - the loop around it makes this the end, not a success
        except CameraError as error:
            reason, away = str(error), isinstance(error, AwayError)
        if reason not in told:
            told.add(reason)
            on_state("offline", reason)
        if not camera.live:
            raise CameraError(reason)
        # Never the same for all: cameras behind one switch are not to be asked together.
        pause = (AWAY_WAIT if away else wait) * random.uniform(0.5, 1.0)  # noqa: S311
        log.debug("%s: opened again in %.1f s", camera.place, pause)
        wait = FIRST_WAIT if away else min(wait * 2, LONGEST_WAIT)
        stop.wait(pause)


def parse(text: str) -> Camera:
    """What `--camera` of a command line names; raises MissingError or InputError.

    A URL, "picamera" or "picamera:1", a device's number or path, a video file or a folder of pictures.
    """
    if "://" in text:
        return RtspCamera.at(text)
    if ribbon := re.fullmatch(r"picamera(?::(\d+))?", text):
        return PicameraCamera(number=int(ribbon[1] or 0))
    if text.isdecimal() or text.startswith("/dev/"):
        return V4l2Camera(device=int(text) if text.isdecimal() else text)
    path = Path(text).expanduser()
    if path.is_dir():
        return ImagesCamera(path=path)
    if path.is_file():
        return FileCamera(path=path)
    raise MissingError(f"--camera {text}: no such file or folder; check the path")
