"""What in a policy is well written and yet hardly meant: a name that nothing here has, an Allow that never applies."""

from __future__ import annotations

from collections.abc import Iterator

from edge.keys.conditions import KNOWN, KNOWN_TAGS
from edge.keys.patterns import glob
from edge.keys.policy import Policy, Statement
from edge.keys.resources import RESOURCES, TRAIN

PARTS = ("partition", "service", "region", "account")
KINDS = ("collection", "project", "streamprocessor")


def doubts(policy: Policy, region: str, account: str) -> list[str]:
    """A sentence each, with the place; `region` and `account` are those of the device's ARNs."""
    ours = ("aws", "rekognition", region, account)
    return [
        f"{one.place}: {doubt}"
        for one in policy.statements
        for doubt in (*_patterns(one), *_resources(one, ours), *_conditions(one))
    ]


def _patterns(statement: Statement) -> Iterator[str]:
    actions = statement.actions
    for text, test in zip(actions.texts, actions.tests, strict=True):
        if not test(TRAIN) and not any(test(f"rekognition:{operation}") for operation in RESOURCES):
            yield f"{text!r} is no operation of rekognition"
    meant = [operation for operation in RESOURCES if actions.match(f"rekognition:{operation}")]
    bare = [operation for operation in meant if not RESOURCES[operation]]
    if statement.allow and bare and len(bare) == len(meant) and not statement.resources.match("*"):
        yield f"{bare[0]} has no resource to be told apart by, so that this never applies; its Resource must be '*'"


def _resources(statement: Statement, ours: tuple[str, ...]) -> Iterator[str]:
    for text in statement.resources.texts:
        if why := _elsewhere(text, ours):
            yield f"{text!r} {why}, so that it names nothing of this device"


def _elsewhere(text: str, ours: tuple[str, ...]) -> str:
    """Why this ARN is none of ours; empty if it may be one."""
    _, *parts = text.split(":", 5)
    for name, part, own in zip(PARTS, parts, ours, strict=False):
        if not glob(part)(own):
            return f"is of the {name} {part!r}, and here it is {own!r}"
    kind, _, name = parts[4].partition("/") if len(parts) > len(PARTS) else ("*", "", "")
    if not any(map(glob(kind), KINDS)):
        return f"is of the kind {kind!r}, and there is {', '.join(KINDS)}"
    return "names no collection" if kind == "collection" and (not name or "/" in name) else ""


def _conditions(statement: Statement) -> Iterator[str]:
    fate = f"so that this {statement.effect} {'never' if statement.allow else 'always'} applies"
    for condition in statement.conditions:
        if condition.operator != "Null" and condition.kind is None:
            yield f"{condition.operator!r} is not known, {fate}"
        if condition.key not in KNOWN and not condition.key.startswith(KNOWN_TAGS):
            yield f"{condition.key!r} is not told by any request here"
