"""The moderation score of a whole picture: how likely it should not be shown at work."""

from __future__ import annotations

from edge.engine import Model
from edge.values import Image
from models.manifest import ModelError
from models.outputs import Scores


class Moderation:
    def __init__(self, model: Model) -> None:
        self.model = model

    def score(self, image: Image) -> float:
        """0..1; the label at `decode.index` of the model's scores."""
        found = self.model.run(image)
        if not isinstance(found, Scores):
            raise ModelError(f"{self.model.manifest.name} gives no scores: it cannot serve for moderation")
        return float(found.values[self.model.manifest.decode.index])
