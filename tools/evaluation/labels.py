"""Labels: how many are right of those given from a confidence of 55 and of 80 on; int8, with the float graph beside.

Measured on every second photo; the others served to fit the calibration (tools/fit-labels), and docs/LABELS.md says
how. *imagenet* are photos of one thing each, and only its class and that class's ancestors count as right, whatever
else is in the picture; they look like training images. *coco* are cluttered photos, where what was annotated and what
a person saw (tools/evaluation/seen.csv) counts; *near_80* is how many are right of those given 75 to 85. *all* adds
what the detector found, scenes and activities; the detectors were trained on these photos. *scenes* are rooms,
streets and activities on all of the photos, for no number was fitted to them there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from evaluation import detection
from evaluation.figures import Figure, figure, watched
from evaluation.opening import floating, is_installed, shipped
from numpy.typing import NDArray

from edge import pictures
from edge.engine import Model
from edge.values import Box, Detection, Label
from edge.vision.labels import told
from edge.vision.objects import detections
from models import labels, scenes
from models.boxes import iou
from models.labels import Taxonomy
from models.manifest import folder
from models.outputs import Floats, Scores

TRUTH = Path("labels", "imagenet_gt.csv")
SEEN = Path(__file__).with_name("seen.csv")
MODEL, DETECTOR = "efficientnet-lite0", "nanodet-g"
BARS = (0.55, 0.80)
NEAR = (0.75, 0.85)
FOUND = 0.15  # detector scores below are surely wrong
WORN = {"Clothing", "Covering"}  # by everybody in these photos, though nobody annotated it
SCENES = {*scenes.PLACES, *scenes.ACTIVITIES, scenes.CROWD[0]}

Flags = NDArray[np.bool_]


class Photo(NamedTuple):
    file: Path
    right: frozenset[str]  # names of the labels that are true of it
    boxes: tuple[Detection, ...] = ()


def run(data: Path) -> Iterator[Figure]:
    """Precision of whole pictures, then of instances and scenes if the detector and its photos are there."""
    kinds = {"imagenet": classes(data)[1::2]}
    if (data / detection.TRUTH).exists():
        kinds["coco"] = scenes_of(data)[1::2]
    with shipped(MODEL) as quantized, floating(MODEL) as exact:
        for kind, photos in kinds.items():
            ours, theirs = (confidences(model, photos) for model in (quantized, exact))
            yield from compare(f"labels.{kind}", ours, theirs, truth(photos))
        if "coco" in kinds and is_installed(DETECTOR, "openvino"):
            yield from together(quantized, exact, scenes_of(data))


def classes(data: Path) -> list[Photo]:
    """Photos of one class each."""
    with (data / TRUTH).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    taxonomy, document = labels.load(MODEL), json.loads(folder(MODEL).joinpath("taxonomy.json").read_text())
    place = {entry["wnid"]: index for index, entry in enumerate(document["classes"])}
    return [
        Photo(
            data / TRUTH.parent / row["file"],
            frozenset(
                taxonomy.labels[node].name for node in taxonomy.members[taxonomy.leaves == place[row["wnid"]]].tolist()
            ),
        )
        for row in rows
    ]


def scenes_of(data: Path) -> list[Photo]:
    """COCO photos with what was annotated, and what a person saw in them."""
    document = json.loads((data / detection.TRUTH).read_text("utf-8"))
    with SEEN.open(encoding="utf-8", newline="") as stream:
        seen = {row["file"]: row["labels"].split(";") for row in csv.DictReader(stream)}
    taxonomy = labels.load(MODEL)
    known = {name.lower(): taxonomy.labels[node].name for name, node in taxonomy.objects.items()}
    kinds = {entry["id"]: known[entry["name"].lower()] for entry in document["categories"]}
    photos = []
    for image in document["images"]:
        boxes = tuple(
            Detection(kinds[one["category_id"]], 1.0, _box(one["bbox"], image))
            for one in document["annotations"]
            if one["image_id"] == image["id"]
        )
        names = {*seen.get(image["file_name"], ()), *(box.label for box in boxes)}
        above = {parent for name in names for parent in taxonomy.labels[taxonomy.index[name]].parents}
        worn = WORN if "Person" in names else set()
        photos.append(Photo(data / detection.TRUTH.parent / image["file_name"], frozenset(names | above | worn), boxes))
    return photos


def _box(bbox: Sequence[float], image: dict[str, Any]) -> Box:
    left, top, width, height = bbox
    across, down = image["width"], image["height"]
    return Box(left / across, top / down, (left + width) / across, (top + height) / down)


def truth(photos: Sequence[Photo]) -> Flags:
    """Which labels are right, [photos, labels]."""
    return np.array([[label.name in photo.right for label in labels.load(MODEL).labels] for photo in photos])


def probabilities(model: Model, image: NDArray[np.uint8]) -> Floats:
    found = model.run(image)
    assert isinstance(found, Scores)  # noqa: S101 - its decoder is classify
    return found.values


def confidences(model: Model, photos: Sequence[Photo]) -> Floats:
    """Of each label in each photo, [photos, labels]."""
    taxonomy = labels.load(MODEL)
    found = np.zeros((len(photos), len(taxonomy.labels)), np.float32)
    for row, photo in zip(found, watched(photos, "looking at photos"), strict=True):
        sure = taxonomy.confidences(probabilities(model, pictures.read(photo.file)))
        row[list(sure)] = list(sure.values())
    return found


def compare(name: str, ours: Floats, theirs: Floats, right: Flags) -> Iterator[Figure]:
    leaf = np.ones(right.shape[1], bool)
    leaf[labels.load(MODEL).above] = False
    for bar in BARS:
        for part, wanted in (("", leaf | ~leaf), (".classes", leaf), (".ancestors", ~leaf)):
            mine, known = (_precision((sure >= bar) & wanted, right) for sure in (ours, theirs))
            count = int(((ours >= bar) & wanted).sum())
            yield figure(f"{name}{part}.precision_at_{bar * 100:.0f}", mine, "of labels", count, known)
        yield figure(
            f"{name}.given_at_{bar * 100:.0f}",
            float((ours >= bar).sum(1).mean()),
            "labels a photo",
            len(ours),
            float((theirs >= bar).sum(1).mean()),
        )
    mine, known = (_precision((sure >= NEAR[0]) & (sure < NEAR[1]), right) for sure in (ours, theirs))
    near = int(((ours >= NEAR[0]) & (ours < NEAR[1])).sum())
    yield figure(f"{name}.near_80", mine, "of labels", near, known)


def _precision(given: Flags, right: Flags) -> float:
    return float(right[given].mean()) if given.any() else 0.0


def together(quantized: Model, exact: Model, photos: list[Photo]) -> Iterator[Figure]:
    """What `Labels.look` says with a detector's objects: labels, instances, scenes."""
    with shipped(DETECTOR) as detector, floating(DETECTOR) as plain:
        ours, theirs = (
            [look(model, finder, photo, labels.load(MODEL)) for photo in watched(photos, "looking with a detector")]
            for model, finder in ((quantized, detector), (exact, plain))
        )
    half = slice(1, None, 2)
    for bar in BARS:
        name = f"precision_at_{bar * 100:.0f}"
        yield _share(f"labels.all.{name}", [_judged(found[half], photos[half], bar) for found in (ours, theirs)])
        boxes = [lie_right(found[half], photos[half], bar) for found in (ours, theirs)]
        yield _share(f"labels.instances.{name}", boxes, "of boxes")
        there = sum(len(photo.boxes) for photo in photos[half])
        yield figure(
            f"labels.instances.recall_at_{bar * 100:.0f}",
            sum(boxes[0]) / there,
            "of annotated boxes",
            there,
            sum(boxes[1]) / there,
        )
        yield _share(f"labels.scenes.{name}", [_judged(found, photos, bar, SCENES) for found in (ours, theirs)])


