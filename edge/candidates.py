"""The models installed for a task, and what is known of each: whether it is open, or why not and when to try again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from accel.session import Options, Session, isolated, open_session, try_out
from accel.worker import Opening
from edge.engine import Model
from edge.hush import hushed
from edge.packs.store import Built

MOST = 300.0  # seconds between two attempts at most; whoever worked that long starts anew


@dataclass(slots=True, eq=False)
class Candidate:
    """One installed model. Of `model` and `opening` one at most is there; `reason` says why the model is not.

    `places` are its classes as numbered by the task, None if that is how it numbers them itself. `device` is where it
    was opened last.
    """

    built: Built
    options: Options
    places: NDArray[np.int64] | None = None
    model: Model | None = None
    opening: Opening | None = None
    device: str = ""
    reason: str = ""
    since: float = 0.0
    opened_at: float = 0.0  # monotonic, as are these
    due: float = 0.0
    wait: float = 0.0

    @property
    def isolated(self) -> bool:
        """Whether it runs in a worker process, since it may hang."""
        return isolated(self.built.backend, self.options)

    def open(self, within: float = inf) -> bool:
        """Whether a worker process did it `within` seconds; else it goes on. Raises AcceleratorError or ModelError."""
        if within < inf and self.isolated:
            self.opening = Opening(self.built.backend, self.built.weights, self.options)
            if (session := self.opening.poll(within)) is not None:
                self.opened(session)
            return session is not None
        with hushed():
            self.opened(open_session(self.built.backend, self.built.weights, self.options))
        return True

    def opened(self, session: Session) -> None:
        """Raises ModelError if it is not what the manifest says, AcceleratorError if what failed before fails again."""
        try:
            if self.reason and not self.isolated:  # a worker has tried it itself
                try_out(session)
            self.model = Model(self.built, session)
        except BaseException:
            session.close()
            raise
        self.opening, self.reason, self.opened_at = None, "", time.monotonic()
        self.device = session.device

    def failed(self, reason: str, retry: float) -> None:
        """To be tried again after `retry` seconds, the next times after twice as many each."""
        now = time.monotonic()
        lasted = self.model is not None and now - self.opened_at >= MOST
        self.wait = retry if lasted or not self.wait else min(2 * self.wait, MOST)
        self.model = self.opening = None
        self.since = self.since if self.reason else time.time()
        self.reason, self.due = reason, now + self.wait


def reasons_of(candidates: Sequence[Candidate]) -> list[str]:
    """Why not, for each that failed or takes long."""
    return [
        f"{one.built.backend}: {one.reason or 'is still being opened'}"
        for one in candidates
        if one.reason or one.opening
    ]


def refusal(candidates: Sequence[Candidate]) -> str:
    return f"no back end can run the model: {'; '.join(reasons_of(candidates))}"


def common_labels(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """The task's labels, those of the first model first, and in each candidate its classes' places among them."""
    own = [candidate.built.labels for candidate in candidates]
    if len(set(own)) == 1:
        return own[0]
    common = tuple(dict.fromkeys(label for labels in own for label in labels))
    place = {label: number for number, label in enumerate(common)}
    for candidate, labels in zip(candidates, own, strict=True):
        if labels != common[: len(labels)]:
            candidate.places = np.array([place[label] for label in labels], np.int64)
    return common
