"""Who was refused without having proven who it is: counted for each reason, and told of now and then.

A record for each would let anybody fill the audit; none would hide who tries keys. Thread-safe, and without a clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from threading import Lock

from edge.api.messages import Head

EVERY = 60.0  # seconds between two records of the same reason
FEW = 5  # addresses and key ids that are named
LONGEST = 128  # characters of a key id, as in the service model
CLAIMED = re.compile(r"Credential=([^/,\s]*)")


@dataclass(slots=True)
class Refused:
    """So many of one reason since a time (epoch seconds), from these addresses with these key ids, or FEW of them."""

    code: str
    since: float
    count: int = 0
    addresses: list[str] = field(default_factory=list)
    key_ids: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        many = f"{self.count} requests were" if self.count > 1 else "1 request was"
        more = " and maybe others" if len(self.addresses) == FEW else ""
        return f"{many} refused with {self.code}, from {', '.join(self.addresses) or 'somewhere'}{more}"


class Refusals:
    def __init__(self) -> None:
        self._lock = Lock()
        self._counted: dict[str, Refused] = {}  # by reason: of those there are a few
        self._told: dict[str, float] = {}

    def count(self, code: str, head: Head, now: float) -> None:
        claimed = CLAIMED.search(head.get("authorization"))
        with self._lock:
            refused = self._counted.setdefault(code, Refused(code, now))
            refused.count += 1
            _name(refused.addresses, head.address)
            _name(refused.key_ids, claimed[1][:LONGEST] if claimed else "")

    def due(self, moment: float, every: float = EVERY) -> list[Refused]:
        """What is to be told at a moment of a clock that is never set: no reason more often than `every` seconds."""
        with self._lock:
            codes = [code for code in self._counted if moment - self._told.get(code, float("-inf")) >= every]
            self._told |= dict.fromkeys(codes, moment)
            return [self._counted.pop(code) for code in codes]


def _name(names: list[str], name: str) -> None:
    if name and name not in names and len(names) < FEW:
        names.append(name)
