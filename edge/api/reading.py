"""A request as it is read: JSON 1.1, along the shapes of the service model.

What a member holds is checked as it is read: its type first (`SerializationException`), then all that the model says of
it (`ValidationException`, with AWS's words for it, the failing member in lower camel case). Unlike AWS, a member
that the model does not know is refused: it is a misspelt one.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pybase64
from pydantic_core import from_json

from edge.api import faults
from edge.api.faults import Fault
from edge.api.model import LARGEST_FLOAT, Operation, Shape, compiled

# Braces alone would take twenty times their size once read, and nested ones the stack of the thread that reads them. No
# request needs as many: the longest are 4,096 faces to be deleted at once, and a policy that stands in a string.
MOST = {b",": 20_000, b"{": 2_000, b"[": 2_000}
MOST_COMPLAINTS = 10
LONGEST = 2048  # characters, where the model sets no limit: ARNs and identifiers, some with patterns that backtrack
LONGEST_INTEGER = 19  # digits; an int of thousands is slow to read
SHOWN = 64  # characters of a value that a message repeats
BOUNDS = {"integer": 2**31, "long": 2**63}


def decode(operation: Operation, body: bytes) -> dict[str, Any]:
    """The members of a request under their wire names: blobs are bytes, null is absent. Raises nothing but Fault."""
    complaints = _Complaints()
    members: dict[str, Any] = _read_structure(complaints, operation.input, _parse(body), "")
    complaints.close()
    return members


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= LONGEST_INTEGER else float(digits)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_refuse)


def _exceeds(body: bytes, sign: bytes, most: int) -> bool:
    """Whether a sign stands there more often; thirty times faster than to count it in a picture, which has none."""
    place = -1
    for _ in range(most + 1):
        place = body.find(sign, place + 1)
        if place < 0:
            return False
    return True


def _parse(body: bytes) -> object:
    if any(_exceeds(body, sign, most) for sign, most in MOST.items()):
        raise faults.serialization("The request body has too many parts")
    try:  # past a picture's text, twenty times faster than Python's own reader; whatever it refuses, that one judges
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        pass
    try:
        return _DECODER.decode(body.decode())
    except RecursionError:
        raise faults.serialization("The request body is nested too deeply") from None
    except ValueError as error:  # no UTF-8, or no JSON
        raise faults.serialization(f"The request body is not JSON: {error}") from None


class _Complaints:
    """What is wrong with one request, as AWS counts it up; after MOST_COMPLAINTS nobody reads on."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def add(self, path: str, constraint: str, value: str = "") -> None:
        self.said.append(f"Value{value and f' {value}'} at '{path}' failed to satisfy constraint: {constraint}")
        if len(self.said) == MOST_COMPLAINTS:
            self.close()

    def close(self) -> None:
        if count := len(self.said):
            errors = "error" if count == 1 else "errors"
            raise faults.validation(f"{count} validation {errors} detected: {'; '.join(self.said)}")


def _unlike(value: object, wanted: str, path: str, why: str = "") -> Fault:
    """AWS names the token that it found and the type that it wanted; the member is ours to add."""
    if isinstance(value, list):
        found = "Start of list found where not expected"
    elif isinstance(value, dict):
        found = "Start of structure or map found where not expected"
    else:
        found = f"{_token(value)} can not be converted to {wanted}"
    return faults.serialization(found + (f" at '{path}'" if path else "") + why)


def _token(value: object) -> str:
    """As AWS calls a value in JSON."""
    if isinstance(value, str):
        return "STRING_VALUE"
    return f"{value}_VALUE".upper() if isinstance(value, bool) else "NULL_VALUE" if value is None else "NUMBER_VALUE"


def _shown(text: str) -> str:
    """A client's own text as a message may repeat it: short, and no control characters."""
    cut = text if len(text) <= SHOWN else text[:SHOWN] + "…"
    return cut if cut.isprintable() else "".join(one if one.isprintable() else "?" for one in cut)


def _written(value: object) -> str:
    """As Java writes it, and AWS's messages therefore; not much more of it than is shown."""
    if isinstance(value, list):
        return f"[{_joined(map(_written, value))}]"
    if isinstance(value, dict):
        return f"{{{_joined(f'{name[: SHOWN + 1]}={_written(part)}' for name, part in value.items())}}}"
    return value[: SHOWN + 1] if isinstance(value, str) else json.dumps(value)


def _joined(parts: Iterable[str]) -> str:
    text = ""
    for part in parts:
        text += f", {part}" if text else part
        if len(text) > SHOWN:
            break
    return text


def _lengths(low: float | None, high: float | None, length: int) -> Iterator[str]:
    if low is not None and length < low:
        yield f"Member must have length greater than or equal to {low}"
    if high is not None and length > high:
        yield f"Member must have length less than or equal to {high}"


