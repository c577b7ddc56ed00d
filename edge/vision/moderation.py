"""What should perhaps not be shown: flags of Rekognition's taxonomy 7.0, each with the flags above it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edge.failover import AnyModel
from edge.findings import Flag, Moderated, Trait
from edge.values import Detection, Image, Label
from models import moderation
from models.manifest import ModelError, labels
from models.moderation.drawn import drawn
from models.outputs import Scores

UNSAFE = "unsafe"


class Moderation:
    """`model` scores how unsafe a picture is; `nudity`, a second voter, also knows the suggestive from the explicit."""

    def __init__(self, model: AnyModel, nudity: AnyModel | None = None) -> None:
        _check(model, UNSAFE)
        if nudity:
            _check(nudity, *moderation.EXPLICIT, moderation.SUGGESTIVE)
        self.model = model
        self.nudity = nudity
        self.models = (model, nudity) if nudity else (model,)

    def score(self, image: Image) -> float:
        """The probability, 0..1, that the picture is unsafe: the first voter's alone."""
        return _scores(self.model, image)[UNSAFE]

    def look(
        self, image: Image, floor: float, objects: Sequence[Detection] = (), labels: Sequence[Label] = ()
    ) -> Moderated:
        """Flags that score at least `floor`, surest first, a parent before its children.

        `objects` and `labels` are what was found in the same picture; without them, only nudity can be flagged. What
        each name rests on, and which are never flagged, stands in docs/MODERATION.md.
        """
        evidence = moderation.Evidence(
            self.score(image),
            _scores(self.nudity, image) if self.nudity else {},
            _best((label.name, label.score) for label in labels),
            _best((item.label, item.score) for item in objects),
        )
        return Moderated(_flags(moderation.scores(evidence), floor), _content_types(image, floor))

    def close(self) -> None:
        for model in self.models:
            model.close()


def _check(model: AnyModel, *wanted: str) -> None:
    if missing := [label for label in wanted if label not in model.labels]:
        raise ModelError(f"{model.manifest.name} has no label {missing[0]!r}: it cannot serve for moderation")


def _scores(model: AnyModel, image: Image) -> dict[str, float]:
    found = model.run(image)
    if not isinstance(found, Scores):
        raise ModelError(f"{model.manifest.name} gives no scores: it cannot serve for moderation")
    return dict(zip(labels(model.use.name), found.values.tolist(), strict=True))


def _best(found: Iterable[tuple[str, float]]) -> dict[str, float]:
    best: dict[str, float] = {}
    for name, score in found:
        best[name] = max(best.get(name, 0.0), score)
    return best


def _flags(scores: Mapping[str, float], floor: float) -> tuple[Flag, ...]:
    flags = [
        Flag(entry.name, entry.parent, entry.level, scores[entry.name])
        for entry in moderation.names()
        if entry.name in scores and scores[entry.name] >= floor
    ]
    return tuple(sorted(flags, key=lambda flag: (-flag.score, flag.level)))


def _content_types(image: Image, floor: float) -> tuple[Trait, ...]:
    score = drawn(image)
    return (Trait(moderation.ILLUSTRATED, score),) if score >= floor else ()
