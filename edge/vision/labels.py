"""Labels of a whole picture with the names above each: what the classifier says, and what the objects add to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.failover import AnyModel
from edge.values import Detection, Image, Label
from models import labels as hierarchy
from models import scenes
from models.labels import Taxonomy
from models.manifest import ModelError
from models.outputs import Floats, Scores

Found = dict[int, list[Detection]]  # a label's number to its instances


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

    def passes(self, label: Label) -> bool:
        own = frozenset(label.categories)
        if label.name in self.without_names or own & self.without_categories:
            return False
        anything = not self.names and not self.categories
        return anything or label.name in self.names or bool(own & self.categories)

    def take(self, labels: Sequence[Label]) -> list[Label]:
        return [label for label in labels if self.passes(label)][: self.most]


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
    scores = taxonomy.confidences(values)
    if instances:
        scores = taxonomy.lifted(scores, {node: many[0].score for node, many in instances.items()})
        scores = taxonomy.lifted(scores, _evidence(taxonomy, scores, instances))
    return [
        Label(*_facts(taxonomy, node, scores), tuple(one for one in instances.get(node, ()) if one.score >= floor))
        for node in taxonomy.ranked(scores, floor).tolist()
    ]


def _facts(
    taxonomy: Taxonomy, node: int, scores: Floats
) -> tuple[str, float, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    label = taxonomy.labels[node]
    return label.name, float(scores[node]), label.parents, label.aliases, label.categories


def _instances(taxonomy: Taxonomy, objects: Sequence[Detection]) -> Found:
    """The objects under their labels' names with calibrated scores, best first."""
    known = [one for one in objects if one.label in taxonomy.objects]
    sure = taxonomy.detected(np.array([one.score for one in known], np.float32)).tolist()
    instances: Found = defaultdict(list)
    for one, score in sorted(zip(known, sure, strict=True), key=lambda pair: -pair[1]):
        node = taxonomy.objects[one.label]
        instances[node].append(Detection(taxonomy.labels[node].name, score, one.box))
    return dict(instances)


def _evidence(taxonomy: Taxonomy, scores: Floats, instances: Found) -> dict[int, float]:
    """What scenes and activities the labels and instances speak for."""
    sure = {name: float(scores[taxonomy.index[name]]) for name in scenes.CLUES}
    boxes = {
        taxonomy.labels[node].name: [(one.score, (one.box.x1, one.box.y1, one.box.x2, one.box.y2)) for one in many]
        for node, many in instances.items()
    }
    return {taxonomy.index[name]: score for name, score in (scenes.places(sure) | scenes.activities(boxes)).items()}
