"""Percent is a monotone, invertible reading of the cosine, through its two anchors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.similarity import LOWER, UPPER, cosine, cosine_at, percent

cosines = st.floats(-1.0, 1.0)


@pytest.mark.parametrize("anchor", [LOWER, UPPER])
def test_the_anchors_are_met(anchor: tuple[float, float]) -> None:
    assert percent(anchor[1]) == anchor[0]
    assert cosine(anchor[0]) == pytest.approx(anchor[1], abs=2e-4)


@given(cosines, cosines)
def test_more_cosine_is_never_less_percent(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= percent(low) <= percent(high) <= 100.0


@given(st.floats(0.01, 100.0).map(lambda value: round(value, 2)))
def test_each_undoes_the_other(value: float) -> None:
    assert percent(cosine(value) + 1e-12) == value


@given(cosines)
def test_what_is_told_passes_a_threshold_of_what_is_told(one: float) -> None:
    assert one >= cosine(percent(one)) - 1e-12


def test_the_ends_accept_all_and_only_the_surest() -> None:
    assert cosine(0.0) == -1.0
    assert percent(1.0) == 100.0
    assert 0.6 < cosine(100.0) < 0.65


def test_a_rate_of_false_matches_has_its_cosine() -> None:
    assert cosine_at(1e-3) == pytest.approx(LOWER[1])
    assert cosine_at(1e-5) == pytest.approx(UPPER[1])
    assert cosine_at(1e-4) == pytest.approx(0.412)
    assert cosine_at(1e-30) == 1.0
