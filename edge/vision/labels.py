"""Labels of a whole picture with the names above each: what the classifier says, and what the objects add to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge.failover import AnyModel
from edge.settings import LabelsTask
from edge.values import Detection, Image, Label
from models import labels as hierarchy
from models import scenes
from models.labels import Taxonomy
from models.manifest import ModelError
from models.outputs import Floats, Scores

Found = dict[int, list[Detection]]  # a label's number to its instances


class Named(Protocol):
    """A label, of a picture or as such."""

    @property
    def name(self) -> str: ...

    @property
    def categories(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class LabelFilter:
    """Which labels are wanted, by exact names, as DetectLabels filters them; empty lets everything pass.

    A label passes that is named in `names` or has one of `categories`; what the `without_` ones name never passes.
    `most` keeps the best ones.
    """

    names: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    without_names: frozenset[str] = frozenset()
    without_categories: frozenset[str] = frozenset()
    most: int | None = None

    def passes(self, label: Named) -> bool:
        own = frozenset(label.categories)
        if label.name in self.without_names or own & self.without_categories:
            return False
        anything = not self.names and not self.categories
        return anything or label.name in self.names or bool(own & self.categories)

    def take(self, labels: Sequence[Label]) -> list[Label]:
        return [label for label in labels if self.passes(label)][: self.most]


def filter_of(task: LabelsTask) -> LabelFilter:
    """What a camera wants."""
    return LabelFilter(
        frozenset(task.include),
        frozenset(task.include_categories),
        frozenset(task.exclude),
        frozenset(task.exclude_categories),
    )


class Labels:
    def __init__(self, model: AnyModel) -> None:
        self.model = model
        hierarchy.load(model.manifest.name)  # tells now if there is none

    @property
    def models(self) -> tuple[AnyModel, ...]:
        return (self.model,)

    def close(self) -> None:
        self.model.close()

    def look(
        self,
        image: Image,
        floor: float,
        objects: Sequence[Detection] = (),
        wanted: LabelFilter | None = None,
    ) -> list[Label]:
        """Labels of at least `floor`, best first; a parent is there with every label, and at least as sure.

        `objects` are what a detector found; those that the vocabulary knows become instances of their labels, and
        tell of scenes and activities. A score is the chance that the label is right (docs/LABELS.md).
        """
        found = self.model.run(image)
        if not isinstance(found, Scores):
            raise ModelError(f"{self.model.manifest.name} gives no scores: it cannot serve for labels")
        labels = told(hierarchy.load(self.model.use.name), found.values, floor, objects)
        return wanted.take(labels) if wanted else labels


def told(taxonomy: Taxonomy, values: Floats, floor: float, objects: Sequence[Detection]) -> list[Label]:
    """What the classes' probabilities [classes] and a detector's objects say together, as `Labels.look` gives it."""
    instances = _instances(taxonomy, objects)
    scores = taxonomy.confidences(values, floor)
    if instances:
        scores = taxonomy.lifted(scores, {node: many[0].score for node, many in instances.items()})
        scores = taxonomy.lifted(scores, _evidence(taxonomy, scores, instances))
    return [_label(taxonomy, node, scores[node], instances, floor) for node in taxonomy.ranked(scores, floor)]


def _label(taxonomy: Taxonomy, node: int, score: float, instances: Found, floor: float) -> Label:
    label = taxonomy.labels[node]
    boxes = tuple(one for one in instances.get(node, ()) if one.score >= floor)
    return Label(label.name, score, label.parents, label.aliases, label.categories, boxes)


def _instances(taxonomy: Taxonomy, objects: Sequence[Detection]) -> Found:
    """The objects under their labels' names with calibrated scores, best first."""
    instances: Found = {}
    for one in sorted(objects, key=lambda one: -one.score):
        if (node := taxonomy.objects.get(one.label)) is not None:
            found = Detection(taxonomy.labels[node].name, taxonomy.detected(one.score), one.box)
            instances.setdefault(node, []).append(found)
    return instances


def _evidence(taxonomy: Taxonomy, scores: Mapping[int, float], instances: Found) -> dict[int, float]:
    """What scenes and activities the labels and instances speak for; no rule is surer than the weakest it needs."""
    sure = {taxonomy.labels[node].name: score for node, score in scores.items()}
    boxes = {
        taxonomy.labels[node].name: [(one.score, (one.box.x1, one.box.y1, one.box.x2, one.box.y2)) for one in many]
        for node, many in instances.items()
    }
    return {taxonomy.index[name]: score for name, score in (scenes.places(sure) | scenes.activities(boxes)).items()}
