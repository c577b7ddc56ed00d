"""The conditions of a policy's statement: operators over what is known of a request.

What cannot be judged (an operator that is unknown here, a value of another kind) is None, neither true nor false: an
Allow does not apply then, and a Deny does.
"""

from __future__ import annotations

import ipaddress
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edge.keys.patterns import arn, glob

Context = Mapping[str, str | Sequence[str]]  # keys in any case; a Sequence where a key has several values

IF_EXISTS = "IfExists"
ANY, ALL = "ForAnyValue:", "ForAllValues:"
# What a request brings. A key that no request has stands as one that is missing.
KNOWN = frozenset(
    {
        "aws:sourceip",
        "aws:currenttime",
        "aws:epochtime",
        "aws:securetransport",
        "aws:username",
        "aws:userid",
        "aws:useragent",
        "aws:requestedregion",
        "aws:principalarn",
        "aws:principalaccount",
        "aws:principaltype",
        "aws:tagkeys",
    }
)
OF_RESOURCE = "aws:resourcetag/"
KNOWN_TAGS = ("aws:requesttag/", OF_RESOURCE)


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of operators: how a value is read (ValueError if it is none), and how two are compared."""

    read: Callable[[str], Any]
    same: Callable[[Any, Any], bool]  # what the request has, what the policy says
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator over one key, with the values that it may have. `kind` is None where the operator is unknown."""

    operator: str
    key: str  # in lower case
    kind: Kind | None
    wanted: tuple[Any, ...]
    each: str = ""  # ANY or ALL: over every value of the key
    if_exists: bool = False

    def holds(self, context: Context) -> bool | None:
        """`context` has its keys in lower case."""
        if self.operator == "Null":
            return any(want == (not _values(context, self.key)) for want in self.wanted)
        kind = self.kind
        if kind is None:
            return None
        given = _values(context, self.key)
        if not given:
            return self.if_exists or self.each == ALL or (kind.negated and not self.each)
        answers = [_one(kind, value, self.wanted) for value in given]
        if self.each == ALL or (kind.negated and not self.each):
            return _all(answers)
        return _any(answers)


def together(answers: Sequence[bool | None]) -> bool | None:
    """All conditions of a statement: False if one is false, else None if one cannot be judged."""
    return _all(answers)


def parse(name: str, key: str, values: Sequence[str]) -> Condition:
    """Raises ValueError for a value that this operator cannot have. An unknown operator is kept, to fail closed."""
    each = next((prefix for prefix in (ANY, ALL) if name.startswith(prefix)), "")
    base = name.removeprefix(each)
    if base == "Null":
        return Condition(base, key.lower(), None, tuple(_truth(value) for value in values))
    if_exists = base.endswith(IF_EXISTS)
    kind = OPERATORS.get(base.removesuffix(IF_EXISTS))
    wanted = tuple(_wanted(base, kind, value) for value in values) if kind else ()
    return Condition(name, key.lower(), kind, wanted, each, if_exists)


def lowered(context: Context) -> Context:
    return {key.lower(): value for key, value in context.items()}


def _wanted(name: str, kind: Kind, text: str) -> Any:
    if kind.same in (_matches, _inside):
        return (arn if name.startswith("Arn") else glob if kind.same is _matches else _network)(text)
    return kind.read(text)


def _one(kind: Kind, text: str, wanted: Sequence[Any]) -> bool | None:
    try:
        value = kind.read(text)
    except ValueError:
        return None
    return any(kind.same(value, want) for want in wanted) != kind.negated


def _values(context: Context, key: str) -> Sequence[str]:
    value = context.get(key, ())
    return (value,) if isinstance(value, str) else value


def _all(answers: Sequence[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def _any(answers: Sequence[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def _matches(text: str, matches: Callable[[str], bool]) -> bool:
    return matches(text)


def _inside(address: Any, network: Any) -> bool:
    return address in network  # of the other version: it is not


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)  # how a socket for both versions tells of IPv4
    return mapped or address


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no number")
    return number


def _moment(text: str) -> float:
    """Epoch seconds of an ISO 8601 time, which is UTC unless it says otherwise, or of epoch seconds."""
    try:
        return _number(text)
    except ValueError:
        at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _ordered(family: str, read: Callable[[str], float]) -> dict[str, Kind]:
    return {
        f"{family}Equals": Kind(read, operator.eq),
        f"{family}NotEquals": Kind(read, operator.eq, negated=True),
        f"{family}LessThan": Kind(read, operator.lt),
        f"{family}LessThanEquals": Kind(read, operator.le),
        f"{family}GreaterThan": Kind(read, operator.gt),
        f"{family}GreaterThanEquals": Kind(read, operator.ge),
    }


def _both(name: str, negated: str, read: Callable[[str], Any], same: Callable[[Any, Any], bool]) -> dict[str, Kind]:
    return {name: Kind(read, same), negated: Kind(read, same, negated=True)}


OPERATORS: Mapping[str, Kind] = {
    **_both("StringEquals", "StringNotEquals", str, operator.eq),
    **_both("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", str.casefold, operator.eq),
    **_both("StringLike", "StringNotLike", str, _matches),
    **_both("ArnEquals", "ArnNotEquals", str, _matches),
    **_both("ArnLike", "ArnNotLike", str, _matches),
    **_both("IpAddress", "NotIpAddress", _address, _inside),
    **_ordered("Numeric", _number),
    **_ordered("Date", _moment),
    "Bool": Kind(_truth, operator.eq),
}
