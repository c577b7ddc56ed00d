"""Image properties: drawn pictures against values worked out by hand, and what must fall as photos are changed.

Photos that packages ship are darkened (brightness), flattened (contrast) and blurred (sharpness), ever more.
`value` is what Vedette says and `reference` what the pencil does. The last row is the time of a picture of 1920 x 1080.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import media
import numpy as np
from evaluation.figures import Figure, figure, watched

from edge import pictures
from edge.values import Box, Image
from edge.vision.properties import properties

SIZE = 120
STEPS = 5
REPEATS = 15


def run(_data: Path | None) -> Iterator[Figure]:
    """Values first, then what must fall, then the time."""
    yield from drawn()
    names = [name for name in media.FILES if not name.endswith(".mp4")]
    yield from falling([pictures.read(file) for file in watched(media.get(*names), "reading photos")])
    yield figure("properties.1080p", milliseconds(), "ms", REPEATS)


def drawn() -> Iterator[Figure]:
    grey = properties(np.full((SIZE, SIZE, 3), 51, np.uint8)).quality
    yield figure("properties.grey51.brightness", grey.brightness, "of 100", 1, 20)
    for width, sharp in ((1, 100), (3, 75), (5, 50)):
        found = properties(edge(width)).quality
        yield figure(f"properties.edge{width}.sharpness", found.sharpness, "of 100", 1, sharp)
    yield figure("properties.half.contrast", properties(edge(1)).quality.contrast, "of 100", 1, 100)
    quarter = np.zeros((SIZE, SIZE, 3), np.uint8)
    quarter[: SIZE // 2, : SIZE // 2] = 255
    found = properties(quarter).quality
    yield figure("properties.quarter.brightness", found.brightness, "of 100", 1, 25)
    yield figure("properties.quarter.contrast", found.contrast, "of 100", 1, 100 * 0.75**0.5)
    yield from regions()


def regions() -> Iterator[Figure]:
    """Three tenths firebrick in a box, the rest navy; luma is rounded to whole levels."""
    image = np.full((SIZE, SIZE, 3), (128, 0, 0), np.uint8)
    image[: SIZE * 6 // 10, : SIZE // 2] = (34, 34, 178)
    found = properties(image, [Box(0.0, 0.0, 0.5, 0.6)])
    shares = {colour.css: colour.percent for colour in found.colours}
    assert found.foreground  # noqa: S101 - there is a box
    assert found.background  # noqa: S101 - and something beside it
    yield figure("properties.navy.percent", shares["navy"], "of pixels", 1, 70)
    yield figure("properties.firebrick.percent", shares["firebrick"], "of pixels", 1, 30)
    brick, navy = round(0.299 * 178 + 0.587 * 34 + 0.114 * 34), round(0.114 * 128)
    for name, part, luma in (("foreground", found.foreground, brick), ("background", found.background, navy)):
        yield figure(f"properties.{name}.brightness", part.quality.brightness, "of 100", 1, luma / 2.55)


def falling(photos: list[Image]) -> Iterator[Figure]:
    """How often the next of a row of ever more changed pictures has the lower value."""
    changes: dict[str, Callable[[Image, int], Image]] = {
        "brightness": lambda image, step: np.asarray(image * (1 - 0.15 * step), np.uint8),
        "contrast": lambda image, step: np.asarray(128 + (image - 128.0) * (1 - 0.15 * step), np.uint8),
        "sharpness": lambda image, step: np.asarray(cv2.GaussianBlur(image, (0, 0), 0.75 * step), np.uint8),
    }
    for name, change in changes.items():
        lower = []
        for photo in watched(photos, f"changing {name}"):
            row = [getattr(properties(change(photo, step) if step else photo).quality, name) for step in range(STEPS)]
            lower += [after < before for before, after in pairwise(row)]
        yield figure(f"properties.{name}.falls", float(np.mean(lower)), "of steps", len(lower), 1.0)


def edge(width: int) -> Image:
    """Black, white, and an edge of `width` equal steps between them."""
    half = SIZE // 2
    line = np.concatenate([np.zeros(half), np.linspace(0, 255, width + 1)[1:-1], np.full(half, 255)])
    return np.tile(line.astype(np.uint8)[None, :, None], (SIZE, 1, 3))


def milliseconds() -> float:
    """The median for blurred noise, which has more colours than any photo; without objects."""
    image = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3)).astype(np.uint8)
    image = np.asarray(cv2.GaussianBlur(image, (0, 0), 3), np.uint8)
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        properties(image)
        times.append(1e3 * (time.perf_counter() - started))
    return float(np.median(times))
