"""A gate that keeps an idle scene cheap: has enough of the picture changed to look again?

A thumbnail of the green channel is held against a running background. The light that all pixels share (clouds,
exposure) is taken out first, and a pixel has changed only when it stands clear of this picture's own noise. When
the whole scene changes at once, as when a light is switched on, that counts once and becomes the background.
"""

from __future__ import annotations

from math import exp

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.settings import MotionGate
from edge.values import Image

Thumbnail = NDArray[np.float32]

WIDTH = 160  # about so many pixels: enough to see a person across a yard, few enough to be free
SETTLES = 5.0  # seconds in which the background forgets two thirds of what it was
LEAST, MOST = 10.0, 30.0  # grey levels between which the step lies that counts as change
CLEAR = 5.0  # standard deviations of the noise that such a step is
WHOLE = 0.6  # part of the picture that nothing but the scene itself changes at once


class Motion:
    """One camera's gate. `area` is the part of the last picture that had changed, 0..1."""

    def __init__(self, settings: MotionGate) -> None:
        self.area = 0.0
        self._settings = settings
        self._background: Thumbnail | None = None
        self._seen_at = self._passed_at = self._moved_at = 0.0

    def look(self, image: Image, now: float) -> bool:
        """Whether the picture taken at `now` deserves a look: it moves, has just moved, or has long rested."""
        if not self._settings.area:
            return True
        current = thumbnail(image)
        if self._background is None or self._background.shape != current.shape:
            self.area, self._background = 1.0, current
        else:
            self.area, whole = changed(current, self._background)
            passed = max(now - self._seen_at, 0.0)
            cv2.accumulateWeighted(current, self._background, 1.0 if whole else 1.0 - exp(-passed / SETTLES))
        self._seen_at = now
        rested = not 0.0 <= now - self._passed_at < self._settings.rest  # a clock set back is a reason to look
        if self.area >= self._settings.area:
            self._moved_at = now
        wanted = rested or 0.0 <= now - self._moved_at <= self._settings.settle
        if wanted:
            self._passed_at = now
        return wanted


def thumbnail(image: Image) -> Thumbnail:
    """About WIDTH pixels wide: some rows and columns of the green channel, averaged over blocks."""
    shrink = max(round(image.shape[1] / WIDTH), 1)
    step = max(shrink // 3, 1)
    block = shrink // step
    green = image[::step, ::step, 1]
    height, width = (max(side // block, 1) for side in green.shape)
    whole_blocks = np.ascontiguousarray(green[: height * block, : width * block])
    small = cv2.resize(whole_blocks, (width, height), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32)


def changed(current: Thumbnail, background: Thumbnail) -> tuple[float, bool]:
    """The part of the picture that moved, and whether the whole scene changed."""
    if _part_beyond(current, background, LEAST) >= WHOLE:
        return 1.0, True
    now, then = current[::5, ::5], background[::5, ::5]
    light = np.float32(_median(now / np.maximum(then, 1.0)))
    noise = 1.4826 * _median(np.abs(now - light * then))  # a normal distribution's standard deviation
    step = min(max(CLEAR * noise, LEAST), MOST)
    return _part_beyond(current, background * light, step), False


def _part_beyond(one: Thumbnail, other: Thumbnail, step: float) -> float:
    return float(np.count_nonzero(cv2.absdiff(one, other) > step)) / one.size


def _median(values: NDArray[np.floating]) -> float:
    middle = values.size // 2
    return float(np.partition(values, middle, axis=None)[middle])
