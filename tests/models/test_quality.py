"""Brightness, sharpness and contrast, against values worked out with a pencil."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.quality import SAMPLE, Luma, quality, sharpness

LUMA = hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)))


def ramp(width: int, *, low: int = 0, high: int = 255, size: int = 40) -> Luma:
    """Dark on the left, light on the right, and `width` equal steps between."""
    line = np.concatenate([np.full(size // 2, low), np.linspace(low, high, width + 1)[1:-1], np.full(size // 2, high)])
    return np.tile(line.astype(np.uint8), (size, 1))


@pytest.mark.parametrize("level", [0, 51, 128, 255])
def test_one_tone(level: int) -> None:
    assert quality(np.full((30, 50), level, np.uint8)) == pytest.approx((100 * level / 255, 0, 0))


def test_black_beside_white_is_all_the_contrast_there_is() -> None:
    assert quality(ramp(1)) == pytest.approx((50, 100, 100))


def test_a_quarter_of_white() -> None:
    luma = np.zeros((40, 40), np.uint8)
    luma[:20, :20] = 255
    assert quality(luma) == pytest.approx((25, 100, 100 * 3**0.5 / 2))


@pytest.mark.parametrize(("width", "expected"), [(1, 100), (3, 75), (5, 50)])
def test_a_wider_edge_is_less_sharp(width: int, expected: float) -> None:
    assert sharpness(ramp(width)) == pytest.approx(expected)
    assert sharpness(ramp(width).T.copy()) == pytest.approx(expected)


def test_sharpness_is_of_an_edge_and_not_of_its_contrast() -> None:
    assert sharpness(ramp(3, low=100, high=130)) == pytest.approx(75)


def test_rounding_and_noise_are_no_edges() -> None:
    noise = 100 + np.random.default_rng(1).integers(0, 3, (60, 60)).astype(np.uint8)
    assert sharpness(noise) == 0
    assert sharpness(noise + 2 * ramp(1, high=9, size=60)) > 90


def test_nothing_is_sharper_than_a_hundred() -> None:
    line = np.zeros((40, 40), np.uint8)
    line[:, 20] = 255
    checkers = np.indices((40, 40)).sum(axis=0).astype(np.uint8) % 2 * 255
    assert sharpness(line) == sharpness(checkers) == 100


def test_a_mask_chooses_the_pixels() -> None:
    luma = np.hstack([ramp(1), ramp(5, high=100)])
    left = np.zeros(luma.shape, np.bool_)
    left[:, :40] = True
    assert quality(luma, left) == pytest.approx(quality(luma[:, :40].copy()))
    assert quality(luma, left).sharpness == 100
    assert quality(luma, ~left).sharpness == pytest.approx(50, abs=4)


def test_a_large_picture_is_judged_by_some_of_its_lines() -> None:
    large = np.tile(ramp(3), (30, 30))
    assert large.size > 4 * SAMPLE
    assert quality(large) == pytest.approx(quality(np.tile(ramp(3), (5, 5))), abs=1.5)


@given(LUMA)
def test_all_three_are_percents(luma: Luma) -> None:
    assert all(0 <= value <= 100 + 1e-9 for value in quality(luma))


@given(LUMA)
def test_a_mirrored_or_turned_picture_is_the_same(luma: Luma) -> None:
    for other in (luma[::-1], luma[:, ::-1], luma.T):
        assert quality(np.ascontiguousarray(other)) == pytest.approx(quality(luma))


@given(LUMA, st.floats(0.1, 0.9))
def test_darker_is_less_bright_and_flatter_has_less_contrast(luma: Luma, part: float) -> None:
    darker = (luma * part).astype(np.uint8)
    flatter = np.rint(128 + (luma - 128.0) * part).astype(np.uint8)
    assert quality(darker).brightness <= quality(luma).brightness
    assert quality(flatter).contrast <= quality(luma).contrast + 0.4  # half a level of rounding


@given(st.integers(0, 2**32), st.floats(0.7, 3.0))
def test_blur_lowers_sharpness(seed: int, sigma: float) -> None:
    random = np.random.default_rng(seed)
    blocks = cv2.resize(random.integers(0, 256, (12, 12)).astype(np.uint8), (96, 96), interpolation=cv2.INTER_NEAREST)
    values = [sharpness(np.asarray(cv2.GaussianBlur(blocks, (0, 0), sigma * k), np.uint8)) for k in (1.0, 1.5, 2.25)]
    assert sharpness(np.asarray(blocks, np.uint8)) > values[0] > values[1] > values[2]
