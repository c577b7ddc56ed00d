"""Unit vectors in one contiguous matrix, searched exactly with one matrix product."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.collections.records import Vector

Keys = NDArray[np.int64]

FIRST_ROWS = 256
GROWTH = 1.5  # of the matrix when it is full: appending N rows copies fewer than 3 N


class Searchable(Protocol):
    """Unit vectors under integer keys. Not thread-safe: who shares them brings a lock."""

    def __len__(self) -> int: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def keys(self) -> Keys:
        """Of every row, in no order."""

    def add(self, keys: Keys, vectors: Vector) -> None:
        """Append `vectors` [N, dimensions] of unit length under keys that are not there yet."""

    def drop(self, keys: Keys) -> None:
        """Forget these rows, so that nothing of them stays in memory; keys that are not there are left out."""

    def search(self, vector: Vector, limit: int, floor: float = -2.0) -> tuple[Keys, Vector]:
        """Keys and cosines of at most `limit` rows with a cosine of `floor` or more, best first."""


class Index:
    """A Searchable of float vectors, for as many as one may hold in full."""

    def __init__(self, dimensions: int) -> None:
        self._rows = np.zeros((FIRST_ROWS, dimensions), np.float32)
        self._keys = np.zeros(FIRST_ROWS, np.int64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def dimensions(self) -> int:
        return int(self._rows.shape[1])

    @property
    def keys(self) -> Keys:
        return self._keys[: self._count]

    @property
    def rows(self) -> Vector:
        """[N, dimensions], in the order of `keys`."""
        return self._rows[: self._count]

    def add(self, keys: Keys, vectors: Vector) -> None:
        end = self._count + len(keys)
        if end > len(self._keys):
            self._grow(max(end, int(len(self._keys) * GROWTH)))
        self._rows[self._count : end] = vectors
        self._keys[self._count : end] = keys
        self._count = end

    def drop(self, keys: Keys) -> None:
        """The last rows move into the gaps."""
        kept = np.isin(self.keys, keys, invert=True)
        count = int(kept.sum())
        gaps = np.flatnonzero(~kept[:count])
        movers = np.flatnonzero(kept[count:]) + count
        self._rows[gaps] = self._rows[movers]
        self._keys[gaps] = self._keys[movers]
        self._rows[count : self._count] = 0.0
        self._count = count

    def search(self, vector: Vector, limit: int, floor: float = -2.0) -> tuple[Keys, Vector]:
        cosines = self.rows @ vector
        found = np.flatnonzero(cosines >= floor) if floor > -1.0 else np.arange(self._count)
        return best(self._keys[found], cosines[found], limit)

    def _grow(self, capacity: int) -> None:
        rows = np.zeros((capacity, self.dimensions), np.float32)
        keys = np.zeros(capacity, np.int64)
        rows[: self._count] = self.rows
        keys[: self._count] = self.keys
        self._rows, self._keys = rows, keys


def best(keys: Keys, cosines: Vector, limit: int) -> tuple[Keys, Vector]:
    """The `limit` rows of the highest cosines, in their order."""
    if len(keys) > limit:
        chosen = np.argpartition(-cosines, limit - 1)[:limit]
        keys, cosines = keys[chosen], cosines[chosen]
    order = np.lexsort((keys, -cosines))
    return keys[order], cosines[order]
