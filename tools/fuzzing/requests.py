"""Requests drawn from the service model with hypothesis: such as obey it, and such as break it in one place.

`values` follows any shape, so it draws answers as well. What the model cannot know is given by the shape's name:
`known={"ImageBlob": st.sampled_from(photos), "CollectionId": st.just("people")}`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, nan
from typing import Any

from hypothesis import strategies as st

from edge.api.model import Operation, Shape, compiled

Known = Mapping[str, st.SearchStrategy[Any]]

FEW = 3  # parts more than the least that a list or a map needs
SHORT = 16  # characters or bytes more than the least
LONGEST = 5000  # what is made too long is no longer than this
ONE_CLASS = re.compile(r"\^?\(?(\[(?:\\.|[^\]])+\]|\\S|\.)(?:([*])|\+|\{1,\})\)?\$?")
UNFIT = ("", "\x00", " ", "\n", "!", "一", "aws:key")  # no pattern of the model takes all of them
WRONG: Mapping[str, tuple[Any, ...]] = {
    "structure": ([], "text", 1, True),
    "list": ({}, "text", 1, False),
    "map": ([], "text", 1, True),
    "string": (1, 1.5, True, [], {}, "\ud800"),
    "blob": (1, True, [], {}, "QQ", "QQ==\n", "Q Q=", "=QQ=", "é", "-_-_"),
    "boolean": ("true", 0, 1, [], {}),
    "integer": ("3", 3.5, True, 2**31, -(2**31) - 1, 10**400, nan, [], {}),
    "long": ("3", 3.5, False, 2**63, -(2**63) - 1, 10**400, inf, [], {}),
    "float": ("3", True, 1e39, -1e39, 10**400, nan, inf, [], {}),
    "timestamp": ("3", True, nan, inf, [], {}),
}
UNREADABLE = (
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"5",
    b"{",
    b"{}{}",
    b"\xff",
    b"\xef\xbb\xbf{}",
    b"[" * 9000,
    b'{"A":' * 9000,
)


@dataclass(frozen=True)
class Flaw:
    """What stands where something else should."""

    path: tuple[str | int, ...]
    instead: Any


def requests(operation: Operation, known: Known | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Members as a client of boto3 gives them: blobs are bytes."""
    return values(operation.input, known or {})


def body(members: Any) -> bytes:
    """What is sent for them."""
    return json.dumps(members, default=lambda blob: base64.b64encode(blob).decode()).encode()


@st.composite
def broken(draw: st.DrawFn, operation: Operation, known: Known | None = None) -> bytes:
    """The body of a request that has one thing wrong; drawn again, another."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(UNREADABLE))
    members = draw(requests(operation, known))
    flaw = draw(st.sampled_from(list(flaws(operation.input, members))))
    return body(_replaced(members, flaw.path, flaw.instead))


def values(shape: Shape, known: Known) -> st.SearchStrategy[Any]:
    if shape.name in known:
        return known[shape.name]
    least, most = int(shape.low or 0), LONGEST if shape.high is None else int(shape.high)
    few, short = min(most, least + FEW), min(most, least + SHORT)
    parts = {name: values(part, known) for name, part in shape.parts.items()}
    drawn: st.SearchStrategy[Any]
    match shape.kind:
        case "structure":
            needed = {name: parts.pop(name) for name in shape.required}
            drawn = st.fixed_dictionaries(needed, optional=parts)
        case "list":
            drawn = st.lists(parts["member"], min_size=least, max_size=few)
        case "map":
            drawn = st.dictionaries(parts["key"], parts["value"], min_size=least, max_size=few)
        case "string":
            drawn = _strings(shape, least, most)
        case "blob":
            drawn = st.binary(min_size=least, max_size=short)
        case "boolean":
            drawn = st.booleans()
        case _:
            drawn = _numbers(shape)
    return drawn


def _strings(shape: Shape, least: int, most: int) -> st.SearchStrategy[str]:
    if shape.enum:
        return st.sampled_from(shape.enum)
    if not shape.pattern:
        letters = st.characters(codec="utf-8")
        return st.text(letters, min_size=least, max_size=min(most, least + SHORT))
    pattern = compiled(shape.pattern)
    if one := ONE_CLASS.fullmatch(pattern.pattern):  # of the right length at once
        least = max(least, 0 if one[2] else 1)
        pattern = re.compile(f"{one[1]}{{{least},{min(most, least + SHORT)}}}", pattern.flags)
    return st.from_regex(pattern, fullmatch=True).filter(lambda text: least <= len(text) <= most)


def _numbers(shape: Shape) -> st.SearchStrategy[float]:
    if shape.kind == "timestamp":
        return st.floats(0, 4e9)
    if shape.kind == "float":
        low, high = (shape.low, shape.high) if shape.high is not None else (-(2.0**99), 2.0**99)
        return st.floats(low, high, width=32)
    bound = 2**31 if shape.kind == "integer" else 2**63
    low = -bound if shape.low is None else int(shape.low)
    return st.integers(low, bound - 1 if shape.high is None else int(shape.high))


def flaws(shape: Shape, value: Any, path: tuple[str | int, ...] = ()) -> Iterator[Flaw]:
    """Everything that can be put wrong in what obeys a shape, one at a time."""
    yield from (Flaw(path, wrong) for wrong in WRONG[shape.kind])
    match shape.kind:
        case "structure":
            yield Flaw((*path, "NoSuchMember"), 1)
            yield from (Flaw((*path, name), None) for name in shape.required)
            for name, given in value.items():
                yield from flaws(shape.parts[name], given, (*path, name))
        case "list":
            yield Flaw(path, [None])
            yield from (Flaw(path, part) for part in _unfit_sizes(shape, [*value[:1]]))
            for place, given in enumerate(value):
                yield from flaws(shape.parts["member"], given, (*path, place))
        case "map":
            yield from (Flaw(path, {name: ""}) for name in _unfit(shape.parts["key"]))
            yield from (Flaw((*path, name), other) for name in value for other in (*WRONG["string"], None))
        case "string":
            yield from (Flaw(path, text) for text in _unfit(shape))
        case "blob":
            yield from (Flaw(path, blob) for blob in _unfit_sizes(shape, b"a"))
        case "integer" | "long" | "float" | "timestamp":
            yield from (Flaw(path, beyond) for beyond in _beyond(shape))


def _unfit(shape: Shape) -> Iterator[str]:
    if shape.enum:
        yield "NO_SUCH_VALUE"
        return
    if shape.pattern:
        yield from (text for text in UNFIT if not compiled(shape.pattern).fullmatch(text))
    yield from _unfit_sizes(shape, "a")


def _unfit_sizes(shape: Shape, one: Any) -> Iterator[Any]:
    """Too few and too many of them, where that is no megabyte."""
    if shape.low:
        yield one * (int(shape.low) - 1)
    if one and shape.high is not None and shape.high < LONGEST:
        yield one * (int(shape.high) + 1)


def _beyond(shape: Shape) -> Iterator[float]:
    if shape.low is not None:
        yield shape.low - 1
    if shape.high is not None:
        yield shape.high + 1


def _replaced(tree: Any, path: tuple[str | int, ...], instead: Any) -> Any:
    """A copy of the tree with one part of it another, or added."""
    if not path:
        return instead
    first, *rest = path
    inner = tree[first] if isinstance(tree, list) or first in tree else None
    new = _replaced(inner, tuple(rest), instead)
    if isinstance(tree, list):
        return [new if place == first else part for place, part in enumerate(tree)]
    return {**tree, first: new}
