"""What an access key may do, told by JSON documents in the shape of AWS's IAM.

Nothing is allowed unless a statement allows it, and a Deny that applies always wins. Actions are
`rekognition:<Operation>` or `vedette:Train` in any case, resources ARNs in theirs; both with wildcards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import InputError
from edge.keys import conditions
from edge.keys.conditions import Condition, Context
from edge.keys.patterns import Matches, arn, glob

LONGEST = 1 << 16  # characters of a document; IAM itself takes 6,144
VERSIONS = ("2012-10-17", "2008-10-17")
READY = {
    "full": ("rekognition:*", "vedette:*"),
    "read": tuple(
        f"rekognition:{action}*" for action in ("Detect", "Recognize", "Compare", "Search", "List", "Describe", "Get")
    ),
    "train": ("vedette:Train",),
}


@dataclass(frozen=True, slots=True)
class Patterns:
    """What `Action` or `Resource` lists; `but` where it is NotAction or NotResource."""

    texts: tuple[str, ...]
    tests: tuple[Matches, ...] = field(compare=False, repr=False)
    but: bool = False

    def match(self, text: str) -> bool:
        return any(test(text) for test in self.tests) != self.but


@dataclass(frozen=True, slots=True)
class Statement:
    place: str
    allow: bool
    actions: Patterns
    resources: Patterns
    conditions: tuple[Condition, ...]

    @property
    def effect(self) -> str:
        return "Allow" if self.allow else "Deny"


@dataclass(frozen=True, slots=True)
class Policy:
    """A document as it was written, and what it says."""

    name: str
    document: str
    statements: tuple[Statement, ...] = field(compare=False, repr=False)


def allowed(policies: Sequence[Policy], action: str, resource: str, context: Context) -> bool:
    """Whether this action (`rekognition:DetectLabels`) may be done to this resource (an ARN; `*` if it has none)."""
    known = conditions.lowered(context)
    granted = False
    for statement in _about(policies, action, resource):
        holds = conditions.together([condition.holds(known) for condition in statement.conditions])
        if not statement.allow and holds is not False:
            return False
        granted |= statement.allow and holds is True
    return granted


def denied(policies: Sequence[Policy], action: str, resource: str, context: Context) -> bool:
    """Whether a statement denies it, and is not merely silent."""
    known = conditions.lowered(context)
    return any(
        conditions.together([condition.holds(known) for condition in statement.conditions]) is not False
        for statement in _about(policies, action, resource)
        if not statement.allow
    )


def _about(policies: Sequence[Policy], action: str, resource: str) -> Iterator[Statement]:
    for policy in policies:
        for statement in policy.statements:
            if statement.actions.match(action) and statement.resources.match(resource):
                yield statement


def regard_tags(policies: Sequence[Policy]) -> bool:
    """Whether any of them asks for the tags of a resource."""
    return any(
        condition.key.startswith(conditions.OF_RESOURCE)
        for policy in policies
        for statement in policy.statements
        for condition in statement.conditions
    )


def ready(name: str) -> Policy:
    """One of READY: `full` allows everything, `read` what changes nothing, `train` what a workstation does."""
    statement = {"Effect": "Allow", "Action": list(READY[name]), "Resource": "*"}
    return parse(name, json.dumps({"Version": VERSIONS[0], "Statement": [statement]}))


def load(file: Path) -> Policy:
    """The policy in a file; raises InputError, which names the statement and what to write instead."""
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise InputError(
            f"{file}: {error.strerror}; name a file with a policy, or one of {', '.join(READY)}"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not UTF-8 text (byte {error.start})") from error
    return parse(file.name, text, str(file))


def parse(name: str, document: str, place: str = "") -> Policy:
    """Raises InputError, which begins with `place` (default: the name)."""
    place = place or name
    if len(document) > LONGEST:
        raise InputError(f"{place}: longer than {LONGEST} characters; split it into several policies")
    try:
        raw = json.loads(document, object_pairs_hook=_once)
    except RecursionError as error:
        raise InputError(f"{place}: nested too deeply to be a policy") from error
    except ValueError as error:
        raise InputError(f"{place}: not the JSON of a policy ({error})") from error
    top = _table(raw, place, {"Version", "Id", "Statement"})
    if top.get("Version", VERSIONS[0]) not in VERSIONS:
        raise InputError(f'{place}: Version: there is no such version; write "{VERSIONS[0]}"')
    found = top.get("Statement")
    statements = found if isinstance(found, list) else [found]
    if not found:
        raise InputError(f"{place}: Statement: missing; write a list of statements, each with an Effect")
    return Policy(
        name, document, tuple(_statement(one, f"{place}: Statement {at}") for at, one in enumerate(statements, 1))
    )


def _statement(raw: Any, place: str) -> Statement:
    if isinstance(raw, dict) and {"Principal", "NotPrincipal"} & set(raw):
        raise InputError(f"{place}: Principal: take it out; this policy is about the key that has it")
    keys = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
    table = _table(raw, place, keys)
    if isinstance(sid := table.get("Sid"), str) and sid:
        place = f"{place} ({sid})"
    elif sid is not None:
        raise InputError(f"{place}: Sid: not a name; write a word, or leave it out")
    if table.get("Effect") not in ("Allow", "Deny"):
        raise InputError(f'{place}: Effect: write "Allow" or "Deny"')
    return Statement(
        place,
        table["Effect"] == "Allow",
        _patterns(table, place, "Action", _action),
        _patterns(table, place, "Resource", arn),
        tuple(_conditions(table.get("Condition", {}), f"{place}: Condition")),
    )


def _patterns(table: Mapping[str, Any], place: str, name: str, test: Any) -> Patterns:
    given = [key for key in (name, f"Not{name}") if key in table]
    if len(given) != 1:
        raise InputError(f"{place}: needs {name} or Not{name}, and not both")
    (key,) = given
    texts = _texts(table[key], f"{place}: {key}", (str,))
    tests = []
    for text in texts:
        if "${" in text:
            raise InputError(f"{place}: {key}: {text!r}: variables are not known here; write out what it stands for")
        try:
            tests.append(test(text))
        except ValueError as error:
            raise InputError(f"{place}: {key}: {text!r} {error}") from error
    return Patterns(texts, tuple(tests), but=key != name)


def _action(text: str) -> Matches:
    if ":" not in text and set(text) != {"*"}:
        raise ValueError("is neither '*' nor such as 'rekognition:DetectLabels'")
    return glob(text, cased=False)


def _conditions(raw: Any, place: str) -> list[Condition]:
    found = []
    for operator, keys in _table(raw, place).items():
        for key, values in _table(keys, f"{place}: {operator}").items():
            here = f"{place}: {operator}: {key}"
            texts = _texts(values, here, (str, bool, int, float))
            if any("${" in text for text in texts):
                raise InputError(f"{here}: variables are not known here; write out what it stands for")
            try:
                found.append(conditions.parse(operator, key, texts))
            except ValueError as error:
                raise InputError(f"{here}: {error}; write a value that {operator} can compare") from error
    return found


def _table(raw: Any, place: str, known: set[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise InputError(f"{place}: not an object; write {{…}}")
    for key in raw:
        if known and key not in known:
            raise InputError(f"{place}: {key}: unknown; known are {', '.join(sorted(known))}, in just this case")
    return raw


def _texts(raw: Any, place: str, kinds: tuple[type, ...]) -> tuple[str, ...]:
    """One value, or a list of them, as texts: `true` and 5 may be written without quotes in a condition."""
    values = raw if isinstance(raw, list) else [raw]
    if not values or not all(isinstance(value, kinds) for value in values):
        raise InputError(f"{place}: write a text, or a list of texts")
    texts = tuple(json.dumps(value) if not isinstance(value, str) else value for value in values)
    if not all(texts):
        raise InputError(f"{place}: an empty text; write what it is to match")
    return texts


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON says nothing about keys that stand twice, and readers differ: a Deny must not be lost that way."""
    table = dict(pairs)
    if len(table) < len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return table
