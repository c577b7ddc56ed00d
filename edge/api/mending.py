"""Where the last process stopped writing the audit: what it left unfinished is cut off, and what is amiss is told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edge.api import chain, ends
from edge.api.chain import BEGINNING, Link
from edge.api.ends import HEAD, NEWEST, Head
from edge.api.verifying import unsure

LONGEST_LINE = 1 << 20  # bytes; a record has always less


@dataclass(frozen=True, slots=True)
class Stopped:
    """After which record to go on, and in the file of which number; `repairs` are sentences for the audit itself."""

    head: Head
    last: Link
    file: int
    repairs: tuple[str, ...]


def mend(folder: Path, key: bytes) -> Stopped:
    """Raises OSError."""
    files, head, newest = chain.files(folder), ends.read_head(folder, key), ends.read_newest(folder, key)
    repairs: list[str] = []
    found = (_last_link(file, key, repairs) for file in reversed(files))
    last = next((link for link in found if link), Link(0, BEGINNING))
    first = chain.first_of(files[0]) if files else 1
    must = ends.last_of(head, newest)
    if must and must.number >= last.number:
        known = max(last.number, (head.first if head else first) - 1)
        if must.number > known:
            repairs.append(f"records {known + 1} to {must.number} were missing when this was started")
        last = must
    if newest and newest.last.number > last.number:
        repairs.append(unsure(last.number + 1, newest.last.number))
    if ends.of_another_key(folder, key):
        repairs = ["the records before this one were written under another master.key, which alone verifies them"]
    elif files and head is None:
        repairs.insert(0, f"{HEAD} was missing or altered: records may have been cut off before this one")
    elif head and newest is None:
        repairs.insert(0, f"{NEWEST} was missing or altered: records may have been cut off before this one")
    return Stopped(
        head or Head(first, Link(0, BEGINNING)),
        last,
        chain.first_of(files[-1]) if files else last.number + 1,
        tuple(repairs),
    )


def _last_link(file: Path, key: bytes, repairs: list[str]) -> Link | None:
    """Of the last record in a file, once an unfinished one behind it is cut off; None if there is none."""
    with file.open("r+b") as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, end - LONGEST_LINE))
        whole, _, rest = (b"\n" + stream.read()).rpartition(b"\n")
        if rest and chain.opened(rest, key):
            stream.write(b"\n")  # it lacked nothing but its end
            whole += b"\n" + rest
        elif rest:
            stream.truncate(end - len(rest))
            repairs.append(f"{file.name}: {len(rest)} bytes of an unfinished record were cut off")
    line = whole.rpartition(b"\n")[2]
    if not line:
        return None
    if found := chain.opened(line, key):
        return found[1]
    repairs.append(f"{file.name}: the last record was altered")
    return Link(chain.first_of(file) + file.read_bytes().count(b"\n") - 1, BEGINNING)
