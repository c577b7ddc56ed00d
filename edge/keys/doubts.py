"""What in a policy is well written and yet hardly meant: a name that nothing here has, an Allow that never applies."""

from __future__ import annotations

from collections.abc import Iterator

from edge.keys.conditions import KNOWN, KNOWN_TAGS
from edge.keys.policy import Policy, Statement
from edge.keys.resources import RESOURCES, TRAIN


def doubts(policy: Policy) -> list[str]:
    """A sentence each, with the place."""
    return [f"{one.place}: {doubt}" for one in policy.statements for doubt in (*_patterns(one), *_conditions(one))]


def _patterns(statement: Statement) -> Iterator[str]:
    actions = statement.actions
    for text, test in zip(actions.texts, actions.tests, strict=True):
        if not test(TRAIN) and not any(test(f"rekognition:{operation}") for operation in RESOURCES):
            yield f"{text!r} is no operation of rekognition"
    meant = [operation for operation in RESOURCES if actions.match(f"rekognition:{operation}")]
    bare = [operation for operation in meant if not RESOURCES[operation]]
    if statement.allow and bare and len(bare) == len(meant) and not statement.resources.match("*"):
        yield f"{bare[0]} has no resource to be told apart by, so that this never applies; its Resource must be '*'"


def _conditions(statement: Statement) -> Iterator[str]:
    fate = f"so that this {statement.effect} {'never' if statement.allow else 'always'} applies"
    for condition in statement.conditions:
        if condition.operator != "Null" and condition.kind is None:
            yield f"{condition.operator!r} is not known, {fate}"
        if condition.key not in KNOWN and not condition.key.startswith(KNOWN_TAGS):
            yield f"{condition.key!r} is not told by any request here"
