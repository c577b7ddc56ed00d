"""The abilities a configuration asks for, opened once and shared by cameras, commands and requests."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from accel.session import AcceleratorError
from edge.engine import Model, open_model
from edge.errors import UnavailableError
from edge.vision.faces import FaceAnalyzer, Settings, open_faces
from edge.vision.labels import Labels
from edge.vision.moderation import Moderation
from models.manifest import ModelError

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(slots=True)
class Abilities:
    """What could be opened; None for a task that is off or cannot be had, with its reason in `missing`.

    `skipped` says which back ends were passed over, by task.
    """

    objects: Model | None = None
    faces: FaceAnalyzer | None = None
    labels: Labels | None = None
    moderation: Moderation | None = None
    missing: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=dict)

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
    models = settings.models
    store = models.open_store()

    def one(task: str, names: tuple[str, ...]) -> Model:
        model, skipped = open_model(names, store, settings.accel)
        if skipped:
            abilities.skipped[task] = skipped
        return model

    openers: dict[str, tuple[tuple[str, ...], Callable[[], object]]] = {
        "objects": (models.objects, lambda: one("objects", models.objects)),
        "faces": (models.faces, lambda: open_faces(settings)),
        "labels": (models.labels, lambda: Labels(one("labels", models.labels))),
        "moderation": (models.moderation, lambda: Moderation(one("moderation", models.moderation))),
    }
    for task, (names, opener) in openers.items():
        if task not in tasks or not names:
            continue
        try:
            setattr(abilities, task, opener())
        except (ModelError, AcceleratorError) as error:
            abilities.missing[task] = str(error)
            log.warning("no %s: %s", task, error)
    if abilities.missing and not abilities.models():
        raise UnavailableError("; ".join(dict.fromkeys(abilities.missing.values())))
    return abilities
