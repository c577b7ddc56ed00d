"""Both kinds of index find what brute force finds, whatever was added and dropped before."""

from unittest.mock import patch

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.collections import compact
from edge.collections.compact import Compact
from edge.collections.index import FIRST_ROWS, Index, Keys, Searchable
from edge.collections.records import Vector

DIMENSIONS = 8


def units(seed: int, count: int) -> Vector:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSIONS), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)  # type: ignore[no-any-return]


class AgainstBruteForce(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.truth: dict[int, Vector] = {}
        self.next_key = 1
        self.index = self.make()

    def make(self) -> Searchable:
        raise NotImplementedError

    @rule(seed=st.integers(0, 2**32 - 1), count=st.integers(0, FIRST_ROWS))
    def add(self, seed: int, count: int) -> None:
        vectors = units(seed, count)
        keys = np.arange(self.next_key, self.next_key + count)
        self.index.add(keys, vectors)
        self.truth.update(zip(keys.tolist(), vectors, strict=True))
        self.next_key += count

    @rule(seed=st.integers(0, 2**32 - 1), part=st.sampled_from([0.0, 0.01, 0.5, 0.9, 1.0]))
    def drop(self, seed: int, part: float) -> None:
        drawn = np.random.default_rng(seed).random(len(self.truth))
        gone = [key for key, value in zip(list(self.truth), drawn, strict=True) if value < part]
        self.index.drop(np.array([*gone, self.next_key], np.int64))
        for key in gone:
            del self.truth[key]

    @rule(seed=st.integers(0, 2**32 - 1), limit=st.integers(1, 40), floor=st.sampled_from([-2.0, -0.2, 0.3, 0.8]))
    def search(self, seed: int, limit: int, floor: float) -> None:
        probe = units(seed, 1)[0]
        keys, cosines = self.index.search(probe, limit, floor)
        expected = {key: float(vector @ probe) for key, vector in self.truth.items() if vector @ probe >= floor}
        best = sorted(expected, key=lambda key: -expected[key])[:limit]
        assert keys.tolist() == best or np.allclose(cosines, [expected[key] for key in best], atol=1e-6)
        assert np.allclose(cosines, [expected[key] for key in keys.tolist()], atol=1e-6)

    @invariant()
    def keys_are_kept(self) -> None:
        assert len(self.index) == len(self.truth)
        assert sorted(self.index.keys.tolist()) == list(self.truth)


class Floats(AgainstBruteForce):
    index: Index

    def make(self) -> Index:
        return Index(DIMENSIONS)

    @invariant()
    def nothing_dropped_stays_in_memory(self) -> None:
        assert not self.index._rows[len(self.truth) :].any()


class Bytes(AgainstBruteForce):
    """In blocks so small that rows move from one to another."""

    index: Compact

    def make(self) -> Compact:
        self.patched = patch.object(compact, "BLOCK", 100)
        self.patched.start()
        return Compact(DIMENSIONS, self.compare)

    def teardown(self) -> None:
        self.patched.stop()

    def compare(self, keys: Keys, vector: Vector) -> tuple[Keys, Vector]:
        return keys, np.array([self.truth[key] @ vector for key in keys.tolist()], np.float32)

    @invariant()
    def nothing_dropped_stays_in_memory(self) -> None:
        codes = np.concatenate([np.zeros((0, DIMENSIONS), np.int8), *(block.codes for block in self.index._blocks)])
        assert codes[: len(self.truth)].any(axis=1).all()
        assert not codes[len(self.truth) :].any()
        assert len(self.index._blocks) == -(-len(self.truth) // 100)


MANY = settings(max_examples=40, stateful_step_count=12, deadline=None)
Floats.TestCase.settings = Bytes.TestCase.settings = MANY
TestFloats = Floats.TestCase
TestBytes = Bytes.TestCase


def test_growing_copies_rarely() -> None:
    index, capacities = Index(DIMENSIONS), set()
    for key in range(5_000):
        index.add(np.array([key]), units(key, 1))
        capacities.add(len(index._keys))
    assert len(capacities) <= 9
