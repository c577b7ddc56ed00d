"""Labels of a whole picture, with the chain of names above each."""

from __future__ import annotations

from edge.engine import Model
from edge.values import Image, Label
from models import labels as hierarchy
from models.manifest import ModelError
from models.outputs import Scores


class Labels:
    def __init__(self, model: Model) -> None:
        self.model = model
        self._taxonomy = hierarchy.load(model.manifest.name)

    def look(self, image: Image, floor: float) -> list[Label]:
        """Names that score at least `floor`, best first; a parent scores at least as much as its child."""
        found = self.model.run(image)
        if not isinstance(found, Scores):
            raise ModelError(f"{self.model.manifest.name} gives no scores: it cannot serve for labels")
        return [Label(*label) for label in self._taxonomy.top(found.values, floor)]
