"""Unit vectors as one byte a dimension, scanned with integer products; the few that can matter are compared exactly.

A row is stored as codes of -127..127 and a scale, which lose a *residual* of known length. The cosine read from the
codes is off by at most the residuals' lengths, of the longest row's and the probe's (Cauchy and Schwarz). So every row
whose rough cosine is further than that *slack* below the last exact cosine found cannot be among the best: what
`search` returns is what comparing every vector would have returned, as a proof and not as a probability.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.collections.index import Keys, best
from edge.collections.records import Vector

Codes = NDArray[np.int8]
# Keys and a probe to the keys that are still there and their exact cosines, in any order.
Compare = Callable[[Keys, Vector], tuple[Keys, Vector]]

TOP = 127  # the code of a row's largest entry; -128 stays unused, so every product fits any back end
BLOCK = 65_536  # rows allocated at a time
SPARE = 16  # rows compared beyond those asked for, which is mostly enough to end the search
GROUPS = 16  # for each row sought: so many make it rare that two of the best share one
ROUNDING = 1e-5  # of float32: of products, and of vectors that are not quite of unit length


class Encoded(NamedTuple):
    """Codes [N,dimensions] and scales [N] of rows, and the length of the longest residual."""

    codes: Codes
    scales: Vector
    residual: float


@dataclass(frozen=True, slots=True)
class Block:
    """Room for BLOCK rows; memory is taken as they are filled, and never moved."""

    codes: Codes
    scales: Vector
    keys: Keys

    @classmethod
    def empty(cls, dimensions: int) -> Block:
        return cls(np.zeros((BLOCK, dimensions), np.int8), np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.int64))


class Compact:
    """A Searchable that holds about a byte a dimension, and asks `compare` for the exact cosines of a few rows."""

    def __init__(self, dimensions: int, compare: Compare) -> None:
        self._dimensions = dimensions
        self._compare = compare
        self._blocks: list[Block] = []
        self._count = 0
        self._residual = 0.0  # the longest of any row

    def __len__(self) -> int:
        return self._count

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def keys(self) -> Keys:
        return np.concatenate([np.zeros(0, np.int64), *(block.keys for block in self._blocks)])[: self._count]

    def add(self, keys: Keys, vectors: Vector) -> None:
        self.add_encoded(keys, encode(vectors))

    def add_encoded(self, keys: Keys, encoded: Encoded) -> None:
        """Append rows that were encoded before."""
        codes, scales, residual = encoded
        self._residual = max(self._residual, residual)
        while len(keys):
            number, row = divmod(self._count, BLOCK)
            if number == len(self._blocks):
                self._blocks.append(Block.empty(self._dimensions))
            block, part = self._blocks[number], slice(row, min(row + len(keys), BLOCK))
            taken = part.stop - row
            block.codes[part], block.scales[part], block.keys[part] = codes[:taken], scales[:taken], keys[:taken]
            self._count += taken
            codes, scales, keys = codes[taken:], scales[taken:], keys[taken:]

    def drop(self, keys: Keys) -> None:
        """The last row moves into each gap."""
        for gap in np.flatnonzero(np.isin(self.keys, keys))[::-1].tolist():
            self._count -= 1
            (target, to), (source, last) = self._place(gap), self._place(self._count)
            target.keys[to], target.scales[to], target.codes[to] = (
                source.keys[last],
                source.scales[last],
                source.codes[last],
            )
            source.codes[last] = 0
        del self._blocks[-(-self._count // BLOCK) :]

    def search(self, vector: Vector, limit: int, floor: float = -2.0) -> tuple[Keys, Vector]:
        if not self._count:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        rough, slack = self._scan(vector)
        # No row whose rough cosine is below the floor by more than the slack can be one that is asked for.
        cut = max(_reached(rough, min(limit + SPARE, self._count)), floor - slack)
        while True:
            chosen = np.flatnonzero(rough >= cut)
            keys, cosines = best(*self._compare(self._keys_at(chosen), vector), limit)
            bar = max(floor, float(cosines[-1])) if len(keys) == limit else floor
            if cut <= bar - slack or len(chosen) == self._count:
                break  # any other row's cosine is below cut + slack, and so below the last one that was found
            cut = bar - slack
        high_enough = cosines >= floor
        return keys[high_enough], cosines[high_enough]

    def _scan(self, probe: Vector) -> tuple[Vector, float]:
        """The rough cosine of every row, and by how much one can be wrong."""
        from numkong import cdist

        codes, scales, residual = encode(probe[None])
        rough = np.empty(self._count, np.float32)
        for number, block in enumerate(self._blocks):
            there = rough[number * BLOCK : (number + 1) * BLOCK]
            products = cdist(codes, block.codes[: len(there)], "dot", out_dtype="float32")
            np.multiply(np.asarray(products)[0], block.scales[: len(there)], out=there)
        rough *= scales[0]
        return rough, self._residual + residual * (1.0 + self._residual) + ROUNDING

    def _place(self, position: int) -> tuple[Block, int]:
        number, row = divmod(position, BLOCK)
        return self._blocks[number], row

    def _keys_at(self, positions: NDArray[np.intp]) -> Keys:
        places = [self._place(position) for position in positions.tolist()]
        return np.array([block.keys[row] for block, row in places], np.int64)


def encode(vectors: Vector) -> Encoded:
    """Of float32 [N,dimensions], rows of unit length."""
    scales = np.maximum(vectors.max(axis=1), -vectors.min(axis=1)) / np.float32(TOP)
    steps = np.rint(vectors / scales[:, None])
    codes = steps.astype(np.int8)
    residuals = np.subtract(np.multiply(steps, scales[:, None], out=steps), vectors, out=steps)
    return Encoded(codes, scales, float(np.sqrt(np.einsum("ij,ij->i", residuals, residuals).max(initial=0.0))))


def _reached(rough: Vector, count: int) -> float:
    """A value that at least `count` entries reach, and mostly hardly more: found among the highest of many groups."""
    group = max(len(rough) // (GROUPS * count), 1)
    highest = rough[: len(rough) // group * group].reshape(-1, group).max(axis=1)
    return float(np.partition(highest, -count)[-count])
