"""A task's models in their order: the first that works infers, and who fails is tried again later.

Capture and other tasks never notice. A model that fails is replaced by the next one that runs in this process, in the
thread that noticed. What may hang while it opens (`accel.session.isolated`) is opened by `tend`, which one thread calls
every now and then; while such a one is active, the one that would replace it is kept open.

What nobody has used for a while rests: `tend` closes it, so that its memory is free for others, and the next use opens
it again. Whoever does not call `tend` keeps it open.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, Literal

from accel.session import AcceleratorError, Session, Tensor, Tensors
from edge.candidates import Candidate, common_labels, reasons_of, refusal
from edge.engine import Model, Pending, Settings, boxes_of, installed_of, use_of
from edge.packs.store import Built
from edge.turns import TURNS
from edge.values import Image, ModelUse
from models.manifest import Backend, Manifest, ModelError, Task
from models.outputs import Boxes, Result

START = 10.0  # seconds that a worker process has to open a model before the next one is taken instead

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """A model failed, so that `instead` took over (None: nobody could), or works (again)."""

    kind: Literal["failed", "restored"]
    use: ModelUse
    reason: str = ""
    instead: ModelUse | None = None


class Failover:
    """Has a Model's face. May be shared between threads.

    `labels` and the classes of boxes stay the same whichever model speaks; `use` and `manifest` are those of the model
    that gave the latest result. `skipped` tells who was passed over at start, and why. It rests after `idle` seconds
    without use; 0 is never.
    """

    def __init__(
        self, candidates: Sequence[Candidate], retry: float, skipped: Sequence[str] = (), idle: float = 0.0
    ) -> None:
        self.skipped = tuple(skipped)
        self.changes: SimpleQueue[Change] = SimpleQueue()
        self.labels = common_labels(candidates)
        self._candidates = tuple(candidates)
        self._retry = retry
        self._lock = Lock()  # held by who changes what follows
        self._active = next((candidate for candidate in candidates if candidate.model), None)
        self._retired: list[Session] = []
        self._idle = idle
        self._used = time.monotonic()
        self._resting = False  # whoever is active is closed, and opened when it is needed
        self._spoke = (self._active or candidates[0]).built

    @property
    def use(self) -> ModelUse:
        return use_of(self._spoke)

    @property
    def manifest(self) -> Manifest:
        return self._spoke.manifest

    @property
    def session(self) -> Session:
        """The active model's; raises AcceleratorError if there is none."""
        while (model := self.active(wait=True).model) is None:
            pass  # it was replaced between the two looks
        return model.session

    @property
    def streams(self) -> int:
        """How many frames may be in flight; 1 while there is no model."""
        active = self._active
        model = active.model if active else None
        return model.session.streams if model else 1

    def prepare(self, image: Image, floor: float = 0.0) -> Callable[[], Pending]:
        """As a Model does. If the model fails before its outputs are there, the next one does it all anew."""
        run = _Run(self, lambda model: model.prepare(image, floor))
        with suppress(AcceleratorError):  # told when it is started
            run.prepare()
        return run.start

    def run(self, image: Image, floor: float = 0.0) -> Result:
        """Infer now. Boxes come back in pixels of `image`. Raises AcceleratorError if no model can."""
        return self.prepare(image, floor)().result()

    def infer(self, batch: Tensor, floor: float = 0.0) -> Result:
        """Infer now on an input that the caller has made. Raises AcceleratorError if no model can."""
        return self.prepare_batch(batch, floor)().result()

    def prepare_batch(self, batch: Tensor, floor: float = 0.0) -> Callable[[], Pending]:
        """As `prepare`, for an input that the caller has made."""
        return _Run(self, lambda model: model.prepare_batch(batch, floor)).start

    def prepare_fitted(self, image: Image, floor: float = 0.0) -> Callable[[], Pending]:
        """As `prepare`, for a picture of the input's own size."""
        return _Run(self, lambda model: model.prepare_fitted(image, floor)).start

    def detect(self, image: Image, floor: float) -> Boxes:
        """`run` for a detector."""
        return boxes_of(self.run(image, floor), self.use)

    def active(self, *, wait: bool) -> Candidate:
        """Raises AcceleratorError if no model works now.

        `wait` for one that is being opened by another thread, and wake one that rests.
        """
        active = self._active
        if wait and (active is None or self._resting):
            with self._lock:
                self._wake()
                active = self._active
        if active is None:
            raise AcceleratorError(refusal(self._candidates))
        return active

    @property
    def fault(self) -> str:
        """Why no model works now; empty if one does."""
        return "" if self._active else refusal(self._candidates)

    def fail(self, model: Model, error: AcceleratorError) -> bool:
        """Let the next one take over; False if `model` was not active any more."""
        with self._lock:
            active = self._active
            if active is None or active.model is not model:
                return False
            self._active = None
            self._retired.append(model.session)  # what is under way on it ends, or fails by itself
            active.failed(str(error), self._retry)
            self._active = self._next()
            instead = use_of(self._active.built) if self._active else None
            self._tell(Change("failed", use_of(active.built), str(error), instead))
        return True

    def used(self) -> None:
        """It is not idle."""
        self._used = time.monotonic()

    def spoken(self, candidate: Candidate, found: Result) -> Result:
        """Note who spoke; gives what it found with the task's classes."""
        self.used()
        self._spoke = candidate.built
        if isinstance(found, Boxes) and candidate.places is not None:
            return replace(found, classes=candidate.places[found.classes])
        return found

    def tend(self) -> None:
        """Try again what has failed, once its time has come; close what is done with. For one thread, often."""
        self._rest()
        while self._retired:
            self._retired.pop().close()
        if self._resting:
            return
        for candidate in self._candidates:
            if candidate not in self._wanted():
                self._dismiss(candidate)
                continue
            try:
                self._bring(candidate)
            except (AcceleratorError, ModelError) as error:
                log.debug("%s on %s: %s", candidate.built.manifest.name, candidate.built.backend, error)
                candidate.failed(str(error), self._retry)

    def standing(self) -> dict[str, Any]:
        """For the status message: who is active, and who failed, why and since when (epoch seconds)."""
        active = self._active
        return {
            "name": active.built.manifest.name if active else None,
            "backend": active.built.backend if active else None,
            "device": active.device if active else None,
            "failed": [
                {
                    "name": one.built.manifest.name,
                    "backend": one.built.backend,
                    "reason": one.reason,
                    "since": one.since,
                }
                for one in self._candidates
                if one.reason
            ],
        }

    def told(self) -> list[Change]:
        """What has changed since the last call."""
        found = []
        with suppress(Empty):
            while True:
                found.append(self.changes.get_nowait())
        return found

    def close(self) -> None:
        with self._lock:
            self._active, self._resting = None, False
            self._shut()
            while self._retired:
                self._retired.pop().close()

    def _rest(self) -> None:
        """Retire whatever is open once nobody has used it for long; what is under way on it ends first."""
        with self._lock:
            idle = self._idle and time.monotonic() - self._used >= self._idle
            if idle and self._active and not self._resting:
                log.debug("%s: %s rests", self.use.task, self._active.built.manifest.name)
                self._resting = True
                self._shut()

    def _shut(self) -> None:
        for candidate in self._candidates:
            if candidate.opening:
                candidate.opening.close()
            if candidate.model:
                self._retired.append(candidate.model.session)
            candidate.model = candidate.opening = None

    def _wake(self) -> None:
        """Open who rests, with the lock held; if it will not, the next that runs in this process takes over."""
        resting = self._active
        if resting is None or not self._resting:
            return
        reason = ""
        try:
            resting.open(START)
        except (AcceleratorError, ModelError) as error:
            reason = str(error)
            resting.failed(reason, self._retry)
        if resting.model is None:
            self._active = self._next()
        self._resting = False
        self.used()
        if reason:
            instead = use_of(self._active.built) if self._active else None
            self._tell(Change("failed", use_of(resting.built), reason, instead))

    def _next(self) -> Candidate | None:
        """The first that runs in this process, with the lock held; the others are opened by `tend`."""
        for candidate in self._candidates:
            if candidate.model is not None:
                return candidate
            if candidate.isolated or time.monotonic() < candidate.due:
                continue
            try:
                candidate.open()
            except (AcceleratorError, ModelError) as error:
                candidate.failed(str(error), self._retry)
            else:
                return candidate
        return None

    def _bring(self, candidate: Candidate) -> None:
        """Open it if it is not and its time has come, and have it take over from who stands behind it."""
        if candidate.opening is not None:
            if (session := candidate.opening.poll()) is not None:
                with self._lock:
                    candidate.opened(session)
                    self._promote(candidate)
        elif candidate.model is None and time.monotonic() >= candidate.due:
            if candidate.isolated:
                candidate.open(0.0)
                return
            with self._lock:  # whoever needs it now waits for it
                if candidate.model is None:
                    candidate.open()
                    self._promote(candidate)

    def _promote(self, candidate: Candidate) -> None:
        before = self._active
        if before and self._rank(before) < self._rank(candidate):
            return
        self._active = candidate
        self._tell(Change("restored", use_of(candidate.built)))
        if before and before.model:
            # Even if it stays in reserve: who takes over must have no frame in flight that its caller still holds.
            self._retired.append(before.model.session)
            before.model = None

    def _wanted(self) -> tuple[Candidate, ...]:
        """Who is to be open: all before the active one, and behind one that may hang, the next that cannot.

        To open that one only when it is needed would take a small device longer than anybody should wait.
        """
        active = self._active
        if active is None:
            return self._candidates
        rank = self._rank(active)
        sure = [candidate for candidate in self._candidates[rank + 1 :] if not candidate.isolated]
        return (*self._candidates[: rank + 1], *(sure[:1] if active.isolated else ()))

    def _rank(self, candidate: Candidate) -> int:
        return self._candidates.index(candidate)

    def _dismiss(self, candidate: Candidate) -> None:
        """Close who is not needed any more."""
        if candidate.opening is not None:
            candidate.opening.close()
            candidate.opening = None
        with self._lock:
            if candidate.model is not None and candidate is not self._active:
                self._retired.append(candidate.model.session)
                candidate.model = None

    def _tell(self, change: Change) -> None:
        task, model = change.use.task, f"{change.use.name} on {change.use.backend}"
        if change.kind == "restored":
            log.info("%s: %s works", task, model)
        else:
            instead = f"{change.instead.name} on {change.instead.backend}" if change.instead else "nothing"
            log.warning("%s: %s failed, %s takes over: %s", task, model, instead, change.reason)
        self.changes.put(change)


