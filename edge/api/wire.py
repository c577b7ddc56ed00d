"""Requests and answers as Rekognition writes them: JSON 1.1, along the shapes of the service model.

Requests are read in `edge.api.reading`. Answers are checked as they are written, but those are ours: a member that the
model does not know, lacks or has of another type is a defect, a TypeError with the member's place.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any

from edge.api.faults import Fault
from edge.api.model import LARGEST_FLOAT, Operation, Shape, operations, training_operations
from edge.api.reading import decode

__all__ = ["Operation", "decode", "encode", "fault_body", "operations", "training_operations"]

DECIMALS = 6  # of percents, degrees and ratios: all that a float of 32 bits, as AWS's are, knows of a percent
MILLISECONDS = 3  # decimals of a timestamp

_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


def encode(operation: Operation, answer: Mapping[str, Any]) -> bytes:
    """The body of an answer; members that are None are left out. Raises TypeError on a defect, as above."""
    try:
        return _ENCODER.encode(_structure(operation.output, answer)).encode()
    except TypeError as error:
        raise TypeError(f"{operation.name}{error}") from None


def fault_body(fault: Fault, request_id: str) -> bytes:
    answer = {"__type": fault.code, "Code": fault.code, "Logref": request_id, "Message": fault.message}
    return _ENCODER.encode(answer).encode()


def _structure(shape: Shape, value: object) -> dict[str, Any]:
    if not isinstance(value, dict) and not isinstance(value, Mapping):  # a dict is known sooner
        raise _unlike(shape, value)
    written: dict[str, Any] = {}
    name = ""
    try:
        for name, given in value.items():
            if given is not None:
                part = shape.parts[name]
                written[name] = WRITERS[part.kind](part, given)
    except KeyError:
        raise TypeError(f".{name}: {shape.name} has no such member") from None
    except TypeError as error:
        raise TypeError(f".{name}{error}") from None
    if shape.required and (missing := [one for one in shape.required if one not in written]):
        raise TypeError(f".{missing[0]}: is missing")
    return written


def _list(shape: Shape, value: object) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise _unlike(shape, value)
    item = shape.parts["member"]
    written: list[Any] = []
    try:
        written.extend(map(WRITERS[item.kind], repeat(item), value))
    except TypeError as error:
        raise TypeError(f"[{len(written)}]{error}") from None
    return written


def _map(shape: Shape, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _unlike(shape, value)
    key, item = shape.parts["key"], shape.parts["value"]
    return {WRITERS[key.kind](key, name): WRITERS[item.kind](item, given) for name, given in value.items()}


def _string(shape: Shape, value: object) -> str:
    if not isinstance(value, str) or (shape.enum and value not in shape.enum):
        raise _unlike(shape, value)
    return value


def _blob(shape: Shape, value: object) -> str:
    if not isinstance(value, bytes):
        raise _unlike(shape, value)
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def _boolean(shape: Shape, value: object) -> bool:
    if not isinstance(value, bool):
        raise _unlike(shape, value)
    return value


def _integer(shape: Shape, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _unlike(shape, value)
    return value


def _float(shape: Shape, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST_FLOAT:
        raise _unlike(shape, value)
    return round(float(value), MILLISECONDS if shape.kind == "timestamp" else DECIMALS)


def _unlike(shape: Shape, value: object) -> TypeError:
    return TypeError(f": {value!r:.80} is no {shape.name} ({shape.kind})")


WRITERS: Mapping[str, Callable[[Shape, Any], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "blob": _blob,
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "timestamp": _float,
}
