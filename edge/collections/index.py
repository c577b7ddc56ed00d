"""Unit vectors in one contiguous matrix, searched exactly with one matrix product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.collections.records import Vector

Keys = NDArray[np.int64]

FIRST_ROWS = 256
GROWTH = 1.5  # of the matrix when it is full: appending N rows copies fewer than 3 N


class Index:
    """Rows under integer keys. Not thread-safe: who shares it brings a lock."""

    def __init__(self, dimensions: int) -> None:
        self._rows = np.zeros((FIRST_ROWS, dimensions), np.float32)
        self._keys = np.zeros(FIRST_ROWS, np.int64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def dimensions(self) -> int:
        return int(self._rows.shape[1])

    def add(self, keys: Keys, vectors: Vector) -> None:
        """Append `vectors` [N, dimensions] of unit length under keys that are not there yet."""
        end = self._count + len(keys)
        if end > len(self._keys):
            self._grow(max(end, int(len(self._keys) * GROWTH)))
        self._rows[self._count : end] = vectors
        self._keys[self._count : end] = keys
        self._count = end

    def retain(self, keys: Keys) -> None:
        """Drop every row whose key is not among `keys`; the last rows move into the gaps."""
        kept = np.isin(self._keys[: self._count], keys)
        count = int(kept.sum())
        gaps = np.flatnonzero(~kept[:count])
        movers = np.flatnonzero(kept[count:]) + count
        self._rows[gaps] = self._rows[movers]
        self._keys[gaps] = self._keys[movers]
        self._rows[count : self._count] = 0.0  # a deleted face leaves memory too
        self._count = count

    def search(self, vector: Vector, limit: int, floor: float = -2.0) -> tuple[Keys, Vector]:
        """Keys and cosines of at most `limit` rows with a cosine of `floor` or more, best first."""
        cosines = self._rows[: self._count] @ vector
        found = np.flatnonzero(cosines >= floor) if floor > -1.0 else np.arange(self._count)
        if len(found) > limit:
            found = found[np.argpartition(-cosines[found], limit - 1)[:limit]]
        order = found[np.lexsort((self._keys[found], -cosines[found]))]
        return self._keys[order], cosines[order]

    def _grow(self, capacity: int) -> None:
        rows = np.zeros((capacity, self.dimensions), np.float32)
        keys = np.zeros(capacity, np.int64)
        rows[: self._count] = self._rows[: self._count]
        keys[: self._count] = self._keys[: self._count]
        self._rows, self._keys = rows, keys