AnyModel = Model | Failover


@dataclass(slots=True)
class _Run:
    """One inference, on whichever model ends up doing it; `make` makes the model's input."""

    owner: Failover
    make: Callable[[Model], Callable[[], Pending]]
    candidate: Candidate | None = None
    model: Model | None = None
    begin: Callable[[], Pending] | None = None
    pending: Pending | None = None

    def prepare(self) -> None:
        candidate = self.owner.active(wait=False)
        if (model := candidate.model) is not None:
            self.candidate, self.model = candidate, model
            self.begin = self.make(model)

    def start(self) -> Pending:
        pending = self._started()
        return Pending(pending.stages, self.outputs, self.decode, pending.started)

    def outputs(self) -> Tensors:
        assert self.pending is not None  # noqa: S101 - start() comes first
        assert self.model is not None  # noqa: S101
        try:
            return self._taken(self.pending)
        except AcceleratorError as error:
            # Who is not the first to notice was in flight beside another: it went down with the device, for the place
            # it would need now may be taken by one that only its own thread can give back.
            if not self.owner.fail(self.model, error):
                raise
            self._started()
            return self.outputs()

    @staticmethod
    def _taken(pending: Pending) -> Tensors:
        try:
            return pending.outputs()
        finally:
            TURNS.end()

    def decode(self, raw: Tensors) -> Result:
        assert self.pending is not None  # noqa: S101 - start() comes first
        assert self.candidate is not None  # noqa: S101
        return self.owner.spoken(self.candidate, self.pending.decode(raw))

    def _started(self) -> Pending:
        """On the model that is active now; raises AcceleratorError if none is."""
        TURNS.wait()
        while True:
            active = self.owner.active(wait=True)
            if self.begin is None or active.model is not self.model:
                self.prepare()
                continue
            assert self.model is not None  # noqa: S101 - prepare() has set both
            self.owner.used()
            try:
                self.pending = self.begin()
            except AcceleratorError as error:
                self.owner.fail(self.model, error)
            else:
                TURNS.begin()
                return self.pending


