"""What this device can flag: for each name the evidence and its measured figures, or why it is not offered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from models.moderation import CONTENT_TYPES, names, offered

FLOORS = (50, 80)
MEASURED = "measured.json"
# The tasks whose models speak, by kind of evidence.
NUDITY = {"explicit": ("moderation", "nudity"), "suggestive": ("nudity",), "clothing": ("nudity",), "": ()}


@dataclass(frozen=True, slots=True)
class Capability:
    """One name; `needs` are the tasks it takes. `measured` counts photos: harmless ones that were flagged at 50 and at
    80, out of how many, and the same of those that should be; empty if it is not offered."""

    name: str
    parent: str
    level: int
    offered: bool
    because: str
    needs: tuple[str, ...]
    measured: dict[str, int]


def capabilities() -> tuple[Capability, ...]:
    """All 52, parents before their children."""
    counted, needs = measured(), dict(_needs())
    return tuple(
        Capability(
            entry.name,
            entry.parent,
            entry.level,
            entry.name in offered(),
            entry.because,
            needs[entry.name] if entry.name in offered() else (),
            counted.get(entry.name, {}),
        )
        for entry in names()
    )


def content_types() -> tuple[Capability, ...]:
    return tuple(
        Capability(name, "", 0, known, because, ("moderation",) if known else (), measured().get(name, {}))
        for name, (known, because) in CONTENT_TYPES.items()
    )


@cache
def measured() -> dict[str, dict[str, int]]:
    """What tools/moderation-page counted last, by name."""
    found: dict[str, dict[str, int]] = json.loads(files("models.moderation").joinpath(MEASURED).read_text("utf-8"))
    return found


def _needs() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Of each name, the tasks of its own evidence and of the names below it."""
    needed: dict[str, dict[str, None]] = {entry.name: {} for entry in names()}
    for entry in reversed(names()):
        own = [*NUDITY[entry.nudity], *(["labels"] if entry.labels else []), *(["objects"] if entry.objects else [])]
        needed[entry.name].update(dict.fromkeys(own))
        if entry.parent:
            needed[entry.parent].update(needed[entry.name])
    return ((name, tuple(tasks)) for name, tasks in needed.items())


def alarms(counts: dict[str, Any]) -> str:
    """ "1 of 448, 0" for people: harmless photos flagged at 50 and at 80."""
    return f"{counts['false_alarms_50']} of {counts['harmless']}, {counts['false_alarms_80']}" if counts else ""


def hits(counts: dict[str, Any]) -> str:
    """ "2 of 2, 1" for people: photos that show it flagged at 50 and at 80."""
    if not counts:
        return ""
    return f"{counts['hits_50']} of {counts['shown']}, {counts['hits_80']}" if counts.get("shown") else "not measured"


def table() -> str:
    """The table of docs/MODERATION.md, in Markdown."""
    lines = [
        "| Level | Name | Offered | What stands behind it, or why it is not offered | False alarms | Hits |",
        "|---|---|---|---|---|---|",
    ]
    for row in (*capabilities(), *content_types()):
        level = f"{'·' * (row.level - 1)}{row.level}" if row.level else "type"
        cells = (level, row.name, "yes" if row.offered else "no", row.because, alarms(row.measured), hits(row.measured))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
