"""Figures as Markdown tables, with the machine, the date and the command that made them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

LIBRARIES = ("openvino", "ai-edge-litert", "numpy", "opencv-python-headless")


def machine() -> str:
    """Processor, cores, system, and the versions that figures depend on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model"))]
    cores = len(os.sched_getaffinity(0))
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES)
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{names[0] if names else platform.processor()}, {cores} cores; {system}; {versions}"


def heading(title: str, command: str) -> str:
    """The top of a page of figures."""
    return (
        f"# {title}\n\n"
        f"Made by `{command}` on {time.strftime('%d %B %Y')}; not edited by hand.\n\n"
        f"Machine: {machine()}.\n\n"
        "*Reference* is the same measure of the thing named in the text, *ratio* is value over reference, *n* is how\n"
        "many were measured.\n"
    )


def introduction(module: ModuleType) -> tuple[str, str]:
    """A module's docstring as a heading and its text."""
    words = (module.__doc__ or "").strip()
    title, _, text = words.partition(": ")
    return title, text[:1].upper() + text[1:]


def section(title: str, text: str, figures: Iterable[Mapping[str, Any]]) -> str:
    """One evaluation: what it is, and its figures."""
    rows = [
        (
            f"`{one['name']}`",
            _number(one["value"]),
            one["unit"],
            _number(one["reference"]),
            _number(one["ratio"]),
            one["n"],
        )
        for one in figures
    ]
    return f"\n## {title}\n\n{text.strip()}\n\n{_table(('figure', 'value', 'unit', 'reference', 'ratio', 'n'), rows)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ("---",) + ("---:",) + ("---",) + ("---:",) * (len(head) - 3), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
