"""The tables of Rekognition's operations, as README and docs/REKOGNITION.md have them between their marks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from edge.api import capabilities

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- operations: generated -->", "<!-- operations: end -->"
WORDS = {"offered": "offered", "partly": "partly", "not-offered": "no"}


def short() -> str:
    """A line for each group and state, with the names."""
    rows: dict[tuple[str, str], list[str]] = {}
    for group, name, capability in capabilities.every():
        rows.setdefault((group, WORDS[capability.state]), []).append(name)
    lines = [f"| {group} | {state} | {', '.join(names)} |" for (group, state), names in rows.items()]
    return "\n".join(["| | offered? | operations |", "|---|---|---|", *lines])


def long() -> str:
    """A line for each operation, with what there is to say of it."""
    lines = [f"| {name} | {WORDS[of.state]} | {of.note} |" for _, name, of in capabilities.every()]
    return "\n".join(["| operation | offered? | |", "|---|---|---|", *lines])


PAGES: Mapping[str, Callable[[], str]] = {"README.md": short, "docs/REKOGNITION.md": long}


def filled(page: str, table: str) -> str:
    """The page with this table between its marks."""
    between = re.compile(re.escape(BEGIN) + ".*" + re.escape(END), re.DOTALL)
    return between.sub(lambda _: f"{BEGIN}\n{table}\n{END}", page)


if __name__ == "__main__":
    for name, table in PAGES.items():
        path = ROOT / name
        path.write_text(filled(path.read_text("utf-8"), table()), "utf-8")
