"""Labels of one's own: what a version of a project's model sees in a picture, of the whole or in boxes."""

from __future__ import annotations

import numpy as np

from edge.failover import AnyModel
from edge.findings import CustomAnswer, CustomLabel
from edge.packs.custom import Installed
from edge.values import Box, Image
from models.manifest import ModelError
from models.outputs import Boxes, Floats, Result, Scores


class Custom:
    """One opened version, at `place` (PROJECT/VERSION). May be shared between threads."""

    def __init__(self, model: AnyModel, installed: Installed, place: str) -> None:
        self.model = model
        self.installed = installed
        self.place = place
        self.project, _, self.version = place.partition("/")
        self._labels = installed.index.labels
        self._thresholds = np.array([label.threshold for label in self._labels], np.float32)
        self._least = float(self._thresholds.min())

    @property
    def models(self) -> tuple[AnyModel, ...]:
        return (self.model,)

    def close(self) -> None:
        self.model.close()

    def look(self, image: Image, floor: float | None = None) -> list[CustomLabel]:
        """Labels that score at least `floor`, best first; without one, each from its own threshold."""
        found = self.checked(self.model.run(image, self._least if floor is None else floor))
        floors = self._thresholds if floor is None else np.full_like(self._thresholds, floor)
        return self._boxed(found, floors, image) if isinstance(found, Boxes) else self._whole(found.values, floors)

    def answer(self, image: Image, floor: float | None = None) -> CustomAnswer:
        """As `look`, with who says it."""
        return CustomAnswer(self.project, self.version, tuple(self.look(image, floor)))

    def checked(self, found: Result) -> Boxes | Scores:
        """What the model gave, if it is about these labels; raises ModelError if it is not."""
        count = len(self._labels)
        if isinstance(found, Scores) and len(found.values) == count:
            return found
        if isinstance(found, Boxes) and (not len(found) or found.classes.max() < count):
            return found
        raise ModelError(f"{self.place} does not answer as its {count} labels ask; train and install it anew")

    def _whole(self, values: Floats, floors: Floats) -> list[CustomLabel]:
        best = np.argsort(-values, kind="stable")
        return [self._label(place, values[place]) for place in best[values[best] >= floors[best]].tolist()]

    def _boxed(self, found: Boxes, floors: Floats, image: Image) -> list[CustomLabel]:
        kept = found.take(found.scores >= floors[found.classes])
        places = kept.xyxy / np.array([image.shape[1], image.shape[0]] * 2, np.float32)
        rows = zip(kept.classes.tolist(), kept.scores, places.tolist(), strict=True)
        return [self._label(kind, score, Box(*place)) for kind, score, place in rows]

    def _label(self, place: int, score: np.float32, box: Box | None = None) -> CustomLabel:
        label = self._labels[place]
        return CustomLabel(label.name, float(score), box, label.parent)