def open_failover(task: Task, settings: Settings, *, lasting: bool = False) -> Failover:
    """Open the first model chosen for a task on the first back end that works, and keep the others in mind.

    `lasting` is for who calls `tend`: then nobody is waited for long, the first model may come later, and it rests
    after `models.idle` seconds without use.
    Raises ModelError if none is installed, AcceleratorError if no back end opens any.
    """
    return open_built(*installed_of(task, settings), settings, lasting=lasting)


def open_built(
    installed: Sequence[Built], absent: Sequence[tuple[Backend, str]], settings: Settings, *, lasting: bool = False
) -> Failover:
    """As `open_failover`, for these models in their order; `absent` tells why there is none for a back end."""
    store, retry = settings.models.open_store(), settings.accel.retry
    candidates = [Candidate(built, settings.accel.options_of(built, store)) for built in installed]
    for candidate in candidates:
        try:
            if candidate.open(START if lasting else inf):
                break
        except AcceleratorError as error:
            candidate.failed(str(error), retry)
    opened = next((candidate.built.backend for candidate in candidates if candidate.model), None)
    if opened is None and not lasting:
        raise AcceleratorError(refusal(candidates))
    order = settings.accel.order
    before = order[: order.index(opened)] if opened else order
    lacking = [f"{backend}: {reason}" for backend, reason in absent if backend in before]
    return Failover(candidates, retry, [*reasons_of(candidates), *lacking], settings.models.idle)
