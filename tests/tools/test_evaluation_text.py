"""How text is held against what is written: edits, entries without a place, and what is drawn."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from evaluation import rendered
from evaluation.text import Tally, edits, nearest, plain

WORDS = st.text("abc ", max_size=8)


def plainly(one: str, other: str) -> int:
    if not one or not other:
        return len(one) + len(other)
    replaced = plainly(one[1:], other[1:]) + (one[0] != other[0])
    return replaced if one[0] == other[0] else min(replaced, plainly(one[1:], other) + 1, plainly(one, other[1:]) + 1)


@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_edits_are_levenshtein_s(one: str, other: str) -> None:
    assert edits(one, other) == plainly(one, other)


@given(WORDS, WORDS, WORDS)
def test_edits_are_a_distance(one: str, other: str, third: str) -> None:
    assert edits(one, other) == edits(other, one)
    assert (edits(one, other) == 0) == (one == other)
    assert edits(one, third) <= edits(one, other) + edits(other, third)


def test_an_entry_is_given_to_one_text_only() -> None:
    tally = Tally()
    nearest(tally, ["NO", "PARKING", "NO"], ["PARKING", "no"])
    assert (tally.entries, tally.right, tally.edits, tally.characters) == (3, 2, 4, 11)
    assert plain("Straße 24.") == plain("STRASSE 24")


def test_the_same_seed_draws_the_same() -> None:
    if not hasattr(cv2, "FontFace"):
        pytest.skip("OpenCV 4 brings no letters with accents")
    for draw in (rendered.scene, rendered.page):
        (one, said), (other, again) = draw(3), draw(3)
        assert np.array_equal(one, other)
        assert said == again
        assert not np.array_equal(one, draw(4)[0])
