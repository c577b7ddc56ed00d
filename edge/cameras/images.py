"""A folder of pictures, one after the other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from edge import pictures
from edge.cameras.base import CameraSettings, adjust
from edge.errors import CameraError, InputError, MissingError
from edge.settings import Flag, LocalPath, Seconds
from edge.values import Image

log = logging.getLogger(__name__)


class ImagesCamera(CameraSettings):
    """The pictures of a folder in the order of their names, each shown for `seconds`, `fps` times a second.

    With `loop`, the folder is read anew every time round. Pictures that cannot be read are logged and skipped.
    """

    kind: Literal["images"] = "images"
    path: LocalPath
    seconds: Seconds = 2.0
    loop: Flag = False
    live: ClassVar[bool] = False

    @property
    def place(self) -> str:
        return str(self.path)

    def frames(self, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        complained: set[Path] = set()
        while not stop.is_set():
            shown = False
            for image in self._readable(complained):
                shown = True
                yield from self._show(adjust(image, self), stop)
                if stop.is_set():
                    return
            if not shown:
                raise CameraError(f"{self.place}: no readable picture in this folder; put JPEG or PNG files there")
            if not self.loop:
                return

    def _show(self, image: Image, stop: threading.Event) -> Iterator[tuple[Image, float]]:
        until = time.monotonic() + self.seconds
        while True:
            yield image, time.time()
            left = until - time.monotonic()
            if stop.wait(max(min(left, 1 / self.fps if self.fps else left), 0.0)) or time.monotonic() >= until:
                return

    def _readable(self, complained: set[Path]) -> Iterator[Image]:
        for path in _pictures_in(self.path):
            try:
                image = pictures.read(path)
            except (InputError, MissingError) as error:  # missing: removed since the folder was read
                if path not in complained:
                    log.warning("skipped: %s", error)
                complained.add(path)
            else:
                yield image


def _pictures_in(folder: Path) -> list[Path]:
    try:
        return sorted(filter(pictures.is_named_so, folder.iterdir()))
    except NotADirectoryError as error:
        raise CameraError(f'{folder}: not a folder; give a video with kind = "file"') from error
    except OSError as error:
        raise CameraError(f"{folder}: {(error.strerror or 'unreadable').lower()}; check 'path'") from error
