"""Lines of text in a picture: how they lie, how they are cut out for a network, in which order they are read.

A line is four corners in pixels, clockwise from the text's own top left; pixel i covers i to i + 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.outputs import Floats
from models.tensors import Image, Placement

HEIGHT = 48  # pixels of a line as networks read it
SHORT = 736  # pixels that the detector sees of a picture's shorter side, at least
CLOSER = 3.0  # times that a picture is enlarged for it, at most: very large letters are not seen
LONG, PIXELS = 4096, 1_200_000  # of its longer side and in all, at most: this bounds memory
LEAST = 160  # of each side: on inputs of a few dozen pixels the int8 graph crashes (OpenVINO 2026.4)
SMALL = 256  # pixels of the shorter side: smaller pictures may be filled by their text
STEP = 32  # sides of the detector's input are multiples of it
CLEAR = 1.5  # how much longer than wide a region is whose direction shows
NARROWEST, WIDEST = 12, 3200  # pixels: lines beyond are stretched and squeezed
TOGETHER = 8  # lines in a batch at most
COLUMNS = 4096  # pixels of width in a batch at most, unless a single line is wider: this bounds memory
ROUND = 64  # batches are as wide as a multiple of it: each new size costs a network time and memory
GRID = 12  # points on a side of a rectangle, to tell how much of it lies somewhere
GREY = 127  # between lines of a batch: zero to the network


def fit(image: Image) -> tuple[Image, Placement]:
    """The picture for the detector: its shorter side SHORT at least, as far as CLOSER, LONG and PIXELS allow.

    A small picture gets a margin, for letters at the very edge are not seen.
    """
    height, width = image.shape[:2]
    across, down = (_margin(side, min(height, width)) for side in (width, height))
    if across or down:
        framed = cv2.copyMakeBorder(image, down, down, across, across, cv2.BORDER_REPLICATE)
        image = framed.astype(np.uint8, copy=False)
    sides = image.shape[1], image.shape[0]
    scale = min(max(SHORT / min(sides), 1.0), CLOSER, LONG / max(sides), (PIXELS / (sides[0] * sides[1])) ** 0.5)
    fed = [max(round(side * scale / STEP), LEAST // STEP) * STEP for side in sides]
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    fitted = cv2.resize(image, fed, interpolation=how).astype(np.uint8, copy=False)
    scale_x, scale_y = fed[0] / sides[0], fed[1] / sides[1]
    return fitted, Placement(scale_x, scale_y, across * scale_x, down * scale_y)


def _margin(side: int, shorter: int) -> int:
    """How much a side of a picture grows at either end."""
    return max(shorter // 4, (SMALL // 4 - side + 1) // 2) if shorter < SMALL else 0


def restore(corners: Floats, placement: Placement) -> Floats:
    """Corners [N,4,2] in the picture, of corners in what `fit` made of it."""
    offset = np.array([placement.offset_x, placement.offset_y], np.float32)
    scale = np.array([placement.scale_x, placement.scale_y], np.float32)
    return ((corners - offset) / scale).astype(np.float32, copy=False)


def lay(corners: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The rectangles [N,4,2] from the corner where text along their longer side would begin; and which are upright.

    Upright ones are taken to read downwards, all others to the right. What is too square to tell lies as most do.
    """
    sides = np.linalg.norm(corners[:, [1, 3]] - corners[:, :1], axis=2)
    upright = sides[:, 1] >= CLEAR * sides[:, 0]
    clear = upright | (sides[:, 0] >= CLEAR * sides[:, 1])
    weights = sides.max(axis=1, initial=0.0) * clear
    upright = np.where(clear, upright, weights[upright].sum() > weights[~upright].sum())
    return np.where(upright[:, None, None], np.roll(corners, -1, axis=1), corners), upright


def middle(strip: Image, width: int) -> Image:
    """At most `width` pixels of a line, from its middle."""
    left = max(strip.shape[1] - width, 0) // 2
    return strip[:, left : left + width]


