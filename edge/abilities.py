"""The abilities a configuration asks for, opened once and shared by cameras, commands and requests."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from accel.session import AcceleratorError
from edge.customs import Customs, ServedCustoms, Settings
from edge.engine import check_backends
from edge.errors import EdgeError, UnavailableError
from edge.events import rules
from edge.events.schema import NO_CAMERA
from edge.failover import AnyModel, Change, Failover, open_failover
from edge.values import Event
from edge.vision.attributes import Attributes, open_attributes
from edge.vision.celebrities import Celebrities, open_celebrities
from edge.vision.faces import FaceAnalyzer, open_faces
from edge.vision.labels import Labels
from edge.vision.liveness import LivenessCheck, open_liveness
from edge.vision.moderation import Moderation
from edge.vision.ppe import Ppe, open_ppe
from edge.vision.text import Text, open_text
from models.manifest import ModelError, Task

log = logging.getLogger(__name__)

# The models of each ability; those in OPTIONAL make it better, without the others it cannot be had.
MODELS: Mapping[str, tuple[Task, ...]] = {
    "objects": ("objects",),
    "faces": ("faces", "embedding"),
    "labels": ("labels",),
    "moderation": ("moderation", "nudity"),
    "attributes": ("mesh", "blendshapes", "traits", "expression"),
    "text": ("text_boxes", "text_lines", "text_turn"),
    "properties": (),
    "ppe": ("keypoints", "labels", "masks"),
    "celebrities": (),
    "liveness": ("liveness", "liveness_wide", "liveness_second"),
    "custom": (),
}
OPTIONAL = frozenset({"nudity", "masks"})
# What an ability is given by others: it cannot do without the faces, and says more with the rest.
NEEDS = {"attributes": ("faces",), "celebrities": ("faces",), "liveness": ("faces",), "ppe": ("faces",)}
GAINS = {
    "labels": ("objects",),
    "moderation": ("objects", "labels"),
    "properties": ("objects",),
    "ppe": ("objects", "faces"),
}


@dataclass(slots=True)
class Abilities:
    """What could be opened; None for a task that is off or cannot be had, with its reason in `missing`."""

    objects: AnyModel | None = None
    faces: FaceAnalyzer | None = None
    labels: Labels | None = None
    moderation: Moderation | None = None
    attributes: Attributes | None = None
    text: Text | None = None
    properties: bool | None = None  # takes no model
    ppe: Ppe | None = None
    celebrities: Celebrities | None = None
    liveness: LivenessCheck | None = None
    custom: Customs | None = None
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def skipped(self) -> dict[str, list[str]]:
        """Which back ends were passed over and why, by task."""
        return {model.use.task: list(model.skipped) for model in self.models() if model.skipped}

    def models(self) -> list[AnyModel]:
        """Every opened model of the zoo, once: two abilities may share one."""
        abilities = (
            self.faces, self.labels, self.moderation, self.attributes, self.text,
            self.ppe, self.celebrities, self.liveness,
        )  # fmt: skip
        seeing = [model for ability in abilities if ability for model in ability.models]
        return list(dict.fromkeys([self.objects, *seeing] if self.objects else seeing))

    def tend(self) -> None:
        """Bring back what has failed; for one thread, often."""
        for model in self.failovers():
            model.tend()
        if self.custom:
            self.custom.tend()

    def standing(self) -> dict[str, dict[str, Any]]:
        """By task, which model speaks on what, and which ones failed, why and since when (epoch seconds)."""
        standing = {
            model.use.task: model.standing()
            if isinstance(model, Failover)
            else {"name": model.use.name, "backend": model.use.backend, "device": model.session.device}
            for model in self.models()
        }
        return standing | (self.custom.standing() if self.custom else {})

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
        own = self.custom.failovers() if self.custom else []
        return [*(model for model in self.models() if isinstance(model, Failover)), *own]

    def close(self) -> None:
        for model in self.models():
            model.close()
        if self.custom:
            self.custom.close()


def _values(change: Change) -> dict[str, Any]:
    if change.kind == "failed":
        return rules.accelerator_failed(change.use, change.reason, change.instead)
    return rules.accelerator_restored(change.use)


def needed(task: str) -> list[Task]:
    """The models without which this ability cannot be had."""
    return [model for model in MODELS[task] if model not in OPTIONAL]


def with_needs(tasks: Collection[str], also: Mapping[str, tuple[str, ...]] = NEEDS) -> frozenset[str]:
    """`tasks`, and those whose findings they are given."""
    return frozenset(tasks).union(*(also.get(task, ()) for task in tasks))


def open_abilities(settings: Settings, tasks: Collection[str], *, lasting: bool = False) -> Abilities:
    """Open `tasks` (of MODELS) and what they need; raises UnavailableError if none of them can be had.

    `lasting` is for who calls `tend`: what no back end can run yet may come later.
    """
    abilities = Abilities()
    openers: dict[str, Callable[[], object]] = {
        "objects": lambda: open_failover("objects", settings, lasting=lasting),
        "faces": lambda: open_faces(settings, lasting=lasting),
        "labels": lambda: Labels(open_failover("labels", settings, lasting=lasting)),
        "moderation": lambda: _open_moderation(settings, lasting=lasting),
        "attributes": lambda: open_attributes(settings, lasting=lasting),
        "text": lambda: open_text(settings, lasting=lasting),
        "properties": lambda: True,
        # One EfficientNet serves both.
        "ppe": lambda: open_ppe(
            settings, lasting=lasting, features=abilities.labels.model if abilities.labels else None
        ),
        "celebrities": lambda: open_celebrities(settings),
        "liveness": lambda: open_liveness(settings, lasting=lasting),
        "custom": lambda: ServedCustoms(settings),
    }
    for task in (task for task in openers if task in with_needs(tasks)):
        if not all(settings.models.of(model) for model in MODELS[task][:1]):
            continue
        try:
            setattr(abilities, task, openers[task]())
        except (ModelError, AcceleratorError, EdgeError) as error:
            abilities.missing[task] = str(error)
    faults = abilities.missing | {model.use.task: model.fault for model in abilities.failovers() if model.fault}
    if faults and not abilities.properties and not any(model["name"] for model in abilities.standing().values()):
        abilities.close()
        check_backends(settings)
        raise UnavailableError("; ".join(dict.fromkeys(faults.values())))
    for task, reason in faults.items():
        log.warning("no %s: %s", task, reason)
    for task, reasons in abilities.skipped.items():
        log.warning("%s: passed over %s", task, "; ".join(reasons))
    return abilities


def _open_moderation(settings: Settings, *, lasting: bool) -> Moderation:
    """With its second voter, where that is installed."""
    model = open_failover("moderation", settings, lasting=lasting)
    with suppress(ModelError, AcceleratorError):
        return Moderation(model, open_failover("nudity", settings, lasting=lasting))
    return Moderation(model)
