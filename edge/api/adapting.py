"""Moderation with an adapter: what a model of one's own says of a name stands in place of what we would say."""

from __future__ import annotations

from collections.abc import Sequence

from edge.api import faults, naming
from edge.api.desk import Desk
from edge.api.operations.custom import running
from edge.custom import STARTABLE
from edge.findings import CustomLabel, Flag, Moderated
from edge.vision.custom import Custom
from models.moderation import names


def adapter_of(desk: Desk, arn: str) -> Custom:
    """The opened one. Adapters need no StartProjectVersion: the first request for one has it started.

    Raises ResourceNotReadyException until it runs, ResourceNotFoundException for what is no adapter.
    """
    version = naming.version_of(desk, arn)
    if version.feature != "CONTENT_MODERATION":
        raise faults.resource_not_found(f"{arn} is no adapter")
    if version.status in STARTABLE and version.digest:
        with naming.told():
            version = desk.workshop.projects.begin(version.project, version.name)
    return running(desk, version)


def adapted(found: Moderated, own: Sequence[CustomLabel], floor: float) -> Moderated:
    """Flags of at least `floor`; a parent is as sure as the surest of its children, or more."""
    scores = {flag.name: flag.score for flag in found.flags}
    known = {entry.name for entry in names()}
    told = {label.name: label.score for label in own}
    for entry in reversed(names()):
        below = [scores[child.name] for child in names() if child.parent == entry.name]
        at_first = scores.get(entry.name, 0.0) if entry.has_evidence else 0.0
        scores[entry.name] = max([told.get(entry.name, at_first), *below])
    flags = [Flag(entry.name, entry.parent, entry.level, scores[entry.name]) for entry in names()]
    others = [
        Flag(label.name, label.parent, 2 if label.parent else 1, label.score)
        for label in own
        if label.name not in known
    ]
    flagged = sorted(
        (flag for flag in (*flags, *others) if flag.score >= floor and flag.score > 0.0),
        key=lambda flag: (-flag.score, flag.level),
    )
    return Moderated(tuple(flagged), found.content_types)
