"""Stills: the picture an event rests on, with what was seen drawn into it; and, if asked, as the camera took it.

::

    folder/<time>-<camera>-<type>.jpg            drawn; the newest `keep`
    folder/clean/<the same>.jpg and .json        undrawn, and what the detector found in it; the newest `keep`
    folder/labelled/<the same>.jpg and .json     where 'vedette snapshots label' moves one: nothing removes it
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self

import cv2
from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge.database import no_folder
from edge.drawing import Mark, around, paint
from edge.settings import Flag, LocalPath, Section, Whole
from edge.values import Box, Detection, Image

log = logging.getLogger(__name__)

QUALITY = 88
CLEAN, LABELLED = "clean", "labelled"
STAMP = "%Y%m%dT%H%M%S.%f"


class StillSettings(Section):
    """Where event pictures go; no folder, no pictures. The oldest beyond `keep` are removed.

    `clean` keeps each picture undrawn too, for `vedette snapshots`; those that were labelled are not removed.
    """

    folder: LocalPath | None = None
    keep: Annotated[Whole, Field(ge=1)] = 1000
    clean: Flag = False

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.clean and not self.folder:
            raise ValueError("clean = true needs a folder")
        return self


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Boxed(Part):
    """A named box, in ratios of the picture; `score` is 1 where a person drew it."""

    label: Annotated[str, Field(min_length=1, max_length=255)]
    x1: Annotated[float, Field(ge=0.0, le=1.0)]
    y1: Annotated[float, Field(ge=0.0, le=1.0)]
    x2: Annotated[float, Field(ge=0.0, le=1.0)]
    y2: Annotated[float, Field(ge=0.0, le=1.0)]
    score: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0


class Notes(Part):
    """Of an undrawn picture: what the detector found, and what people say (`labels` None: nothing yet)."""

    found: tuple[Boxed, ...] = ()
    labels: tuple[Annotated[str, Field(min_length=1, max_length=255)], ...] | None = None
    boxes: tuple[Boxed, ...] = ()
    labelled_at: float | None = None


def annotate(image: Image, marks: Iterable[tuple[Box, str, str]]) -> Image:
    """A copy with each (box, text, kind) drawn; kind is a key of `edge.drawing.COLOURS`."""
    return paint(image, [Mark(kind, around(asdict(box)), text) for box, text, kind in marks])


class Stills:
    """Writes pictures into one folder and keeps the newest."""

    def __init__(self, folder: Path, keep: int, *, clean: bool = False) -> None:
        self.folder = folder
        self._clean = folder / CLEAN if clean else None
        self._keep = keep
        self._complaint = ""
        try:
            (self._clean or folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise no_folder("stills.folder", folder, error) from error
        self._files = sorted(folder.glob("*.jpg"))
        self._undrawn = sorted((folder / CLEAN).glob("*.jpg"))

    def write(self, image: Image, camera: str, at: float, what: str) -> str:
        """Write one JPEG; gives its path, or "" if the disk refused, which is logged and never fatal."""
        stamp = datetime.fromtimestamp(at, UTC).strftime(STAMP)[:-3]
        path = self.folder / f"{stamp}-{camera}-{what}.jpg"
        return str(path) if self._put(path, _jpeg(image), self._files) else ""

    def keep_clean(self, still: str, image: Image, found: Sequence[Detection]) -> None:
        """Keep the undrawn picture of a still, and what was found in it, if that is asked for and there is a still."""
        if self._clean is None or not still:
            return
        path = self._clean / Path(still).name
        notes = Notes(found=tuple(Boxed(label=one.label, score=one.score, **asdict(one.box)) for one in found))
        # The notes first: a picture without them would offer no boxes, notes without a picture are nothing.
        text = notes.model_dump_json(exclude_defaults=True).encode()
        if self._put(path.with_suffix(".json"), text, []) and not self._put(path, _jpeg(image), self._undrawn):
            with suppress(OSError):
                path.with_suffix(".json").unlink()

    def _put(self, path: Path, data: bytes, files: list[Path]) -> bool:
        try:
            path.write_bytes(data)
            files.append(path)
            while len(files) > self._keep:
                oldest = files.pop(0)
                oldest.unlink(missing_ok=True)
                if files is self._undrawn:
                    oldest.with_suffix(".json").unlink(missing_ok=True)
        except OSError as error:
            self._complain(f"{error.strerror or error}")
            with suppress(OSError):
                path.unlink()  # what a full disk took of it is no picture
            return False
        self._complaint = ""
        return True

    def _complain(self, reason: str) -> None:
        """Once, not for each picture."""
        if reason != self._complaint:
            log.warning("stills.folder: %s: %s; make room; until then events have no picture", self.folder, reason)
        self._complaint = reason


def _jpeg(image: Image) -> bytes:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
