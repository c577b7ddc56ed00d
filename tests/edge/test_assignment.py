from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge.assignment import pair


def test_the_best_fit_is_served_first() -> None:
    rows, columns = pair(np.array([[0.9, 0.8], [0.85, 0.1]]), 0.2)
    assert (rows.tolist(), columns.tolist()) == ([0], [0])


def test_everyone_gets_one_where_there_is_enough() -> None:
    rows, columns = pair(np.array([[0.3, 0.8], [0.85, 0.5]]), 0.2)
    assert (rows.tolist(), columns.tolist()) == ([1, 0], [0, 1])


def test_nothing_fits() -> None:
    rows, columns = pair(np.full((2, 3), 0.1), 0.2)
    assert (len(rows), len(columns)) == (0, 0)


@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.floats(0, 1)))
def test_pairs_are_unique_and_no_fitting_pair_is_left_over(fit: np.ndarray) -> None:
    rows, columns = pair(fit, 0.4)
    assert len(set(rows.tolist())) == len(rows)
    assert len(set(columns.tolist())) == len(columns)
    assert (fit[rows, columns] >= 0.4).all()
    left = np.delete(np.delete(fit, rows, axis=0), columns, axis=1)
    assert (left < 0.4).all()
