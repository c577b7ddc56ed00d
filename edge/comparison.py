"""Comparing the faces of two pictures, as CompareFaces does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.quality import Level
from edge.similarity import percent
from edge.vision.faces import FaceView, fit

MOST = 100  # faces of the target


@dataclass(frozen=True, slots=True)
class Compared:
    """A face of the target, and how similar it is to the source's, in percent."""

    view: FaceView
    similarity: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """`matches` and `unmatched` are all the target's faces, the most similar first; `source` is the largest there."""

    source: FaceView
    matches: tuple[Compared, ...]
    unmatched: tuple[Compared, ...]


def compare(
    source: Sequence[FaceView],
    target: Sequence[FaceView],
    threshold: float = 80.0,
    level: Level = "NONE",
    places: tuple[str, str] = ("source", "target"),
) -> Comparison:
    """The largest face of the source against the MOST largest of the target; both as `FaceAnalyzer.analyze` gives them.

    A face matches at a similarity of `threshold` percent or more. Raises InputError that names the place (of `places`)
    where there is no face, or none that passes the quality filter.
    """
    seen = fit(source, level, places[0])[0]
    against = fit(target, level, places[1])[:MOST]
    cosines = [float(seen.vector @ view.vector) for view in against]
    ranked = sorted(zip(cosines, against, strict=True), key=lambda one: -one[0])
    compared = [Compared(view, percent(cosine)) for cosine, view in ranked]
    count = sum(one.similarity >= threshold for one in compared)
    return Comparison(seen, tuple(compared[:count]), tuple(compared[count:]))
