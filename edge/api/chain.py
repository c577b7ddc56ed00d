"""Records chained by keyed hashes, in files of JSON Lines: who lacks the key cannot alter, add or take away any unseen.

Each line carries its number, the hash of the line before and its own, which is an HMAC over all the rest of the line.
Where the first and the last stand is told by `ends`, under the same key. What nobody can tell from the files alone is
that all of them were put back to an earlier state, or taken away: `folders` knows of a part of it; to be sure, keep
what `vedette audit verify` prints elsewhere.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.keys.master import Master

BEGINNING = "0" * 64  # stands for the hash before the first
PREFIX, SUFFIX = "audit-", ".jsonl"

_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Link:
    """One record's place in the chain."""

    number: int
    hash: str


def key_of(master: Master) -> bytes:
    """What the hashes are made with, by the endpoint and by who verifies."""
    return master.derive(b"hashes of the audit")


def seal(record: Mapping[str, Any], before: Link, key: bytes) -> tuple[bytes, Link]:
    """The line of a record, with its end, and its place."""
    said = dumps({**record, "chain": {"number": before.number + 1, "previous": before.hash}})
    own = _hash(key, said)
    return b'%s,"hash":"%s"}}\n' % (said.removesuffix(b"}}"), own.encode()), Link(before.number + 1, own)


def opened(line: bytes, key: bytes) -> tuple[dict[str, Any], Link, str] | None:
    """The record of a line without its end, its place and the hash before; None unless this very line was sealed."""
    try:
        record = json.loads(line)
        chain = record["chain"]
        own, number, previous = chain.pop("hash"), chain["number"], chain["previous"]
        right = hmac.compare_digest(mac(key, record), own)
        # Byte for byte: other readers might see another of two keys of the same name.
        same = dumps({**record, "chain": {**chain, "hash": own}}) == line
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (record, Link(number, own), previous) if right and same else None


def files(folder: Path) -> list[Path]:
    """Oldest first: each is named after its first record."""
    return sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))


def file_for(folder: Path, number: int) -> Path:
    return folder / f"{PREFIX}{number:012d}{SUFFIX}"


def first_of(file: Path) -> int:
    """The number in its name."""
    digits = file.name.removeprefix(PREFIX).removesuffix(SUFFIX)
    return int(digits) if digits.isdecimal() else 0


def mac(key: bytes, value: Mapping[str, Any]) -> str:
    return _hash(key, dumps(value))


def _hash(key: bytes, said: bytes) -> str:
    return hmac.digest(key, said, "sha256").hex()


def dumps(value: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode(value).encode()
