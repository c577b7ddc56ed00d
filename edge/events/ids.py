"""UUIDv7 (RFC 9562): ids that sort by age, also when the clock jumps back while the process lives."""

from __future__ import annotations

import secrets
import threading
import time

COUNTER_BITS = 12
START_BITS = 11  # a new millisecond starts in the counter's lower half, so that there is room to count


class Ids:
    """Gives strictly ascending ids to any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ms = 0
        self._counter = 0

    def take(self) -> str:
        with self._lock:
            ms, counter = self._advance(time.time_ns() // 1_000_000)
        return layout(ms, counter, secrets.randbits(62))

    def _advance(self, now: int) -> tuple[int, int]:
        if now > self._ms:
            self._ms, self._counter = now, secrets.randbits(START_BITS)
        elif self._counter + 1 < 1 << COUNTER_BITS:
            self._counter += 1
        else:
            self._ms, self._counter = self._ms + 1, secrets.randbits(START_BITS)
        return self._ms, self._counter


def layout(ms: int, counter: int, noise: int) -> str:
    """48 bits of Unix milliseconds, the version, 12 bits of counter, the variant, 62 bits of noise."""
    value = (ms & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | noise
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
