"""The matrix finds what brute force finds, whatever was added and dropped before."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.collections.index import FIRST_ROWS, Index
from edge.collections.records import Vector

DIMENSIONS = 8


def units(seed: int, count: int) -> Vector:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSIONS), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)  # type: ignore[no-any-return]


class AgainstBruteForce(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.index = Index(DIMENSIONS)
        self.truth: dict[int, Vector] = {}
        self.next_key = 1

    @rule(seed=st.integers(0, 2**32 - 1), count=st.integers(0, FIRST_ROWS))
    def add(self, seed: int, count: int) -> None:
        vectors = units(seed, count)
        keys = np.arange(self.next_key, self.next_key + count)
        self.index.add(keys, vectors)
        self.truth.update(zip(keys.tolist(), vectors, strict=True))
        self.next_key += count

    @rule(seed=st.integers(0, 2**32 - 1), part=st.sampled_from([0.0, 0.1, 0.5, 0.99, 1.0]))
    def retain(self, seed: int, part: float) -> None:
        drawn = np.random.default_rng(seed).random(len(self.truth))
        self.truth = {key: self.truth[key] for key, value in zip(list(self.truth), drawn, strict=True) if value < part}
        self.index.retain(np.array(list(self.truth), np.int64))

    @rule(seed=st.integers(0, 2**32 - 1), limit=st.integers(1, 40), floor=st.sampled_from([-2.0, -0.2, 0.3, 0.8]))
    def search(self, seed: int, limit: int, floor: float) -> None:
        probe = units(seed, 1)[0]
        keys, cosines = self.index.search(probe, limit, floor)
        expected = {key: float(vector @ probe) for key, vector in self.truth.items() if vector @ probe >= floor}
        best = sorted(expected, key=lambda key: -expected[key])[:limit]
        assert keys.tolist() == best or np.allclose(cosines, [expected[key] for key in best], atol=1e-6)
        assert np.allclose(cosines, [expected[key] for key in keys.tolist()], atol=1e-6)

    @invariant()
    def nothing_dropped_stays_in_memory(self) -> None:
        assert len(self.index) == len(self.truth)
        assert not self.index._rows[len(self.truth) :].any()


AgainstBruteForce.TestCase.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)
TestIndex = AgainstBruteForce.TestCase


def test_growing_copies_rarely() -> None:
    index, capacities = Index(DIMENSIONS), set()
    for key in range(5_000):
        index.add(np.array([key]), units(key, 1))
        capacities.add(len(index._keys))
    assert len(capacities) <= 9
