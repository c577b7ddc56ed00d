"""Where the records of a folder must begin and end, told under the audit's key, in two files beside them.

`head.json` is written when the records up to there are safe on disk: they must be there, whatever has happened since.
`newest.json` is written with every record, in its place and without waiting for the disk. As the records themselves do,
it outlives the process at once, and a power cut only after a second; so it names the boot of the machine that it was
written in, in which the records up to there must be there too.
"""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edge.api.chain import Link, dumps, mac

HEAD, NEWEST = "head.json", "newest.json"
SIZE = 400  # bytes of newest.json, which is always overwritten as a whole
BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Head:
    """What there must be: records `first` to `last.number`, at least."""

    first: int
    last: Link


@dataclass(frozen=True, slots=True)
class Newest:
    """The last record, as it was written in a `boot`."""

    last: Link
    boot: str

    @property
    def binding(self) -> bool:
        """Nothing that was written since can have been lost by itself."""
        return self.boot == boot() != ""


@cache
def boot() -> str:
    """Another one each time that the machine starts; empty where the system does not tell."""
    try:
        return BOOT.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def last_of(head: Head | None, newest: Newest | None) -> Link | None:
    """The last record that must be there."""
    if newest and newest.binding and (head is None or newest.last.number > head.last.number):
        return newest.last
    return head.last if head else None


def read_head(folder: Path, key: bytes) -> Head | None:
    """None if there is none, or not one of ours."""
    try:
        raw = _told(folder / HEAD, key)
        return Head(raw["first"], Link(raw["number"], raw["last"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def read_newest(folder: Path, key: bytes) -> Newest | None:
    """None if there is none, or not one of ours; or if it is just being written."""
    try:
        raw = _told(folder / NEWEST, key)
        return Newest(Link(raw["number"], raw["last"]), raw["boot"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def of_another_key(folder: Path, key: bytes) -> bool:
    """Whether head.json says so."""
    try:
        told = json.loads((folder / HEAD).read_bytes())["key"]
        return isinstance(told, str) and told != _name(key)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_head(folder: Path, head: Head, key: bytes) -> None:
    """In place of the one before, whole or not at all. Raises OSError."""
    raw = {"first": head.first, "number": head.last.number, "last": head.last.hash, "key": _name(key)}
    part = folder / f".{HEAD}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(_sealed(raw, key))
        out.flush()
        os.fsync(out.fileno())
    part.replace(folder / HEAD)


def open_newest(folder: Path) -> int:
    """A handle for `write_newest`. Raises OSError."""
    return os.open(folder / NEWEST, os.O_WRONLY | os.O_CREAT, 0o600)


def write_newest(handle: int, last: Link, key: bytes) -> None:
    """Raises OSError."""
    raw = {"number": last.number, "last": last.hash, "boot": boot()}
    os.pwrite(handle, _sealed(raw, key).ljust(SIZE), 0)


def _name(key: bytes) -> str:
    """Tells keys apart, and nothing else of them."""
    return mac(key, {"purpose": "name"})[:16]


def _sealed(raw: dict[str, Any], key: bytes) -> bytes:
    return dumps({**raw, "hash": mac(key, raw)})


def _told(file: Path, key: bytes) -> dict[str, Any]:
    """Raises ValueError for what is not ours, and all that a file can that holds anything."""
    raw: dict[str, Any] = json.loads(file.read_bytes())
    own = raw.pop("hash")
    if not hmac.compare_digest(mac(key, raw), own):
        raise ValueError(file)
    return raw
