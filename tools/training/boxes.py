"""Whether a labelled box holds anything of its picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple
from math import isfinite

from training.datasets import Mark
from training.looks import Look

OUTSIDE = 0.01  # ratio by which a box may stick out before it is named
LEAST_BOX = 2.0  # pixels of its shorter side


def faults(marks: Iterable[Mark], seen: Look) -> Iterator[str]:
    """Of each box that holds nothing, what is wrong with it."""
    for mark in marks:
        inside = cut(mark)
        if not all(map(isfinite, astuple(mark)[1:])):
            yield f"the box of {mark.label} lacks a side, or has one that is no number"
        elif min((inside.x2 - inside.x1) * seen.width, (inside.y2 - inside.y1) * seen.height) < LEAST_BOX:
            yield f"{where(mark)} is empty or outside the picture"


def where(mark: Mark) -> str:
    return f"the box of {mark.label} at {mark.x1:.2f} {mark.y1:.2f} {mark.x2:.2f} {mark.y2:.2f}"


def cut(mark: Mark) -> Mark:
    """At the edges of the picture."""
    x1, y1, x2, y2 = (min(max(side, 0.0), 1.0) for side in (mark.x1, mark.y1, mark.x2, mark.y2))
    return Mark(mark.label, x1, y1, x2, y2)


def sticks_out(mark: Mark) -> bool:
    return max(-mark.x1, -mark.y1, mark.x2 - 1, mark.y2 - 1) > OUTSIDE
