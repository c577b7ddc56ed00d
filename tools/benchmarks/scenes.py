"""Clips for the benchmarks, made at run time from photos and videos that packages ship: 25 frames/s, MPEG-4."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import media
import numpy as np

from edge.errors import UnavailableError
from edge.values import Image

SIZE = (1280, 720)
FPS = 25
LENGTH = 10  # seconds
NOISE = 3.0  # grey levels, the standard deviation of a small sensor's noise at dusk
SLIDES = ("astronaut.png", "motorcycle_left.png", "sample1.jpg", "coffee.png", "sample4.jpg", "rocket.jpg")


def busy(folder: Path, size: tuple[int, int] = SIZE) -> Path:
    """People who cross a square, and of one who talks in front of the camera."""
    (talker,) = media.get("carphone_pristine.mp4")
    pairs = zip(_frames(media.street()), _frames(talker), strict=False)
    return _write(folder / "busy.mp4", (_joined(*pair, size) for pair in itertools.islice(pairs, LENGTH * FPS)), size)


def idle(folder: Path) -> Path:
    """A still picture under a sensor's noise."""
    (photo,) = media.get("coffee.png")
    still = _filling(_photo(photo), SIZE).astype(np.float32)
    random = np.random.default_rng(0)

    def noisy() -> Image:
        return np.clip(still + random.standard_normal(still.shape, np.float32) * NOISE, 0, 255).astype(np.uint8)

    taken = [noisy() for _ in range(2 * FPS)]
    return _write(folder / "idle.mp4", itertools.islice(itertools.cycle(taken), LENGTH * FPS), SIZE)


def slides(folder: Path, seconds: float) -> Path:
    """Photos, each shown for `seconds`: what is seen changes with each."""
    photos = [_filling(_photo(path), SIZE) for path in media.get(*SLIDES)]
    shown = (photo for photo in photos * 4 for _ in range(round(seconds * FPS)))
    return _write(folder / "slides.mp4", shown, SIZE)


def _joined(square: Image, face: Image, size: tuple[int, int]) -> Image:
    """The square, and a third of the picture for the face."""
    picture, width = _filling(square, size), size[0] // 3
    picture[:, -width:] = _filling(face, (width, size[1]))
    return picture


def _filling(image: Image, size: tuple[int, int]) -> Image:
    """The middle of a picture, as large as it goes, at `size` (width, height)."""
    height, width = image.shape[:2]
    scale = min(width / size[0], height / size[1])
    cut_width, cut_height = int(size[0] * scale), int(size[1] * scale)
    left, top = (width - cut_width) // 2, (height - cut_height) // 2
    return cv2.resize(image[top : top + cut_height, left : left + cut_width], size)  # type: ignore[return-value]


def _photo(path: Path) -> Image:
    image = cv2.imread(str(path))
    if image is None:
        raise UnavailableError(f"{path}: cannot be read; remove it, to have it fetched again")
    return image  # type: ignore[return-value]


def _frames(path: Path) -> Iterator[Image]:
    capture = cv2.VideoCapture(str(path))
    try:
        while (found := capture.read())[0]:
            yield found[1]  # type: ignore[misc]
    finally:
        capture.release()


def _write(path: Path, frames: Iterable[Image], size: tuple[int, int]) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, size)
    try:
        for frame in frames:
            writer.write(frame)
    finally:
        writer.release()
    return path
