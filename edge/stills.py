"""Annotated stills: the picture an event rests on, with what was seen drawn into it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import cv2
from pydantic import Field

from edge.database import no_folder
from edge.drawing import Mark, around, paint
from edge.settings import LocalPath, Section, Whole
from edge.values import Box, Image

log = logging.getLogger(__name__)

QUALITY = 88


class StillSettings(Section):
    """Where event pictures go; no folder, no pictures. The oldest beyond `keep` are removed."""

    folder: LocalPath | None = None
    keep: Annotated[Whole, Field(ge=1)] = 1000


def annotate(image: Image, marks: Iterable[tuple[Box, str, str]]) -> Image:
    """A copy with each (box, text, kind) drawn; kind is a key of `edge.drawing.COLOURS`."""
    return paint(image, [Mark(kind, around(asdict(box)), text) for box, text, kind in marks])


class Stills:
    """Writes pictures into one folder and keeps the newest."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self._keep = keep
        self._complaint = ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise no_folder("stills.folder", folder, error) from error
        self._files = sorted(folder.glob("*.jpg"))

    def write(self, image: Image, camera: str, at: float, what: str) -> str:
        """Write one JPEG; gives its path, or "" if the disk refused, which is logged and never fatal."""
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
        path = self.folder / f"{stamp}-{camera}-{what}.jpg"
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        try:
            path.write_bytes(data.tobytes())
            self._files.append(path)
            while len(self._files) > self._keep:
                self._files.pop(0).unlink(missing_ok=True)
        except OSError as error:
            self._complain(f"{error.strerror or error}")
            with suppress(OSError):
                path.unlink()  # what a full disk took of it is no picture
            return ""
        self._complaint = ""
        return str(path)

    def _complain(self, reason: str) -> None:
        """Once, not for each picture."""
        if reason != self._complaint:
            log.warning("stills.folder: %s: %s; make room; until then events have no picture", self.folder, reason)
        self._complaint = reason
