"""The abilities a configuration asks for, opened once and shared by cameras, commands and requests."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from accel.session import AcceleratorError
from edge.engine import Model, Settings, check_backends, open_model
from edge.errors import UnavailableError
from edge.vision.faces import FaceAnalyzer, open_faces
from edge.vision.labels import Labels
from edge.vision.moderation import Moderation
from models.manifest import ModelError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Abilities:
    """What could be opened; None for a task that is off or cannot be had, with its reason in `missing`."""

    objects: Model | None = None
    faces: FaceAnalyzer | None = None
    labels: Labels | None = None
    moderation: Moderation | None = None
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def skipped(self) -> dict[str, list[str]]:
        """Which back ends were passed over and why, by task."""
        return {model.use.task: list(model.skipped) for model in self.models() if model.skipped}

    def models(self) -> list[Model]:
        """Every opened model."""
        faces = [self.faces.detector, self.faces.embedder] if self.faces else []
        whole = [ability.model for ability in (self.labels, self.moderation) if ability]
        return [model for model in (self.objects, *faces, *whole) if model]

    def close(self) -> None:
        for model in self.models():
            model.close()


def open_abilities(settings: Settings, tasks: frozenset[str]) -> Abilities:
    """Open `tasks` (objects, faces, labels, moderation); raises UnavailableError if none of them can be had."""
    abilities = Abilities()
    openers: dict[str, Callable[[], object]] = {
        "objects": lambda: open_model("objects", settings),
        "faces": lambda: open_faces(settings),
        "labels": lambda: Labels(open_model("labels", settings)),
        "moderation": lambda: Moderation(open_model("moderation", settings)),
    }
    for task, opener in openers.items():
        if task not in tasks or not getattr(settings.models, task):
            continue
        try:
            setattr(abilities, task, opener())
        except (ModelError, AcceleratorError) as error:
            abilities.missing[task] = str(error)
    if abilities.missing and not abilities.models():
        check_backends(settings)
        raise UnavailableError("; ".join(dict.fromkeys(abilities.missing.values())))
    for task, reason in abilities.missing.items():
        log.warning("no %s: %s", task, reason)
    for task, reasons in abilities.skipped.items():
        log.warning("%s: passed over %s", task, "; ".join(reasons))
    return abilities
