"""How much at once: requests of each key, requests in line, bytes of their bodies. Thread-safe, without a clock."""

from __future__ import annotations

from threading import Lock


class Quotas:
    """A bucket of tokens for each key: it holds one second's worth, one at least, and fills up at the key's rate."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._left: dict[str, tuple[float, float]] = {}  # tokens, and since when

    def take(self, key: str, rate: float, now: float) -> bool:
        """Whether this key may ask once more now; `rate` is in requests a second, 0 for as many as there may be."""
        if not rate:
            return True
        most = max(rate, 1.0)
        with self._lock:
            tokens, since = self._left.get(key, (most, now))
            tokens = min(tokens + max(now - since, 0.0) * rate, most)
            allowed = tokens >= 1.0
            self._left[key] = (tokens - allowed, now)
        return allowed


class Room:
    """So much fits, and no more: requests in work and in line, or bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = Lock()
        self._taken = 0

    @property
    def taken(self) -> int:
        return self._taken

    def take(self, amount: int = 1) -> bool:
        """False if it does not fit any more."""
        with self._lock:
            if self._taken + amount > self.size:
                return False
            self._taken += amount
        return True

    def give_back(self, amount: int = 1) -> None:
        with self._lock:
            self._taken -= amount
