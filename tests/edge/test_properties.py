"""What a picture is like as a whole, where objects are, and behind them."""

from __future__ import annotations

import time

import numpy as np
import pytest

from edge import pictures
from edge.findings import Colour, Quality
from edge.values import Box, Image
from edge.vision.properties import properties

RED, BLUE = (0, 0, 255), (255, 0, 0)  # BGR; lumas 76 and 29


def red_on_blue() -> Image:
    image = np.full((60, 120, 3), BLUE, np.uint8)  # few enough pixels that every one is counted
    image[12:42, 24:84] = RED
    return image


def test_the_whole_picture_without_objects() -> None:
    found = properties(red_on_blue())
    assert found.foreground is None
    assert found.background is None
    assert [(colour.css, colour.percent) for colour in found.colours] == [("blue", 75.0), ("red", 25.0)]
    assert found.quality.brightness == pytest.approx((0.75 * 29 + 0.25 * 76) / 2.55)
    assert found.quality.contrast == pytest.approx((0.75 * 0.25) ** 0.5 * (76 - 29) / 1.275)
    assert found.quality.sharpness == pytest.approx(100)


def test_what_lies_in_a_box_is_the_foreground() -> None:
    found = properties(red_on_blue(), [Box(0.2, 0.2, 0.7, 0.7)])
    assert found.foreground is not None
    assert found.background is not None
    assert found.foreground.colours == (Colour(255, 0, 0, "#ff0000", "red", "red", 100.0),)
    assert found.background.colours == (Colour(0, 0, 255, "#0000ff", "blue", "blue", 100.0),)
    assert found.foreground.quality == Quality(pytest.approx(76 / 2.55), 0.0, 0.0)
    assert found.background.quality == Quality(pytest.approx(29 / 2.55), 0.0, 0.0)


def test_boxes_that_cover_everything_leave_no_background() -> None:
    found = properties(red_on_blue(), [Box(-0.1, 0.0, 0.6, 1.0), Box(0.5, 0.0, 1.2, 1.0)])
    assert found.background is None
    assert found.foreground is not None
    assert found.foreground.colours == found.colours


def test_a_box_outside_the_picture_holds_nothing() -> None:
    assert properties(red_on_blue(), [Box(1.1, 0.0, 1.5, 1.0), Box(-0.5, 0.2, -0.1, 0.6)]).foreground is None


def test_thin_boxes_in_a_large_picture() -> None:
    image = np.zeros((1080, 1920, 3), np.uint8)
    image[500:501] = RED
    found = properties(image, [Box(0.0, 500 / 1080, 1.0, 501 / 1080)])
    assert found.foreground is not None
    assert [colour.css for colour in found.foreground.colours] == ["red"]
    assert [colour.css for colour in found.colours] == ["black"]


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 2)])
def test_the_smallest_pictures(size: tuple[int, int]) -> None:
    found = properties(np.zeros((*size, 3), np.uint8), [Box(0.0, 0.0, 1.0, 1.0)])
    assert found.quality == Quality(0.0, 0.0, 0.0)
    assert found.colours == (Colour(0, 0, 0, "#000000", "black", "black", 100.0),)


def test_shares_of_a_large_picture_are_right_within_a_percent() -> None:
    image = np.zeros((1080, 1920, 3), np.uint8)
    image[:, :960] = (200, 60, 30)
    image[:270, 960:] = (255, 255, 255)
    shares = {colour.simple: colour.percent for colour in properties(image).colours}
    assert shares == pytest.approx({"blue": 50, "black": 37.5, "white": 12.5}, abs=1)


def test_stripes_of_one_pixel_do_not_fool_the_sampling() -> None:
    image = np.zeros((1000, 2000, 3), np.uint8)
    image[:, ::2] = 255
    found = properties(image)
    assert found.quality.contrast == pytest.approx(100)
    assert {colour.css: colour.percent for colour in found.colours} == pytest.approx({"white": 50, "black": 50}, abs=1)


@pytest.mark.usefixtures("photos")
def test_a_photo_mirrored(photos) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    image = pictures.read(photos("chelsea.png")[0])
    box = Box(0.3, 0.1, 0.9, 0.8)
    one = properties(image, [box])
    other = properties(np.ascontiguousarray(image[:, ::-1]), [Box(1 - box.x2, box.y1, 1 - box.x1, box.y2)])
    assert one.foreground is not None
    assert other.foreground is not None
    for mine, theirs in ((one, other), (one.foreground, other.foreground)):
        assert vars_of(mine.quality) == pytest.approx(vars_of(theirs.quality), abs=1.5)
        assert mine.colours[0].css == theirs.colours[0].css


def vars_of(quality: Quality) -> tuple[float, float, float]:
    return quality.brightness, quality.sharpness, quality.contrast


def test_a_full_hd_picture_takes_milliseconds() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3)).astype(np.uint8)
    properties(image)
    took = []
    for _ in range(5):
        started = time.perf_counter()
        properties(image)
        took.append(time.perf_counter() - started)
    assert min(took) < 0.05  # 5 ms on a quiet computer
