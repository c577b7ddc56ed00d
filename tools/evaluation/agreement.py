"""Agreement: int8 against the same graphs in float, on the photos that packages ship; no ground truth is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import media
import numpy as np
from evaluation.figures import Figure, figure, watched
from evaluation.opening import floating, shipped

from edge import pictures
from edge.settings import FacesTask, ObjectsTask
from edge.values import Image
from edge.vision.faces import FaceAnalyzer
from models.boxes import iou
from models.outputs import Boxes, Scores


def run(_data: Path | None) -> Iterator[Figure]:
    """Faces' vectors, objects' boxes and the best label, each against the float graph."""
    names = [name for name in media.FILES if not name.endswith(".mp4")]
    photos = [pictures.read(file) for file in watched(media.get(*names), "reading photos")]
    yield from faces(photos)
    yield from objects(photos)
    yield from labels(photos)


def faces(photos: list[Image]) -> Iterator[Figure]:
    with shipped("yunet") as detector, shipped("sface") as quantized, floating("sface") as exact:
        ours, theirs = FaceAnalyzer(detector, quantized), FaceAnalyzer(detector, exact)
        cosines = [
            float(mine.vector @ known.vector)
            for photo in watched(photos, "embedding faces")
            for mine, known in zip(
                ours.analyze(photo, FacesTask().floor), theirs.analyze(photo, FacesTask().floor), strict=True
            )
        ]
    yield figure("agreement.sface.cosine", float(np.mean(cosines)), "mean", len(cosines))
    yield figure("agreement.sface.least_cosine", min(cosines), "least", len(cosines))


def objects(photos: list[Image]) -> Iterator[Figure]:
    """A box agrees if the other form has one of its class that overlaps by half."""
    floor = ObjectsTask().floor
    both = agreed = 0
    with shipped("nanodet-g") as quantized, floating("nanodet-g") as exact:
        for photo in watched(photos, "detecting objects"):
            ours, theirs = quantized.detect(photo, floor), exact.detect(photo, floor)
            both += len(ours) + len(theirs)
            agreed += _agreeing(ours, theirs) + _agreeing(theirs, ours)
    yield figure("agreement.nanodet-g.boxes", agreed / both, "of boxes of both", both)


def _agreeing(ones: Boxes, others: Boxes) -> int:
    near = (iou(ones.xyxy, others.xyxy) >= 0.5) & (ones.classes[:, None] == others.classes)
    return int(near.any(axis=1).sum())


def labels(photos: list[Image]) -> Iterator[Figure]:
    same = 0
    with shipped("efficientnet-lite0") as quantized, floating("efficientnet-lite0") as exact:
        for photo in watched(photos, "classifying"):
            ours, theirs = quantized.run(photo), exact.run(photo)
            assert isinstance(ours, Scores)  # noqa: S101 - its decoder is classify
            assert isinstance(theirs, Scores)  # noqa: S101
            same += int(ours.values.argmax() == theirs.values.argmax())
    yield figure("agreement.efficientnet-lite0.same_top1", same / len(photos), "of photos", len(photos))
