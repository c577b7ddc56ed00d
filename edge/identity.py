"""Who a tracked face is: several views must agree before anybody is named, and again to change it.

Pure bookkeeping per subject (a person's track, or a face seen without one); views come in, verdicts come out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from edge.settings import FacesTask
from edge.values import Match

BETTER = 1.2  # a view this much better than the best so far is worth another look
RECHECK = 2.0  # seconds after which a decided subject is looked at again: tracks can change hands
PATIENCE = 2  # times `confirmations`: so many fair views without a verdict make a face unknown
POOR = 0.15  # views below this quality are not counted against anybody


@dataclass(slots=True)
class Subject:
    """What has been learned about one subject so far."""

    best_quality: float = 0.0
    viewed_at: float = float("-inf")
    views: int = 0
    contrary: int = 0
    votes: Counter[str] = field(default_factory=Counter)
    person: str = ""
    unknown: bool = False
    best_similarity: float = 0.0

    @property
    def decided(self) -> bool:
        return bool(self.person) or self.unknown


@dataclass(frozen=True, slots=True)
class View:
    """One look: `match` has passed threshold and margin; `similarity` is the best found all the same."""

    match: Match | None
    similarity: float
    quality: float
    at: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The match that has just been confirmed, or None: the face has just been declared unknown."""

    match: Match | None
    similarity: float


def due(subject: Subject, quality: float, now: float) -> bool:
    """Whether a view of this quality is worth an embedding."""
    if not subject.decided:
        return True
    return quality > BETTER * subject.best_quality or now - subject.viewed_at >= RECHECK


def see(subject: Subject, view: View, task: FacesTask) -> Verdict | None:
    """Count one view.

    A person is named after `confirmations` views that agree; a named person is dropped after as many views
    in a row that say otherwise; a face is unknown after PATIENCE times as many fair views without a verdict.
    """
    subject.viewed_at = view.at
    subject.best_quality = max(subject.best_quality, view.quality)
    subject.best_similarity = max(subject.best_similarity, view.similarity)
    if view.match is None and view.quality < POOR:
        return None
    if subject.person and view.match is not None and view.match.person == subject.person:
        subject.contrary = 0
        return None
    if subject.person:
        subject.contrary += 1
        if subject.contrary < task.confirmations:
            return None
        subject.person, subject.contrary, subject.views = "", 0, 0
        subject.best_similarity = view.similarity
    subject.views += 1
    return _decide(subject, view, task)


def _decide(subject: Subject, view: View, task: FacesTask) -> Verdict | None:
    if view.match is not None:
        subject.votes[view.match.person] += 1
        if subject.votes[view.match.person] >= task.confirmations:
            subject.person, subject.unknown = view.match.person, False
            subject.votes.clear()
            return Verdict(view.match, view.similarity)
    elif not subject.unknown and subject.views >= PATIENCE * task.confirmations:
        subject.unknown = True
        subject.votes.clear()
        return Verdict(None, subject.best_similarity)
    return None
