"""From a picture to the tensor a network wants, and back from stored integers to numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from models.manifest import Input, ModelError
from models.outputs import Floats

Image = NDArray[np.uint8]

# The last step of "area", which shrinks to less than half before it.
INTERPOLATION = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "area": cv2.INTER_LINEAR}

# Where the five landmarks lie in the 112-pixel chip that ArcFace and its relatives were trained on.
TEMPLATE_SIZE = 112
TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)

PLANE = np.array([1.0, 1.0j])  # makes x and y one complex number


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the picture lies in the input: input pixel = picture pixel * scale + offset, per axis."""

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float


def fit(image: Image, spec: Input) -> tuple[Image, Placement]:
    """Bring a BGR picture to the input's size in one resize; raises ModelError if a chip has another size."""
    if spec.fit == "letterbox":
        return _letterbox(image, spec)
    height, width = image.shape[:2]
    if spec.fit == "aligned":
        if (width, height) != (spec.width, spec.height):
            raise ModelError(f"a face chip is {spec.width}x{spec.height}, not {width}x{height}: cut it with align()")
        return image, Placement(1.0, 1.0, 0.0, 0.0)
    if spec.fit == "square":
        kept_x = kept_y = max(1, int(min(width, height) * spec.crop))
    else:
        kept_x, kept_y = max(1, round(width * spec.crop)), max(1, round(height * spec.crop))
    left, top = (width - kept_x) // 2, (height - kept_y) // 2
    kept = image[top : top + kept_y, left : left + kept_x]
    if spec.interpolation == "area":
        kept = _halved(kept, spec.width, spec.height)
    fitted = cv2.resize(kept, (spec.width, spec.height), interpolation=_how(kept, spec.width, spec.height, spec))
    scale_x, scale_y = spec.width / kept_x, spec.height / kept_y
    return fitted.astype(np.uint8, copy=False), Placement(scale_x, scale_y, -left * scale_x, -top * scale_y)


def _how(image: Image, width: int, height: int, spec: Input) -> int:
    """What OpenCV calls the interpolation. A third, a fifth ... is the middle pixels as they are, in half the time."""
    (across, left), (down, top) = divmod(image.shape[1], width), divmod(image.shape[0], height)
    if spec.interpolation != "cubic" and not left and not top and across % 2 and down % 2:
        return cv2.INTER_NEAREST_EXACT
    return INTERPOLATION[spec.interpolation]


def _halved(image: Image, width: int, height: int) -> Image:
    """Average two by two pixels while that leaves at least width x height.

    Of four rows or more to one, every second is looked at, which spares half the memory's way to the processor.
    OpenCV's own area average takes ten times as long, for scores of labels that differ by hundredths.
    """
    while image.shape[1] >= 2 * width and image.shape[0] >= 2 * height:
        if image.shape[0] >= 4 * height:
            image = image[::2]
        half_y, half_x = image.shape[0] // 2, image.shape[1] // 2
        even = image[: 2 * half_y, : 2 * half_x]
        image = cv2.resize(even, (half_x, half_y), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return image


def _letterbox(image: Image, spec: Input) -> tuple[Image, Placement]:
    height, width = image.shape[:2]
    scale = min(spec.width / width, spec.height / height)
    inner_x = min(spec.width, max(1, round(width * scale)))
    inner_y = min(spec.height, max(1, round(height * scale)))
    left, top = 0, 0
    if spec.anchor == "centre":
        left, top = (spec.width - inner_x) // 2, (spec.height - inner_y) // 2
    if spec.interpolation == "area":
        image = _halved(image, inner_x, inner_y)
    canvas = np.empty((spec.height, spec.width, 3), np.uint8)
    canvas[:top] = canvas[top + inner_y :] = spec.pad
    canvas[:, :left] = canvas[:, left + inner_x :] = spec.pad
    inside = canvas[top : top + inner_y, left : left + inner_x]
    # The resize writes straight into the canvas; nothing is copied afterwards.
    cv2.resize(image, (inner_x, inner_y), dst=inside, interpolation=_how(image, inner_x, inner_y, spec))
    return canvas, Placement(inner_x / width, inner_y / height, float(left), float(top))


def pack(fitted: Image, spec: Input, dtype: DTypeLike, scale: float = 0.0, zero_point: int = 0) -> NDArray[Any]:
    """The input tensor for a fitted picture.

    `dtype`, `scale` and `zero_point` are the graph's own (scale 0: not quantized). A graph that takes
    uint8 NHWC BGR gets a view of the picture, not a copy.
    """
    pixels: NDArray[Any] = fitted
    if spec.colour == "RGB":
        pixels = cv2.cvtColor(fitted, cv2.COLOR_BGR2RGB)
    table = _table(spec.mean, spec.std, np.dtype(dtype).str, scale, zero_point)
    if table is not None:
        pixels = cv2.LUT(pixels, table)
    if spec.layout == "NCHW":
        pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return pixels[None]


@lru_cache(maxsize=64)
def _table(
    mean: tuple[float, float, float] | None,
    std: tuple[float, float, float] | None,
    dtype: str,
    scale: float,
    zero_point: int,
) -> NDArray[Any] | None:
    """What each of the 256 pixel values of each channel becomes; None if nothing changes."""
    values = np.repeat(np.arange(256, dtype=np.float64)[None, :, None], 3, axis=2)
    values = (values - np.array(mean or 0.0)) / np.array(std or 1.0)
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        stored = values / scale + zero_point if scale else values
        values = np.clip(np.rint(stored), limits.min, limits.max)
    if kind == np.uint8 and np.array_equal(values[0, :, 0], np.arange(256)) and np.ptp(values, axis=2).max() == 0:
        return None
    table: NDArray[Any] = values.astype(kind)
    table.flags.writeable = False
    return table


def dequantise(array: NDArray[Any], scale: float, zero_point: int) -> Floats:
    """Stored values as float32: (stored - zero_point) * scale; a scale of 0 only converts."""
    real = array.astype(np.float32, copy=False)
    return real if not scale else (real - np.float32(zero_point)) * np.float32(scale)


def align(image: Image, landmarks: Floats, size: int = TEMPLATE_SIZE) -> Image:
    """Cut the upright face chip that the five landmarks [5,2] (pixels) span."""
    transform = similarity(np.asarray(landmarks, np.float64), TEMPLATE * (size / TEMPLATE_SIZE))
    return cv2.warpAffine(image, transform, (size, size), flags=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Umeyama's least-squares rotation, uniform scale and shift from one set of points [N,2] to the other, [2,3].

    In the plane a turn with a scale is one complex factor, and the best one a quotient of two sums.
    """
    points, goals = source @ PLANE, target @ PLANE
    centre = points.mean()
    spread = points - centre
    # Points that all coincide have no scale; the floor keeps the answer finite.
    factor = np.vdot(spread, goals) / max(np.vdot(spread, spread).real, 1e-12)
    shift = goals.mean() - factor * centre
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])
