"""Rekognition's description of its operations and shapes: service-model.json, written by tools/service-model.

In the same words, training-model.json describes what a workstation asks of this device that trains for it.

Shapes hold the shapes they are made of; none holds itself. Patterns are Java's and match a whole value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

FILE = Path(__file__).with_name("service-model.json")
TRAINING = Path(__file__).with_name("training-model.json")
LARGEST_FLOAT = 3.4028235e38  # the model's floats have 32 bits
ROLES = ("member", "key", "value")

# In a class that names letters the model always names numbers and _ as well, and these three together are Python's \w.
# Java's other escapes, such as \d and \S, mean ASCII.
LETTERS = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r" \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"}


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """`low` and `high` bound a number, or the length of a string, blob, list or map; None: not at all."""

    name: str
    kind: str
    parts: Mapping[str, Shape]  # a structure's members; "member" of a list; "key" and "value" of a map
    required: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    enum: tuple[str, ...] = ()
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """What goes in, what comes out (a structure without members, where nothing does), and the errors it may raise."""

    name: str
    input: Shape
    output: Shape
    errors: tuple[str, ...]


@cache
def operations() -> Mapping[str, Operation]:
    """All that Rekognition's model describes, whether or not this device offers them."""
    return _described(FILE)


@cache
def training_operations() -> Mapping[str, Operation]:
    return _described(TRAINING)


def _described(file: Path) -> Mapping[str, Operation]:
    model = json.loads(file.read_text("utf-8"))

    @cache
    def shape(name: str) -> Shape:
        return _shape(name, model["shapes"][name], shape)

    return MappingProxyType(
        {
            name: Operation(name, shape(given["input"]), shape(given["output"]), tuple(given["errors"]))
            for name, given in model["operations"].items()
        }
    )


def _shape(name: str, given: Mapping[str, Any], shape: Callable[[str], Shape]) -> Shape:
    parts = given.get("members") or {role: given[role] for role in ROLES if role in given}
    return Shape(
        name,
        given["type"],
        {part: shape(kind) for part, kind in parts.items()},
        tuple(given.get("required", ())),
        given.get("min"),
        given.get("max"),
        tuple(given.get("enum", ())),
        given.get("pattern", ""),
    )


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """One of the model's patterns as Python reads it, for `fullmatch`."""
    translated = pattern
    for java, python in LETTERS.items():
        translated = translated.replace(java, python)
    return re.compile(translated, re.ASCII if translated == pattern else re.UNICODE)
