"""Records chained by keyed hashes, in files of JSON Lines: who lacks the key cannot alter, add or take away any unseen.

Each line carries its number, the hash of the line before and its own, which is an HMAC over all the rest of the line.
`head.json` tells, under the same key, the first and the last record there must be; it is written once those before it
are safe on disk. What nobody can tell from the files alone is that all of them, with their head, were put back to an
earlier state: keep what `vedette audit verify` prints elsewhere to tell that.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import MissingError
from edge.keys.master import Master

BEGINNING = "0" * 64  # stands for the hash before the first
HEAD = "head.json"
PREFIX, SUFFIX = "audit-", ".jsonl"
MOST_FINDINGS = 20
AGAIN = 3  # tries, while files come and go under a running endpoint


@dataclass(frozen=True, slots=True)
class Link:
    """One record's place in the chain."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """What there must be: records `first` to `last.number`, at least."""

    first: int
    last: Link


@dataclass(slots=True)
class Verdict:
    """How many records are there, from which number to which link; what is broken, and what is to be known."""

    records: int = 0
    first: int = 0
    last: Link | None = None
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def find(self, sentence: str) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(sentence)


def key_of(master: Master) -> bytes:
    """What the hashes are made with, by the endpoint and by who verifies."""
    return master.derive(b"hashes of the audit")


def seal(record: Mapping[str, Any], before: Link, key: bytes) -> tuple[bytes, Link]:
    """The line of a record, with its end, and its place."""
    chain = {"number": before.number + 1, "previous": before.hash}
    own = _mac(key, {**record, "chain": chain})
    return _dumps({**record, "chain": {**chain, "hash": own}}) + b"\n", Link(before.number + 1, own)


def opened(line: bytes, key: bytes) -> tuple[dict[str, Any], Link, str] | None:
    """The record of a line without its end, its place and the hash before; None unless this very line was sealed."""
    try:
        record = json.loads(line)
        chain = record["chain"]
        own, number, previous = chain.pop("hash"), chain["number"], chain["previous"]
        right = hmac.compare_digest(_mac(key, record), own)
        # Byte for byte: other readers might see another of two keys of the same name.
        same = _dumps({**record, "chain": {**chain, "hash": own}}) == line
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


def read_head(folder: Path, key: bytes) -> Head | None:
    """None if there is none, or not one of ours."""
    try:
        raw = json.loads((folder / HEAD).read_bytes())
        own = raw.pop("hash")
        if not hmac.compare_digest(_mac(key, raw), own):
            return None
        return Head(raw["first"], Link(raw["number"], raw["last"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_head(folder: Path, head: Head, key: bytes) -> None:
    """In place of the one before, whole or not at all. Raises OSError."""
    raw = {"first": head.first, "number": head.last.number, "last": head.last.hash}
    part = folder / f".{HEAD}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(_dumps({**raw, "hash": _mac(key, raw)}))
        out.flush()
        os.fsync(out.fileno())
    part.replace(folder / HEAD)


def verify(folder: Path, key: bytes) -> Verdict:
    """Read all records, also while an endpoint writes; raises MissingError if there is no audit."""
    for tries in range(AGAIN, 0, -1):
        head = read_head(folder, key)
        if head is None and not files(folder):
            raise MissingError(f"{folder}: no audit here; it begins with the first request to the endpoint")
        try:
            verdict = _walk(folder, key, head)
        except FileNotFoundError:
            if tries == 1:
                raise
            continue
        after = read_head(folder, key)
        if (head and head.first) == (after and after.first):
            break  # else the oldest file has gone, as it may
    return verdict


def _walk(folder: Path, key: bytes, head: Head | None) -> Verdict:
    verdict = Verdict()
    if head is None:
        verdict.find(f"{HEAD}: missing or altered: whether the newest records were cut off cannot be told")
    # The next record's number, and the hash it must carry; None after a broken line, and 0 where any number will do.
    follow = _Follow(head.first if head else 0, BEGINNING if head and head.first == 1 else None)
    newest = files(folder)[-1:]
    for file in files(folder):
        for at, line in enumerate(_lines(file), 1):
            found = opened(line.rstrip(b"\n"), key)
            if found is None and file in newest and not line.endswith(b"\n"):
                verdict.notes.append(
                    f"{file.name}: line {at}: an unfinished record; if no endpoint is running, one was killed, and"
                    " the next cuts it off and says so"
                )
                continue
            if found is None:
                verdict.find(f"{file.name}: line {at}: altered: its hash is not that of what it says")
                follow = _Follow(0, None)
                continue
            record, link, previous = found
            if broken := follow.broken(link, previous):
                whole = ": a file was taken away" if at == 1 and follow.number < link.number else ""
                verdict.find(f"{file.name}: line {at}: {broken}{whole}")
            follow = _Follow(link.number + 1, link.hash)
            verdict.records += 1
            verdict.first = verdict.first or link.number
            verdict.last = link
            verdict.notes += record.get("serviceEventDetails", {}).get("told", [])
    reached = verdict.last.number if verdict.last else head.first - 1 if head else 0
    if head and reached < head.last.number:
        verdict.find(f"the end: {_missing(reached + 1, head.last.number)}, though they were written")
    return verdict


@dataclass(frozen=True, slots=True)
class _Follow:
    number: int
    previous: str | None

    def broken(self, link: Link, previous: str) -> str:
        """What is wrong with this link in this place; empty if it is the one."""
        if self.number and link.number > self.number:
            return f"{_missing(self.number, link.number - 1)} before it"
        if self.number and self.previous is not None and link.number < self.number:
            return f"record {link.number} stands here again, or in the wrong place"
        if self.previous is not None and previous != self.previous:
            return f"record {link.number} does not follow from the one before: two audits were put together"
        return ""


def _missing(first: int, last: int) -> str:
    return f"record {first} is missing" if first == last else f"records {first} to {last} are missing"


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from stream


def _mac(key: bytes, value: Mapping[str, Any]) -> str:
    return hmac.digest(key, _dumps(value), "sha256").hex()


def _dumps(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
