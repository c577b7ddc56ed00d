"""Labels of a whole picture, with the chain of names above each."""

from __future__ import annotations

from edge.failover import AnyModel
from edge.values import Image, Label
from models import labels as hierarchy
from models.manifest import ModelError
from models.outputs import Scores


class Labels:
    def __init__(self, model: AnyModel) -> None:
        self.model = model
        hierarchy.load(model.manifest.name)  # tells now if there is none

    def look(self, image: Image, floor: float) -> list[Label]:
        """Names that score at least `floor`, best first; a parent scores at least as much as its child."""
        found = self.model.run(image)
        if not isinstance(found, Scores):
            raise ModelError(f"{self.model.manifest.name} gives no scores: it cannot serve for labels")
        return [Label(*label) for label in hierarchy.load(self.model.use.name).top(found.values, floor)]
