"""Characters out of the steps along a line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decode import ctc
from models.manifest import Decode
from models.outputs import Glyphs

SPACE = 9
HOW = Decode(name="ctc", index=SPACE)
# A character's class, how many steps it lasts, and how many blanks follow.
STEPS = st.lists(st.tuples(st.integers(1, SPACE - 1), st.integers(1, 3), st.integers(0, 3)), max_size=20)


def read(classes: list[list[int]], spaces: list[list[float]] | None = None) -> Glyphs:
    steps = np.array(classes, np.float32)
    none = np.zeros_like(steps) if spaces is None else np.array(spaces, np.float32)
    return ctc.decode({"classes": steps, "scores": np.full_like(steps, 0.75), "spaces": none}, HOW, 0.0)


def test_repeats_are_one_character_unless_a_blank_parts_them() -> None:
    glyphs = read([[0, 3, 3, 0, 3, 5, 5, 0], [0, 0, 0, 0, 0, 0, 0, 2]])
    assert glyphs.lines.tolist() == [0, 0, 0, 1]
    assert glyphs.classes.tolist() == [2, 2, 4, 1]
    assert glyphs.places == pytest.approx([2 / 8, 4.5 / 8, 6 / 8, 7.5 / 8])
    assert glyphs.scores == pytest.approx([0.75] * 4)


def test_a_line_of_blanks_has_no_characters() -> None:
    assert not len(read([[0, 0, 0]]).classes)


def test_a_space_that_is_second_to_nothing_is_heard() -> None:
    glyphs = read([[4, 0, 4, 0, 4]], [[0.3, 0.2, 0.0, 0.05, 0.0]])
    assert glyphs.classes.tolist() == [3, SPACE - 1, 3, 3]
    assert glyphs.scores[1] == pytest.approx(0.2)


@given(st.lists(STEPS, min_size=1, max_size=4))
def test_what_was_written_is_read(lines: list[list[tuple[int, int, int]]]) -> None:
    written = []
    for line in lines:
        steps: list[int] = []
        for kind, lasts, blanks in line:
            steps += [0] * (bool(steps) and steps[-1] == kind) + [kind] * lasts + [0] * blanks
        written.append(steps)
    longest = max(1, *map(len, written), 1)
    glyphs = read([steps + [0] * (longest - len(steps)) for steps in written])
    for row, line in enumerate(lines):
        mine = glyphs.lines == row
        assert (glyphs.classes[mine] + 1).tolist() == [kind for kind, _, _ in line]
        assert (np.diff(glyphs.places[mine]) > 0).all()
        assert ((glyphs.places[mine] > 0) & (glyphs.places[mine] < 1)).all()