def look(model: Model, detector: Model, photo: Photo, taxonomy: Taxonomy) -> list[Label]:
    image = pictures.read(photo.file)
    objects = detections(detector.detect(image, FOUND), detector.labels, image.shape)
    return told(taxonomy, probabilities(model, image), FOUND, objects)


def _share(name: str, both: Sequence[list[bool]], unit: str = "of labels") -> Figure:
    mine, known = (float(np.mean(rights)) if rights else 0.0 for rights in both)
    return figure(name, mine, unit, len(both[0]), known)


def _judged(found: list[list[Label]], photos: list[Photo], bar: float, only: set[str] | None = None) -> list[bool]:
    return [
        label.name in photo.right
        for photo, given in zip(photos, found, strict=True)
        for label in given
        if label.score >= bar and (only is None or label.name in only)
    ]


def lie_right(found: list[list[Label]], photos: list[Photo], bar: float) -> list[bool]:
    """Whether each instance overlaps by half an annotated box of its label that no better one has taken."""
    rights = []
    for photo, given in zip(photos, found, strict=True):
        free = list(photo.boxes)
        for label in given:
            for one in label.instances:
                if one.score >= bar:
                    match = _match(one, free)
                    rights.append(match is not None)
                    if match is not None:
                        free.remove(match)
    return rights


def _match(one: Detection, free: list[Detection]) -> Detection | None:
    same = [other for other in free if other.label == one.label]
    if not same:
        return None
    overlaps = iou(_corners([one]), _corners(same))[0]
    best = int(overlaps.argmax())
    return same[best] if overlaps[best] >= 0.5 else None


def _corners(boxes: Sequence[Detection]) -> Floats:
    return np.array([[one.box.x1, one.box.y1, one.box.x2, one.box.y2] for one in boxes], np.float32)