def _constraints(shape: Shape, text: str) -> Iterator[str]:
    """Those that a string breaks. Its length comes first: no pattern is tried on what is too long."""
    if shape.enum:
        if text not in shape.enum:
            yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        return
    high = LONGEST if shape.high is None else shape.high
    yield from _lengths(shape.low, high, len(text))
    if shape.pattern and len(text) <= high and not compiled(shape.pattern).fullmatch(text):
        yield f"Member must satisfy regular expression pattern: {shape.pattern}"


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _read(complaints: _Complaints, shape: Shape, value: object, path: str) -> Any:
    """A member of a structure is left out when it is null; here nothing may be."""
    if value is None:
        return complaints.add(path, "Member must not be null", "null")
    return READERS[shape.kind](complaints, shape, value, path)


def _read_structure(complaints: _Complaints, shape: Shape, value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unlike(value, "a Structure", path)
    prefix = path and f"{path}."
    read: dict[str, Any] = {}
    for name, given in value.items():
        if member := shape.parts.get(name):
            if given is not None:
                read[name] = READERS[member.kind](complaints, member, given, prefix + _camel(name))
        else:
            known = ", ".join(shape.parts)
            complaints.add(prefix + _shown(name), f"Member is unknown, must be one of: [{known}]")
    for name in shape.required:
        if value.get(name) is None:
            complaints.add(prefix + _camel(name), "Member must not be null", "null")
    return read


def _read_list(complaints: _Complaints, shape: Shape, value: object, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _unlike(value, "a List", path)
    if broken := list(_lengths(shape.low, shape.high, len(value))):
        complaints.add(path, broken[0], f"'{_shown(_written(value))}'")
        return []
    item = shape.parts["member"]
    return [_read(complaints, item, given, f"{path}.{count}.member") for count, given in enumerate(value, 1)]


def _read_map(complaints: _Complaints, shape: Shape, value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unlike(value, "a Map", path)
    if broken := list(_lengths(shape.low, shape.high, len(value))):
        complaints.add(path, broken[0], f"'{_shown(_written(value))}'")
        return {}
    key, item = shape.parts["key"], shape.parts["value"]
    for name in value:
        if broken := list(_constraints(key, _text(name, path))):
            complaints.add(path, f"Map keys must satisfy constraint: [{', '.join(broken)}]", f"'{_shown(name)}'")
    return {name: _read(complaints, item, given, f"{path}.{_shown(name)}.member") for name, given in value.items()}


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _unlike(value, "a String", path)
    if not value.isascii() and any("\ud800" <= one <= "\udfff" for one in value):
        raise _unlike(value, "a String", path, ": half of a surrogate pair")
    return value


def _read_string(complaints: _Complaints, shape: Shape, value: object, path: str) -> str:
    text = _text(value, path)
    for constraint in _constraints(shape, text):
        complaints.add(path, constraint, f"'{_shown(text)}'")
    return text


def _read_blob(complaints: _Complaints, shape: Shape, value: object, path: str) -> bytes:
    if not isinstance(value, str):
        raise _unlike(value, "a Blob", path)
    blob = _decoded(value, path)
    size = len(blob)
    for constraint in _lengths(shape.low, shape.high, size):
        complaints.add(path, constraint, f"'java.nio.HeapByteBuffer[pos=0 lim={size} cap={size}]'")
    return blob


def _decoded(text: str, path: str) -> bytes:
    try:  # thirty times faster than Python's own reader; whatever it refuses, that one judges
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        pass
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise _unlike(text, "a Blob", path, f": {error}") from None


def _read_boolean(_: _Complaints, __: Shape, value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise _unlike(value, "a Boolean", path)
    return value


def _read_integer(complaints: _Complaints, shape: Shape, value: object, path: str) -> int:
    """AWS takes 3.0 for 3."""
    bound = BOUNDS[shape.kind]
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if type(number) is not int or not -bound <= number < bound:
        raise _unlike(value, "an Integer" if shape.kind == "integer" else "a Long", path)
    _bounded(complaints, shape, number, path)
    return number


def _read_float(complaints: _Complaints, shape: Shape, value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST_FLOAT:
        raise _unlike(value, "a Timestamp" if shape.kind == "timestamp" else "a Float", path)
    number = float(value)
    _bounded(complaints, shape, number, path)
    return number


def _bounded(complaints: _Complaints, shape: Shape, number: float, path: str) -> None:
    if shape.low is not None and number < shape.low:
        complaints.add(path, f"Member must have value greater than or equal to {shape.low}", f"'{number}'")
    if shape.high is not None and number > shape.high:
        complaints.add(path, f"Member must have value less than or equal to {shape.high}", f"'{number}'")


READERS: Mapping[str, Callable[[_Complaints, Shape, object, str], Any]] = {
    "structure": _read_structure,
    "list": _read_list,
    "map": _read_map,
    "string": _read_string,
    "blob": _read_blob,
    "boolean": _read_boolean,
    "integer": _read_integer,
    "long": _read_integer,
    "float": _read_float,
    "timestamp": _read_float,
}
