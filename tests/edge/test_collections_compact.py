"""Bytes stand in for floats, and nothing is lost by it: the bound holds, and what it lets through is compared."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numkong import cdist
from numpy.typing import NDArray

from edge.collections.compact import SPARE, TOP, Compact, encode
from edge.collections.index import Index, Keys
from edge.collections.records import Vector

DIMENSIONS = 128


def units(rows: NDArray[np.floating[Any]]) -> Vector:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)  # type: ignore[no-any-return]


def drawn(seed: int, count: int) -> Vector:
    return units(np.random.default_rng(seed).standard_normal((count, DIMENSIONS)))


class Exact:
    """The vectors themselves, and how many were asked for."""

    def __init__(self, vectors: Vector) -> None:
        self.there = dict(enumerate(vectors))
        self.asked: list[int] = []

    def __call__(self, keys: Keys, vector: Vector) -> tuple[Keys, Vector]:
        self.asked.append(len(keys))
        there = [key for key in keys.tolist() if key in self.there]
        return np.array(there, np.int64), np.array([self.there[key] @ vector for key in there], np.float32)


def both(vectors: Vector) -> tuple[Compact, Index, Exact]:
    exact = Exact(vectors)
    compact, index = Compact(vectors.shape[1], exact), Index(vectors.shape[1])
    for kind in (compact, index):
        kind.add(np.arange(len(vectors)), vectors)
    return compact, index, exact


entries = st.floats(-1.0, 1.0, width=32, allow_subnormal=False)
rows = arrays(np.float32, st.tuples(st.integers(2, 20), st.sampled_from([1, 3, 128])), elements=entries).filter(
    lambda drawn: bool((np.linalg.norm(drawn, axis=1) > 1e-3).all())
)


@given(rows)
def test_no_rough_cosine_is_further_off_than_the_slack(drawn: Vector) -> None:
    vectors, probe = units(drawn[1:]), units(drawn[:1])[0]
    rough, slack = both(vectors)[0]._scan(probe)
    assert np.abs(rough - vectors @ probe).max() <= slack


def test_the_slack_is_small_enough_to_be_of_use() -> None:
    _, slack = both(drawn(0, 1_000))[0]._scan(drawn(1, 1)[0])
    assert slack < 0.03


@pytest.mark.parametrize("spread", [1e-4, 1e-3, 1e-2, 1e-1])
def test_faces_too_alike_for_bytes_are_told_apart(spread: float) -> None:
    """All cosines lie within the slack of each other, or nearly so: only the exact ones can say who is first."""
    vectors = units(drawn(0, 1) + spread * drawn(1, 2_000))
    compact, index, exact = both(vectors)
    for probe in drawn(2, 10):
        (keys, cosines), (_, expected) = compact.search(probe, 5), index.search(probe, 5)
        assert cosines == pytest.approx(expected, abs=1e-6)
        # Two may be nearer to each other than float32 tells: then either may come first.
        assert vectors[keys].astype(np.float64) @ probe == pytest.approx(expected, abs=1e-6)
    assert max(exact.asked) > 5 + SPARE


def test_of_people_who_differ_few_are_compared() -> None:
    vectors = drawn(0, 20_000)
    compact, _, exact = both(vectors)
    for probe in units(vectors[:50] + 0.5 * drawn(1, 50)):
        compact.search(probe, 1)
    assert np.mean(exact.asked) < 100


def test_a_face_that_went_meanwhile_takes_nobody_s_place() -> None:
    vectors = drawn(0, 500)
    compact, index, exact = both(vectors)
    near = index.search(vectors[0], 100)[0]
    for key in near[:90].tolist():
        del exact.there[key]
    assert compact.search(vectors[0], 10)[0].tolist() == near[90:].tolist()


def test_codes_are_scaled_to_each_row() -> None:
    codes, scales, residual = encode(np.array([[0.5, -1.0], [0.001, 0.0]], np.float32))
    assert codes.tolist() == [[64, -127], [127, 0]]
    assert scales == pytest.approx([1 / TOP, 0.001 / TOP])
    assert residual == pytest.approx(64 / TOP - 0.5)


@pytest.mark.parametrize("dimensions", [1, 31, 128, 512, 1024])
def test_products_of_extreme_codes_are_exact(dimensions: int) -> None:
    codes = np.random.default_rng(0).integers(-TOP, TOP + 1, (100, dimensions), np.int8)
    codes[:2] = [[TOP], [-TOP]]
    products = np.asarray(cdist(codes[:3], codes, "dot", out_dtype="float32"))
    assert np.array_equal(products, codes[:3].astype(np.int64) @ codes.T.astype(np.int64))
