"""The moderation score of a whole picture: how likely it should not be shown at work."""

from __future__ import annotations

from edge.failover import AnyModel
from edge.values import Image
from models.manifest import ModelError, labels
from models.outputs import Scores

UNSAFE = "unsafe"


class Moderation:
    def __init__(self, model: AnyModel) -> None:
        if UNSAFE not in model.labels:
            raise ModelError(f"{model.manifest.name} has no label {UNSAFE!r}: it cannot serve for moderation")
        self.model = model

    def score(self, image: Image) -> float:
        """The probability, 0..1, that the picture is unsafe."""
        found = self.model.run(image)
        if not isinstance(found, Scores):
            raise ModelError(f"{self.model.manifest.name} gives no scores: it cannot serve for moderation")
        return float(found.values[labels(self.model.use.name).index(UNSAFE)])