def cut(image: Image, corners: Floats) -> list[Image]:
    """Each line straightened out, [HEIGHT,w,3]."""
    halves = [image]
    strips = []
    for line in corners:
        along, across = (float(np.linalg.norm(line[place] - line[0])) for place in (1, 3))
        level = max(int(np.log2(max(across / HEIGHT, 1.0))), 0)
        while len(halves) <= level:  # large text would break up into dots
            half = cv2.resize(halves[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            halves.append(half.astype(np.uint8, copy=False))
        width = int(np.clip(round(HEIGHT * along / max(across, 1e-3)), NARROWEST, WIDEST))
        strips.append(_straightened(halves[level], line / 2**level, width))
    return strips


def _straightened(image: Image, line: Floats, width: int) -> Image:
    """A rectangle as [HEIGHT,width,3]. OpenCV counts from the middle of the first pixel."""
    source = (line[[0, 1, 3]] - 0.5).astype(np.float32)
    target = np.array([(0, 0), (width, 0), (0, HEIGHT)], np.float32) - np.float32(0.5)
    transform = cv2.getAffineTransform(source, target)
    strip = cv2.warpAffine(image, transform, (width, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return strip.astype(np.uint8, copy=False)


def batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Places of lines that are about equally wide, narrow ones first."""
    batch: list[int] = []
    for place in np.argsort(widths, kind="stable").tolist():
        full = len(batch) == TOGETHER or (len(batch) + 1) * widths[place] > COLUMNS
        if batch and (full or widths[place] > 1.3 * widths[batch[0]] + STEP):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def stack(strips: Sequence[Image], width: int = 0) -> Image:
    """One batch [N,HEIGHT,width,3]: strips at the left, grey behind; those that are too wide are squeezed."""
    width = width or -max(strip.shape[1] for strip in strips) // ROUND * -ROUND
    batch = np.full((len(strips), HEIGHT, width, 3), GREY, np.uint8)
    for row, strip in zip(batch, strips, strict=True):
        kept = cv2.resize(strip, (width, HEIGHT), interpolation=cv2.INTER_AREA) if strip.shape[1] > width else strip
        row[:, : kept.shape[1]] = kept
    return batch


def part(corners: Floats, start: float, end: float) -> list[tuple[float, float]]:
    """The four corners of what lies between two ratios of a line's length."""
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = corners.tolist()  # a page has hundreds of words: arrays take longer
    top_x, top_y, bottom_x, bottom_y = x2 - x1, y2 - y1, x3 - x4, y3 - y4
    return [
        (x1 + top_x * start, y1 + top_y * start),
        (x1 + top_x * end, y1 + top_y * end),
        (x4 + bottom_x * end, y4 + bottom_y * end),
        (x4 + bottom_x * start, y4 + bottom_y * start),
    ]


def reading_order(corners: Floats) -> list[int]:
    """Places of lines [N,4,2] in rows from the top, each from its left; as most of them are turned."""
    if not len(corners):
        return []
    along = (corners[:, 1] + corners[:, 2] - corners[:, 0] - corners[:, 3]).sum(axis=0)
    right = along / max(float(np.linalg.norm(along)), 1e-6)
    down = np.array([-right[1], right[0]])
    middles = corners.mean(axis=1)
    x, y = middles @ right, middles @ down
    half = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1) / 2
    rows: list[list[int]] = []
    for place in np.argsort(y, kind="stable").tolist():
        first = rows[-1][0] if rows else place
        if rows and y[place] - y[first] < min(half[place], half[first]):
            rows[-1].append(place)
        else:
            rows.append([place])
    return [place for row in rows for place in sorted(row, key=lambda place: float(x[place]))]


def spans(places: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where characters with these middles begin and end along a line, 0..1: halfway to their neighbours."""
    between = (places[1:] + places[:-1]) / 2.0
    return np.concatenate([[0.0], between]), np.concatenate([between, [1.0]])


def share(corners: NDArray[np.float64], region: NDArray[np.float64]) -> float:
    """The part of a rectangle [4,2] that lies in a polygon [M,2], from a grid of its points."""
    steps = (np.arange(GRID) + 0.5) / GRID
    across = corners[0] + steps[:, None] * (corners[3] - corners[0])
    points = across[:, None] + steps[None, :, None] * (corners[1] - corners[0])
    outline = region.astype(np.float32).reshape(-1, 1, 2)
    return float(
        np.mean([cv2.pointPolygonTest(outline, (x, y), False) >= 0 for x, y in points.reshape(-1, 2).tolist()])
    )
