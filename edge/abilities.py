"""The abilities a configuration asks for, opened once and shared by cameras, commands and requests."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from accel.session import AcceleratorError
from edge.engine import Settings, check_backends
from edge.errors import UnavailableError
from edge.events import rules
from edge.events.schema import NO_CAMERA
from edge.failover import AnyModel, Change, Failover, open_failover
from edge.values import Event
from edge.vision.faces import FaceAnalyzer, open_faces
from edge.vision.labels import Labels
from edge.vision.moderation import Moderation
from models.manifest import ModelError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Abilities:
    """What could be opened; None for a task that is off or cannot be had, with its reason in `missing`."""

    objects: AnyModel | None = None
    faces: FaceAnalyzer | None = None
    labels: Labels | None = None
    moderation: Moderation | None = None
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def skipped(self) -> dict[str, list[str]]:
        """Which back ends were passed over and why, by task."""
        return {model.use.task: list(model.skipped) for model in self.models() if model.skipped}

    def models(self) -> list[AnyModel]:
        """Every opened model."""
        faces = [self.faces.detector, self.faces.embedder] if self.faces else []
        whole = [ability.model for ability in (self.labels, self.moderation) if ability]
        return [model for model in (self.objects, *faces, *whole) if model]

    def tend(self) -> None:
        """Bring back what has failed; for one thread, often."""
        for model in self.failovers():
            model.tend()

    def standing(self) -> dict[str, dict[str, Any]]:
        """By task, which model speaks on what, and which ones failed, why and since when (epoch seconds)."""
        return {
            model.use.task: model.standing()
            if isinstance(model, Failover)
            else {"name": model.use.name, "backend": model.use.backend, "device": model.session.device}
            for model in self.models()
        }

    def streams(self) -> int:
        """How many frames' objects may be looked for at once."""
        if isinstance(self.objects, Failover):
            return self.objects.streams
        return self.objects.session.streams if self.objects else 1

    def changes(self) -> list[Event]:
        """What failed and what works again since the last call."""
        now = time.time()
        return [
            Event(f"accelerator_{change.kind}", NO_CAMERA, now, _values(change))
            for model in self.failovers()
            for change in model.told()
        ]

    def failovers(self) -> list[Failover]:
        return [model for model in self.models() if isinstance(model, Failover)]

    def close(self) -> None:
        for model in self.models():
            model.close()


def _values(change: Change) -> dict[str, Any]:
    if change.kind == "failed":
        return rules.accelerator_failed(change.use, change.reason, change.instead)
    return rules.accelerator_restored(change.use)


def open_abilities(settings: Settings, tasks: frozenset[str], *, lasting: bool = False) -> Abilities:
    """Open `tasks` (objects, faces, labels, moderation); raises UnavailableError if none of them can be had.

    `lasting` is for who calls `tend`: what no back end can run yet may come later.
    """
    abilities = Abilities()
    openers: dict[str, Callable[[], object]] = {
        "objects": lambda: open_failover("objects", settings, lasting=lasting),
        "faces": lambda: open_faces(settings, lasting=lasting),
        "labels": lambda: Labels(open_failover("labels", settings, lasting=lasting)),
        "moderation": lambda: Moderation(open_failover("moderation", settings, lasting=lasting)),
    }
    for task, opener in openers.items():
        if task not in tasks or not getattr(settings.models, task):
            continue
        try:
            setattr(abilities, task, opener())
        except (ModelError, AcceleratorError) as error:
            abilities.missing[task] = str(error)
    faults = abilities.missing | {model.use.task: model.fault for model in abilities.failovers() if model.fault}
    if faults and not any(model["name"] for model in abilities.standing().values()):
        abilities.close()
        check_backends(settings)
        raise UnavailableError("; ".join(dict.fromkeys(faults.values())))
    for task, reason in faults.items():
        log.warning("no %s: %s", task, reason)
    for task, reasons in abilities.skipped.items():
        log.warning("%s: passed over %s", task, "; ".join(reasons))
    return abilities
