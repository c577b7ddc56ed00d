"""Answers held against botocore's own service model: whatever a shape does not say is a defect, told with its place."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ServiceModel, Shape
from botocore.parsers import JSONParser

# What any operation may be refused with before it is asked: such errors stand in no model.
FRONT_DOOR = frozenset(
    f"{name}Exception"
    for name in (
        "ExpiredToken",
        "IncompleteSignature",
        "InvalidSignature",
        "MissingAuthenticationToken",
        "Serialization",
        "UnknownOperation",
        "UnrecognizedClient",
        "Validation",
    )
)


@cache
def service() -> ServiceModel:
    return botocore.session.get_session().get_service_model("rekognition")


def strict(operation: str, body: bytes) -> dict[str, Any]:
    """The answer as botocore's parser gives it, once every member is found to be as the output's shape wants it."""
    shape = service().operation_model(operation).output_shape
    _check(shape, _json(body), operation)
    return _parsed(200, body, shape)


def strict_fault(operation: str, status: int, body: bytes) -> tuple[str, str]:
    """Code and message of a refusal that this operation may answer."""
    assert set(_json(body)) <= {"__type", "Code", "Logref", "Message"}, body
    error = _parsed(status, body, service().operation_model(operation).output_shape)["Error"]
    assert error["Code"] in modelled(operation) | FRONT_DOOR, f"{operation} never answers {error['Code']}"
    assert error["Message"], f"{operation}: {error['Code']} says nothing"
    return error["Code"], error["Message"]


def modelled(operation: str) -> frozenset[str]:
    """The errors that the model names for this operation: clients have an exception for each."""
    return frozenset(shape.name for shape in service().operation_model(operation).error_shapes)


def _parsed(status: int, body: bytes, shape: Shape) -> dict[str, Any]:
    parsed: dict[str, Any] = JSONParser().parse({"status_code": status, "headers": {}, "body": body}, shape)
    return parsed


def _json(body: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), f"a key stands twice: {[key for key, _ in pairs]}"
        return dict(pairs)

    def finite(text: str) -> float:
        raise AssertionError(f"{text} is no JSON")

    read: dict[str, Any] = json.loads(body, object_pairs_hook=once, parse_constant=finite)
    return read


def _check(shape: Shape, value: Any, place: str) -> None:
    CHECKS[shape.type_name](shape, value, place)
    if allowed := getattr(shape, "enum", None):
        assert value in allowed, f"{place}: {value!r} is none of {allowed}"


def _structure(shape: Any, value: Any, place: str) -> None:
    assert isinstance(value, dict), f"{place}: {value!r:.80} is no structure"
    assert not (unknown := value.keys() - shape.members.keys()), f"{place}: unknown {sorted(unknown)}"
    assert not (missing := set(shape.required_members) - value.keys()), f"{place}: lacks {sorted(missing)}"
    for name, part in value.items():
        _check(shape.members[name], part, f"{place}.{name}")


def _list(shape: Any, value: Any, place: str) -> None:
    assert isinstance(value, list), f"{place}: {value!r:.80} is no list"
    if value:  # there may be none where a request must name one: DeleteFaces then has deleted none
        _between(shape, len(value), place)
    for number, part in enumerate(value):
        _check(shape.member, part, f"{place}[{number}]")


def _map(shape: Any, value: Any, place: str) -> None:
    assert isinstance(value, dict), f"{place}: {value!r:.80} is no map"
    for name, part in value.items():
        _check(shape.key, name, f"{place}: key")
        _check(shape.value, part, f"{place}.{name}")


def _string(shape: Any, value: Any, place: str) -> None:
    assert isinstance(value, str), f"{place}: {value!r:.80} is no string"
    _between(shape, len(value), place)
    pattern = shape.metadata.get("pattern", "")
    if r"\p" not in pattern:  # Java's classes of characters, which Python's patterns do not know
        assert re.search(rf"^(?:{pattern or '.*'})$", value, re.DOTALL), f"{place}: {value!r} is unlike {pattern}"


def _number(shape: Any, value: Any, place: str) -> None:
    assert isinstance(value, int | float), f"{place}: {value!r:.80} is no number"
    assert not isinstance(value, bool), f"{place}: {value!r} is no number"
    assert math.isfinite(value), f"{place}: {value!r} is not finite"
    _between(shape, value, place)


def _integer(shape: Any, value: Any, place: str) -> None:
    assert isinstance(value, int), f"{place}: {value!r:.80} is no integer"
    _number(shape, value, place)


def _boolean(_shape: Any, value: Any, place: str) -> None:
    assert isinstance(value, bool), f"{place}: {value!r:.80} is no boolean"


def _blob(_shape: Any, value: Any, place: str) -> None:
    assert isinstance(value, str), f"{place}: {value!r:.80} is no base64"
    base64.b64decode(value, validate=True)


def _between(shape: Any, size: float, place: str) -> None:
    least, most = (shape.metadata.get(bound, default) for bound, default in (("min", -math.inf), ("max", math.inf)))
    assert least <= size <= most, f"{place}: {size} is not within {least} and {most}"


CHECKS: Mapping[str, Callable[[Any, Any, str], None]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "timestamp": _number,
    "boolean": _boolean,
    "blob": _blob,
}
