"""Dominant colours: what is counted, under which names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.colours import LEAST, MOST, NAMED, Pixels, dominant, lab, named, nearest_css

PIXELS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 200), st.just(3)))


def of(*parts: tuple[int, int, int, int]) -> Pixels:
    """So many pixels of each red, green and blue."""
    return np.concatenate([np.full((count, 3), (blue, green, red), np.uint8) for count, red, green, blue in parts])


def test_shares_are_counted_and_the_commonest_comes_first() -> None:
    found = dominant(of((25, 200, 30, 30), (70, 30, 60, 200), (5, 255, 255, 255)))
    assert [colour[:3] for colour in found] == [(30, 60, 200), (200, 30, 30), (255, 255, 255)]
    assert [colour.percent for colour in found] == pytest.approx([70, 25, 5])
    assert [colour.simple for colour in found] == ["blue", "red", "white"]


def test_all_named_colours_of_css_are_their_own_nearest() -> None:
    css, simple, tones = named()
    assert len(css) == len(set(css)) == 139  # 148 names, of which nine are second names
    assert len(NAMED) == len(set(simple)) == 12
    assert [css[row] for row in nearest_css(tones)] == list(css)


@pytest.mark.parametrize(
    ("pixel", "css", "simple"),
    [
        ((0, 0, 0), "black", "black"),
        ((255, 0, 0), "red", "red"),
        ((47, 79, 79), "darkslategrey", "grey"),  # as Rekognition was seen to name these three
        ((85, 107, 47), "darkolivegreen", "green"),
        ((105, 105, 105), "dimgrey", "grey"),
        ((139, 69, 19), "saddlebrown", "brown"),
        ((253, 252, 254), "white", "white"),
        ((50, 60, 110), "darkslateblue", "blue"),
        ((250, 100, 180), "hotpink", "pink"),
    ],
)
def test_a_colour_has_the_name_it_looks_like(pixel: tuple[int, int, int], css: str, simple: str) -> None:
    (found,) = dominant(of((1, *pixel)))
    assert found == (*pixel, css, simple, 100.0)


def test_cielab_is_the_one_of_the_textbook() -> None:
    """Black, white, and sRGB red under D65: L* 53.24, a* 80.09, b* 67.20."""
    tones = lab(of((1, 0, 0, 0), (1, 255, 255, 255), (1, 255, 0, 0)))
    assert tones == pytest.approx(np.array([[0, 0, 0], [100, 0, 0], [53.24, 80.09, 67.20]]), abs=0.05)


def test_a_little_of_a_colour_is_not_dominant() -> None:
    assert [colour.css for colour in dominant(of((995, 0, 0, 0), (5, 255, 0, 0)))] == ["black"]


def test_there_are_twelve_at_most() -> None:
    css, _, _ = named()
    codes = [text.split()[1] for text in NAMED.values()] + ["ff0000", "00ff00", "808080"]
    assert len(dominant(of(*((10, *bytes.fromhex(code)) for code in codes)))) == MOST
    assert "lime" in css


@given(PIXELS)
def test_each_colour_is_one_of_the_pixels_and_bears_its_own_name(pixels: Pixels) -> None:
    there = {tuple(pixel) for pixel in pixels[:, ::-1].tolist()}
    found = dominant(pixels)
    for colour in found:
        assert colour[:3] in there
        assert dominant(of((1, *colour[:3])))[0].css == colour.css
        assert colour.percent >= LEAST
    assert sum(colour.percent for colour in found) <= 100 + 1e-6
    assert [colour.percent for colour in found] == sorted((colour.percent for colour in found), reverse=True)


@given(PIXELS, st.randoms())
def test_the_order_of_pixels_does_not_matter(pixels: Pixels, random: object) -> None:
    order = list(range(len(pixels)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert dominant(pixels[order]) == dominant(pixels)
