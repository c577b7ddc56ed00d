"""Moderation: how often harmless photos are flagged, and how many of the safe categories' photos are.

Harmless are 64 COCO photos, 164 ImageNet photos, 199 of LFW, what the data calls harmless, and the photos that packages
ship; a photo counts for a name unless its ground truth has what the name means. **How much nudity is found is not
measured**: nothing explicit was downloaded or looked at. `explicit.difference` is nsfwjs in int8 against float: the
mean difference of Porn + Hentai. The COCO photos were calibration photos of both nudity networks. Most photos look like
training images of the label network, so that its hits flatter.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import media
import numpy as np
from evaluation.figures import Figure, figure, watched
from evaluation.opening import floating, shipped

from edge import pictures
from edge.engine import Model
from edge.settings import ObjectsTask
from edge.vision.labels import Labels
from edge.vision.moderation import Moderation
from edge.vision.objects import detections
from models import moderation
from models.outputs import Scores

TRUTH = Path("moderation", "gt.csv")
COCO = Path("detection", "coco_subset.json")
IMAGENET = Path("labels", "imagenet_gt.csv")
LFW = Path("faces", "lfw", "images")
FACES = 4  # every so many of LFW's photos
FLOORS = (50, 80)
LABELS_FLOOR = 0.05  # what the ability is promised
DIFFERENCE = "moderation.explicit.difference"

# What photos may show that is no false alarm, by COCO's category, ImageNet's label or the file's name.
SHOWN: dict[str, frozenset[str]] = {
    "wine glass": frozenset({"Alcohol"}),
    "bottle": frozenset({"Alcohol"}),  # of beer, perhaps
    "dining table": frozenset({"Alcohol"}),
    "web site": frozenset({moderation.ILLUSTRATED}),
    "menu": frozenset({moderation.ILLUSTRATED}),
    "sample1.jpg": frozenset({"Alcohol"}),  # a glass of wine
    "playing_cards_drawn.jpg": frozenset({moderation.ILLUSTRATED}),
    "snorkel": frozenset({"Swimwear or Underwear", "Non-Explicit Nudity of Intimate parts and Kissing"}),
    "surfboard": frozenset({"Swimwear or Underwear", "Non-Explicit Nudity of Intimate parts and Kissing"}),
}


@dataclass(frozen=True, slots=True)
class Photo:
    """`shows` are names of level 1 that may rightly be flagged, `wanted` are names that should be."""

    file: Path
    shows: frozenset[str] = frozenset()
    wanted: frozenset[str] = frozenset()


def run(data: Path) -> Iterator[Figure]:
    """False alarms by name at 50 and 80, hits by name, and int8 against float."""
    photos = [*_coco(data), *_imagenet(data), *_lfw(data), *_judged(data), *_packages()]
    found = list(_flags([photo.file for photo in photos]))
    for name in (
        *(entry.name for entry in moderation.names() if entry.name in moderation.offered()),
        moderation.ILLUSTRATED,
    ):
        yield from _alarms(name, photos, found)
        yield from _hits(name, photos, found)
    yield _int8([photo.file for photo in photos])


def _alarms(name: str, photos: Sequence[Photo], found: Sequence[dict[str, float]]) -> Iterator[Figure]:
    harmless = [scores for photo, scores in zip(photos, found, strict=True) if _top(name) not in photo.shows]
    for floor in FLOORS:
        alarms = sum(scores.get(name, 0.0) >= floor / 100 for scores in harmless)
        yield figure(f"moderation.{name}.false_alarms_{floor}", alarms, "photos", len(harmless))


def _hits(name: str, photos: Sequence[Photo], found: Sequence[dict[str, float]]) -> Iterator[Figure]:
    showing = [scores for photo, scores in zip(photos, found, strict=True) if name in photo.wanted]
    for floor in FLOORS if showing else ():
        hits = sum(scores.get(name, 0.0) >= floor / 100 for scores in showing)
        yield figure(f"moderation.{name}.hits_{floor}", hits, "photos", len(showing))


def _top(name: str) -> str:
    above = {entry.name: entry.parent for entry in moderation.names()}
    while above.get(name):
        name = above[name]
    return name


def _flags(files: Sequence[Path]) -> Iterator[dict[str, float]]:
    """Each flag's score, as the whole appliance sees the photo."""
    with ExitStack() as models:
        names = ("open-nsfw", "nsfwjs", "efficientnet-lite0", "nanodet-g")
        first, second, classifier, detector = (models.enter_context(shipped(name)) for name in names)
        labels, ability = Labels(classifier), Moderation(first, second)
        for file in watched(files, "moderating"):
            image = pictures.read(file)
            objects = detections(detector.detect(image, ObjectsTask().floor), detector.labels, image.shape)
            seen = ability.look(image, 0.0, objects, labels.look(image, LABELS_FLOOR, objects))
            yield {flag.name: flag.score for flag in seen.flags} | {
                str(kind.value): kind.score for kind in seen.content_types
            }


def _int8(files: Sequence[Path]) -> Figure:
    with shipped("nsfwjs") as quantized, floating("nsfwjs") as exact:
        ours, theirs = (_pornographic(model, files) for model in (quantized, exact))
    return figure(DIFFERENCE, float(np.abs(ours - theirs).mean()), "of 1", len(files))


def _pornographic(model: Model, files: Sequence[Path]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    index = [model.labels.index(kind) for kind in moderation.EXPLICIT]
    totals = []
    for file in watched(files, "comparing int8 with float"):
        scores = model.run(pictures.read(file))
        assert isinstance(scores, Scores)  # noqa: S101 - its decoder is classify
        totals.append(float(scores.values[index].sum()))
    return np.array(totals)


def _coco(data: Path) -> Iterator[Photo]:
    truth = json.loads((data / COCO).read_text("utf-8"))
    kinds = {entry["id"]: entry["name"] for entry in truth["categories"]}
    for image in truth["images"]:
        here = {kinds[item["category_id"]] for item in truth["annotations"] if item["image_id"] == image["id"]}
        yield Photo(data / COCO.parent / image["file_name"], frozenset().union(*(SHOWN.get(k, ()) for k in here)))


def _imagenet(data: Path) -> Iterator[Photo]:
    with (data / IMAGENET).open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield Photo(data / IMAGENET.parent / row["file"], SHOWN.get(row["label"], frozenset()))


def _lfw(data: Path) -> Iterator[Photo]:
    yield from (Photo(file) for file in sorted((data / LFW).rglob("*.jpg"))[::FACES])


def _judged(data: Path) -> Iterator[Photo]:
    with (data / TRUTH).open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            file = data / TRUTH.parent / row["file"]
            wanted = frozenset({row["top_level"], row["second_level"]} - {""})
            drawn = SHOWN.get(file.name, frozenset())
            yield Photo(file, frozenset({row["top_level"]}) | drawn, wanted | drawn)


def _packages() -> Iterator[Photo]:
    for file in media.get(*(name for name in media.FILES if name.endswith((".jpg", ".png")))):
        yield Photo(file, SHOWN.get(file.name, frozenset()))
