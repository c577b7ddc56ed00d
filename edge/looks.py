"""What is looked for in a camera's frames at a rate of its own: an event when the answer has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from edge.abilities import Abilities
from edge.events import rules
from edge.failover import AnyModel
from edge.findings import CustomLabel
from edge.scene import Scene
from edge.settings import Tasks
from models.outputs import Boxes

GONE = 10  # looks without a celebrity until the next one is news

Told = Any  # what a look remembers of what it told last
Answers = tuple[list[Mapping[str, Any]], Told]


class Look(NamedTuple):
    """`see` gives the values of each event there is to tell, and what has been told by then."""

    event: str
    see: Callable[[Scene, Tasks, Told], Answers]
    told: Told  # before the first look


def _one(values: Mapping[str, Any] | None, told: Told) -> Answers:
    return ([values] if values else []), told


def _labels(scene: Scene, _: Tasks, told: Told) -> Answers:
    return _one(*rules.labels(scene.labels, told))


def _moderation(scene: Scene, tasks: Tasks, told: Told) -> Answers:
    floor = tasks.moderation.floor
    return _one(*rules.moderation(scene.moderated(rules.REARM * floor), floor, told))


def _attributes(scene: Scene, tasks: Tasks, told: Told) -> Answers:
    large = _large(scene.faces, tasks.attributes.min_pixels)
    seen = [details for details, enough in zip(scene.attributes, large, strict=True) if enough]
    return _one(*rules.face_details(seen, told))


def _text(scene: Scene, _: Tasks, told: Told) -> Answers:
    return _one(*rules.text(scene.text, told))


def _properties(scene: Scene, tasks: Tasks, told: Told) -> Answers:
    quality = scene.properties.quality
    state = rules.picture_state(quality, tasks.properties)
    return _one(None if state == told else {"state": state, **rules.quality(quality)}, state)


def _ppe(scene: Scene, tasks: Tasks, told: Told) -> Answers:
    return _one(*rules.ppe(scene.ppe, tasks.ppe.required, told))


def _celebrities(scene: Scene, _: Tasks, told: dict[str, int]) -> Answers:
    boxes = scene.boxes
    here = {who.id: (who, box) for who, box in zip(scene.celebrities, boxes, strict=True) if who}
    new: list[Mapping[str, Any]] = [rules.celebrity(who, box) for name, (who, box) in here.items() if name not in told]
    waiting = {name: looks + 1 for name, looks in told.items() if name not in here and looks < GONE}
    return new, waiting | dict.fromkeys(here, 0)


def _liveness(scene: Scene, tasks: Tasks, told: Told) -> Answers:
    task = tasks.liveness
    faces = zip(scene.boxes, scene.liveness, _large(scene.faces, task.min_pixels), strict=True)
    return _one(*rules.liveness([(box, advice) for box, advice, enough in faces if enough], task.floor, told))


def _large(faces: Boxes, least: int) -> list[bool]:
    sides = faces.xyxy[:, 2:] - faces.xyxy[:, :2]
    return [bool(side >= least) for side in sides.min(axis=1, initial=float("inf"))]


LOOKS = {
    "labels": Look("labels", _labels, frozenset()),
    "moderation": Look("moderation", _moderation, frozenset()),
    "attributes": Look("face_details", _attributes, rules.Settled((), ())),
    "text": Look("text", _text, {}),
    "properties": Look("picture_quality", _properties, "good"),
    "ppe": Look("ppe", _ppe, (0, 0, 0)),
    "celebrities": Look("celebrity", _celebrities, {}),
    "liveness": Look("liveness", _liveness, rules.Settled((), ())),
}


class CustomTold(NamedTuple):
    """Of a project: each label with its looks since; and the labels of both versions, where one is tried."""

    labels: Mapping[str, int] = {}
    both: tuple[frozenset[str], ...] = (frozenset(), frozenset())


class CustomHeard(NamedTuple):
    """What a project's model sees, and the events there are to tell: their type, values, and whose word it is."""

    labels: tuple[CustomLabel, ...]
    events: Sequence[tuple[str, Mapping[str, Any], tuple[AnyModel, ...]]]
    told: CustomTold


def custom(scene: Scene, project: str, told: CustomTold) -> CustomHeard:
    """As a look sees, for one project."""
    speaker, listener = scene.speaker(project), scene.speaker(project, shadow=True)
    if speaker is None:
        return CustomHeard((), [], told)
    answer, events, both = scene.answer(speaker), [], told.both
    values, labels = rules.custom_labels(answer, told.labels)
    if values:
        events.append(("custom_labels", values, speaker.models))
    if listener:
        values, both = rules.custom_shadow(answer, scene.answer(listener), both)
        if values:
            events.append(("custom_shadow", values, (*speaker.models, *listener.models)))
    return CustomHeard(answer.labels, events, CustomTold(labels, both))


def speakers(task: str, abilities: Abilities) -> tuple[AnyModel, ...]:
    """The models whose word an event of this task rests on."""
    ability = getattr(abilities, task)
    return () if isinstance(ability, bool) else ability.models
