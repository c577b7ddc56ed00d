"""Whether the audit of a folder is whole: every record is read, and what is broken told in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge.api import chain, ends
from edge.api.chain import BEGINNING, Link
from edge.api.ends import HEAD, NEWEST, Head, Newest
from edge.errors import MissingError

MOST_FINDINGS = 20
AGAIN = 3  # tries, while files come and go under a running endpoint


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


def verify(folder: Path, key: bytes) -> Verdict:
    """Read all records, also while an endpoint writes; raises MissingError if there is no audit."""
    for tries in range(AGAIN, 0, -1):
        head, newest = ends.read_head(folder, key), _newest(folder, key)
        if head is None and not chain.files(folder):
            raise MissingError(f"{folder}: no audit here; it begins with the first request to the endpoint")
        if head is None and ends.of_another_key(folder, key) and not _opens(folder, key):
            verdict = Verdict()
            verdict.find("all of it was written under another master.key: put that back, without which nobody can tell")
            return verdict
        try:
            verdict = _Walk(folder, key, head).over(newest)
        except FileNotFoundError:
            if tries == 1:
                raise
            continue
        after = ends.read_head(folder, key)
        if (head and head.first) == (after and after.first):
            break  # else the oldest file has gone, as it may
    return verdict


def _newest(folder: Path, key: bytes) -> Newest | None:
    """None also while it is being written, which does not take long."""
    return next((found for _ in range(AGAIN) if (found := ends.read_newest(folder, key))), None)


def _opens(folder: Path, key: bytes) -> bool:
    """Whether any record is of this key."""
    return any(chain.opened(line.rstrip(b"\n"), key) for file in chain.files(folder) for line in _lines(file))


class _Walk:
    """Through all records of a folder, oldest first."""

    def __init__(self, folder: Path, key: bytes, head: Head | None) -> None:
        self._folder, self._key, self._head = folder, key, head
        self._verdict = Verdict()
        self._follow = _Follow(head.first if head else 0, BEGINNING if head and head.first == 1 else None)

    def over(self, newest: Newest | None) -> Verdict:
        if self._head is None:
            self._verdict.find(f"{HEAD}: missing or altered: whether the newest records were cut off cannot be told")
        elif newest is None:
            self._verdict.find(f"{NEWEST}: missing or altered: whether the last records were cut off cannot be told")
        files = chain.files(self._folder)
        for file in files:
            self._read(file, last=file == files[-1])
        self._end(newest)
        return self._verdict

    def _read(self, file: Path, *, last: bool) -> None:
        altered: list[int] = []
        for at, line in enumerate(_lines(file), 1):
            found = chain.opened(line.rstrip(b"\n"), self._key)
            if found is None and last and not line.endswith(b"\n"):
                self._verdict.notes.append(
                    f"{file.name}: line {at}: an unfinished record; if no endpoint is running, one was killed, and"
                    " the next cuts it off and says so"
                )
            elif found is None:
                altered.append(at)
                self._follow = _Follow(0, None)
            else:
                self._tell(file, altered)
                altered = []
                self._take(f"{file.name}: line {at}", at, *found)
        self._tell(file, altered)

    def _tell(self, file: Path, altered: list[int]) -> None:
        """Of lines one after the other."""
        if len(altered) == 1:
            self._verdict.find(f"{file.name}: line {altered[0]}: altered: its hash is not that of what it says")
        elif altered:
            lines = f"lines {altered[0]} to {altered[-1]}"
            self._verdict.find(f"{file.name}: {lines}: altered: their hashes are not those of what they say")

    def _take(self, place: str, at: int, record: dict[str, object], link: Link, previous: str) -> None:
        verdict = self._verdict
        if broken := self._follow.broken(link, previous):
            whole = ": a file was taken away" if at == 1 and self._follow.number < link.number else ""
            verdict.find(f"{place}: {broken}{whole}")
        self._follow = _Follow(link.number + 1, link.hash)
        verdict.records += 1
        verdict.first = verdict.first or link.number
        verdict.last = link
        details = record.get("serviceEventDetails")
        verdict.notes += details.get("told", []) if isinstance(details, dict) else []

    def _end(self, newest: Newest | None) -> None:
        head, verdict = self._head, self._verdict
        reached = verdict.last.number if verdict.last else head.first - 1 if head else 0
        must = ends.last_of(head, newest)
        if must and reached < must.number:
            verdict.find(f"the end: {missing(reached + 1, must.number)}, though written once")
            reached = must.number
        if newest and reached < newest.last.number:
            verdict.notes.append(unsure(reached + 1, newest.last.number))


@dataclass(frozen=True, slots=True)
class _Follow:
    """The next record's number, 0 where any will do; and the hash it must carry, None after a broken line."""

    number: int
    previous: str | None

    def broken(self, link: Link, previous: str) -> str:
        """What is wrong with this link in this place; empty if it is the one."""
        if self.number and link.number > self.number:
            return f"{missing(self.number, link.number - 1)} before it"
        if self.number and self.previous is not None and link.number < self.number:
            return f"record {link.number} stands here again, or in the wrong place"
        if self.previous is not None and previous != self.previous:
            return f"record {link.number} does not follow from the one before: two audits were put together"
        return ""


def missing(first: int, last: int) -> str:
    return f"record {first} is missing" if first == last else f"records {first} to {last} are missing"


def unsure(first: int, last: int) -> str:
    """Of what a power cut may have taken, or somebody."""
    which, they = (f"record {first}", "it was") if first == last else (f"records {first} to {last}", "they were")
    return (
        f"{which} of the second before the machine last went down {'is' if first == last else 'are'} not there: {they}"
        " lost with its power, or taken away"
    )


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from stream
