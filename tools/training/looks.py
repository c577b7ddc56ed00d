"""What each picture looks like, in a few numbers: enough to tell which ones show the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import pictures
from edge.errors import EdgeError, InputError
from edge.values import Image

THUMB = 24
COARSE = 2.5  # pixels of the thumbnail: what is smoother is the light of a scene, not what is in it
# Bits of 64 in which the gradients of two pictures may differ before they are worth a closer look.
BITS = 12
# The correlation of details from which two thumbnails show one scene (unrelated pieces of one sky stay below 0.5), and
# from which one is the other, saved again.
ALIKE, SAME = 0.75, 0.985
MOST = 64
FLAT = 2.0  # grey levels of deviation below which a picture shows nothing
_CHUNK = 1024


@dataclass(frozen=True, slots=True)
class Look:
    """Digests of the file and of its pixels, the signs of an 8 x 8 gradient (dHash), and a thumbnail's details."""

    digest: str
    pixels: str
    hash: NDArray[np.bool_]
    details: NDArray[np.float32]
    width: int
    height: int
    flat: bool


def at(paths: Sequence[Path], tell: Callable[[float], None]) -> tuple[dict[Path, Look], dict[Path, str]]:
    """The looks of the pictures, and of those that cannot be read, why."""
    seen: dict[Path, Look] = {}
    refused: dict[Path, str] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (path, found) in enumerate(zip(paths, pool.map(_look, paths), strict=True), 1):
            if isinstance(found, Look):
                seen[path] = found
            else:
                refused[path] = found
            tell(done / len(paths))
    return seen, refused


def _look(path: Path) -> Look | str:
    try:
        image, data = pictures.read(path), path.read_bytes()
        if data.startswith(b"\xff\xd8") and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
            raise InputError(f"{path}: the JPEG data is cut off; copy or export the picture again")
    except EdgeError as error:
        return str(error)
    except OSError as error:
        return f"{path}: {error.strerror}; check the file's path and permissions"
    return of(image, data)


def of(image: Image, data: bytes) -> Look:
    small = cv2.resize(image, (THUMB, THUMB), interpolation=cv2.INTER_AREA).astype(np.float32)
    grey = cv2.cvtColor(cv2.resize(image, (9, 8), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY).astype(np.int16)
    fine = small - cv2.GaussianBlur(small, (0, 0), COARSE)
    return Look(
        digest=hashlib.sha256(data).hexdigest(),
        pixels=hashlib.sha256(image.tobytes() + repr(image.shape).encode()).hexdigest(),
        hash=(grey[:, 1:] > grey[:, :-1]).ravel(),
        details=(fine / max(float(np.linalg.norm(fine)), 1e-6)).ravel(),
        width=image.shape[1],
        height=image.shape[0],
        flat=float(image.std()) < FLAT,
    )


def pairs(looks: Sequence[Look]) -> list[tuple[int, int, float]]:
    """Every two that show the same scene, with how alike they are: 1 is the same picture.

    Of a picture and those after it at most MOST are told, the most alike: enough to join what belongs together.
    """
    if not looks:
        return []
    signs = np.array([look.hash for look in looks], np.float32) * 2 - 1
    details = np.array([look.details for look in looks])
    found: list[tuple[int, int, float]] = []
    for start in range(0, len(looks), _CHUNK):
        rows = slice(start, start + _CHUNK)
        near = signs[rows] @ signs.T >= signs.shape[1] - 2 * BITS
        alike = np.where(near, details[rows] @ details.T, 0)
        for row in range(len(alike)):
            alike[row, : start + row + 1] = 0
            others = np.nonzero(alike[row] >= ALIKE)[0]
            others = others[np.argsort(-alike[row, others], kind="stable")[:MOST]]
            found += [(start + row, int(other), float(alike[row, other])) for other in others]
    return found
