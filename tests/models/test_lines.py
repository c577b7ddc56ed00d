"""The geometry of lines of text."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models import lines

SIDES = st.integers(1, 3000)


def rectangle(centre: tuple[float, float], width: float, height: float, degrees: float) -> NDArray[np.float32]:
    """Corners of text that runs `degrees` clockwise of rightwards."""
    turn = np.deg2rad(degrees)
    right, down = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    offsets = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    return np.array([centre + right * x * width / 2 + down * y * height / 2 for x, y in offsets], np.float32)


@given(SIDES, SIDES)
def test_the_detector_s_picture_is_bounded_and_found_back(height: int, width: int) -> None:
    fitted, placement = lines.fit(np.zeros((height, width, 3), np.uint8))
    assert fitted.shape[0] % lines.STEP == fitted.shape[1] % lines.STEP == 0
    assert min(fitted.shape[:2]) >= lines.LEAST
    assert max(fitted.shape[:2]) <= lines.LONG + lines.STEP
    assert fitted.shape[0] * fitted.shape[1] <= 1.2 * lines.PIXELS
    ends = np.array([[0, 0], [width, height]])
    fed = ends * (placement.scale_x, placement.scale_y) + (placement.offset_x, placement.offset_y)
    assert lines.restore(fed.astype(np.float32), placement) == pytest.approx(ends, abs=0.1)


def test_a_line_is_cut_straight_at_any_angle() -> None:
    upright = np.full((400, 400, 3), 255, np.uint8)
    upright[188:212, 100:200], upright[188:212, 200:300] = (255, 0, 0), (0, 0, 255)
    for degrees in (0, 30, 90, 180, 270):
        turned = cv2.warpAffine(upright, cv2.getRotationMatrix2D((199.5, 199.5), -degrees, 1.0), (400, 400))
        (strip,) = lines.cut(turned, rectangle((200, 200), 200, 24, degrees)[None])
        assert strip.shape == (lines.HEIGHT, 400, 3)
        assert np.abs(strip[8:-8, 16:180].mean(axis=(0, 1)) - (255, 0, 0)).max() < 8
        assert np.abs(strip[8:-8, 220:384].mean(axis=(0, 1)) - (0, 0, 255)).max() < 8


def test_large_letters_are_averaged_not_sampled() -> None:
    stripes = np.zeros((960, 960, 3), np.uint8)
    stripes[::2] = 255
    (strip,) = lines.cut(stripes, rectangle((480, 480), 960, 960, 0)[None])
    assert np.abs(strip.astype(int) - 128).max() < 16


def test_what_is_too_square_lies_as_most_do() -> None:
    tall = [rectangle((50.0 * place, 100), 20, 120, 0) for place in range(3)]
    square = rectangle((300, 300), 30, 28, 0)
    _, upright = lines.lay(np.array([*tall, square]))
    assert upright.all()
    corners, upright = lines.lay(np.array([rectangle((100, 100), 200, 20, 0), square]))
    assert not upright.any()
    assert np.array_equal(corners[1], square)


@given(st.lists(st.integers(12, lines.WIDEST), max_size=60))
def test_every_line_is_in_one_batch_of_bounded_size(widths: list[int]) -> None:
    groups = list(lines.batches(widths))
    assert sorted(place for group in groups for place in group) == list(range(len(widths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(widths[place] for place in group) <= lines.COLUMNS


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30, unique=True))
def test_characters_share_the_line_among_them(places: list[float]) -> None:
    middles = np.sort(places)
    begins, ends = lines.spans(middles)
    assert (begins[0], ends[-1]) == (0.0, 1.0)
    assert np.array_equal(begins[1:], ends[:-1])
    assert ((begins <= middles) & (middles <= ends)).all()


@given(st.integers(0, 359), st.permutations(range(6)))
def test_a_page_is_read_in_rows_however_it_is_turned(degrees: int, shuffled: list[int]) -> None:
    turn = np.deg2rad(degrees)
    page = [(x, y) for y in (-100, 0, 100) for x in (-150, 150)]
    about = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = [rectangle(tuple(about @ place + 500), 200, 30, degrees) for place in page]
    order = lines.reading_order(np.array([corners[place] for place in shuffled]))
    assert [shuffled[place] for place in order] == list(range(6))


def test_no_lines_have_no_order() -> None:
    assert lines.reading_order(np.zeros((0, 4, 2), np.float32)) == []


@given(st.floats(0, 1), st.floats(0, 1))
def test_part_of_a_line_lies_on_it(one: float, other: float) -> None:
    line = rectangle((200, 200), 180, 20, 25)
    start, end = sorted((one, other))
    outline = line.reshape(-1, 1, 2)
    for x, y in lines.part(line, start, end):
        assert cv2.pointPolygonTest(outline, (x, y), measureDist=True) > -0.01


def test_a_share_is_measured_in_area() -> None:
    word = np.array([(0.2, 0.2), (0.4, 0.2), (0.4, 0.3), (0.2, 0.3)])
    half = np.array([(0.3, 0.0), (1.0, 0.0), (1.0, 1.0), (0.3, 1.0)])
    assert lines.share(word, half) == pytest.approx(0.5, abs=0.1)
    assert lines.share(word, word + 0.5) == 0.0
    assert lines.share(word, np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])) == 1.0
