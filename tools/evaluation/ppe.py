"""Protective equipment: covers of face and head told apart from bare ones, and persons found, on photos not trained on.

The heads of covers were trained on photos that packages ship, on nothing of this data; but some choices were made
looking at these figures (docs/PPE.md). `heads_ppe.csv` and `hats_lfw.csv` beside this file were sorted by eye: 59 heads
of the eight photos of workers, where this pipeline once found them, and the LFW photos with a hat (empty: not certain,
left out). There are no masked faces to measure on: masks are drawn on LFW faces by the code that drew those of the
training, in other colours and cloth. References are the same heads on the float network.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from covering import draw
from evaluation.figures import Figure, figure, watched
from evaluation.opening import floating, is_installed, shipped
from numpy.typing import NDArray

from edge import pictures
from edge.engine import Model
from edge.findings import Protection
from edge.values import Image
from edge.vision.objects import detections
from edge.vision.ppe import WORN, Ppe
from models.boxes import iou

TRUTH = Path("ppe", "gt.csv")
PHOTOS, LFW, COCO = Path("ppe"), Path("faces", "lfw", "images"), Path("detection", "coco_subset.json")
HEADS, HATS = Path(__file__).with_name("heads_ppe.csv"), Path(__file__).with_name("hats_lfw.csv")
BARE = 300  # LFW photos without a hat, spread over all; on every second of them a mask is drawn
SEED = 5
REQUIRED, FLOOR = ("HEAD_COVER",), 0.8
FACE_FLOOR = 0.6

Floats = NDArray[np.float64]


class Head(NamedTuple):
    """A head whose face is at `face` [4] pixels; whether something covers the head, the mouth, the nose."""

    image: Image
    face: NDArray[np.float32]
    head: bool
    mouth: bool = False
    nose: bool = False


def run(data: Path) -> Iterator[Figure]:
    """Areas under the curve, then what the whole ability says of the workers and of COCO's persons."""
    workers = list(worker_heads(data / PHOTOS))
    with shipped("yunet") as finder:
        strangers = list(lfw_heads(data / LFW, finder)) if (data / LFW).exists() else []
    with (
        shipped("movenet-multipose") as poses,
        shipped("efficientnet-lite0") as ours,
        floating("efficientnet-lite0") as theirs,
    ):
        abilities = [Ppe(poses, model) for model in (ours, theirs)]
        yield from covers(workers, strangers, abilities)
        if is_installed("aizoo-masks", "openvino") and strangers:
            with shipped("aizoo-masks") as masks:
                yield from masked(strangers, "aizoo", Ppe(poses, ours, masks))
        with shipped("yunet") as finder, shipped("nanodet-g") as detector:
            yield from whole(data, abilities[0], finder, detector)


def worker_heads(folder: Path) -> Iterator[Head]:
    for row in _rows(HEADS):
        image = pictures.read(folder / row["file"])
        rows, columns = image.shape[:2]
        height = float(row["height"]) * rows
        x, y = float(row["x"]) * columns, float(row["y"]) * rows
        face = np.array([x - 0.4 * height, y - height / 2, x + 0.4 * height, y + height / 2], np.float32)
        yield Head(image, face, row["covered"] == "1")


def lfw_heads(folder: Path, finder: Model) -> Iterator[Head]:
    """All photos with a hat, and BARE others; every second of these with a drawn mask, one in three under the nose."""
    rng = np.random.default_rng(SEED)
    hats = {row["file"]: row["covered"] for row in _rows(HATS)}
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.jpg"))]
    bare = [name for name in names if name not in hats]
    chosen = bare[:: max(len(bare) // BARE, 1)]
    for number, name in enumerate([*(name for name, worn in hats.items() if worn), *chosen]):
        image = pictures.read(folder / name)
        found = finder.detect(image, FACE_FLOOR)
        if not len(found) or found.landmarks is None:
            continue
        middle = np.array([image.shape[1], image.shape[0]] * 2) / 2
        nearest = int(np.abs(found.xyxy + found.xyxy[:, [2, 3, 0, 1]] - 2 * middle).sum(axis=1).argmin())
        if name in hats:
            yield Head(image, found.xyxy[nearest], head=True)
        elif number % 2:
            low = rng.random() < 1 / 3
            drawn = draw.lay(image, found.landmarks[nearest], draw.mask(rng, [], under_nose=low), rng)
            yield Head(drawn, found.xyxy[nearest], head=False, mouth=True, nose=not low)
        else:
            yield Head(image, found.xyxy[nearest], head=False)


def covers(workers: list[Head], strangers: list[Head], abilities: Sequence[Ppe]) -> Iterator[Figure]:
    for name, heads in (("workers", workers), ("lfw", strangers)):
        if heads:
            worn = np.array([head.head for head in heads])
            told = [np.array([ability.head_cover(*head[:2]) for head in watched(heads, name)]) for ability in abilities]
            yield figure(f"ppe.head_cover.auc.{name}", area(told[0], worn), "", len(worn), area(told[1], worn))
            right = [float(((scores >= WORN) == worn).mean()) for scores in told]
            yield figure(f"ppe.head_cover.right.{name}", right[0], "of heads", len(worn), right[1])
    if strangers:
        yield from masked(strangers, "heads", *abilities)


def masked(strangers: list[Head], name: str, *abilities: Ppe) -> Iterator[Figure]:
    """Masks drawn on LFW faces against bare LFW faces, and those under the nose against the others."""
    heads = [head for head in strangers if not head.head]
    mouth, nose = (np.array([getattr(head, part) for head in heads]) for part in ("mouth", "nose"))
    told = [np.array([ability.face_cover(*head[:2]) for head in watched(heads, name)]) for ability in abilities]
    worn = [area(scores[:, 0], mouth) for scores in told]
    alarms = [float((scores[~mouth, 0] >= WORN).mean()) for scores in told]
    found = [float((scores[mouth, 0] >= WORN).mean()) for scores in told]
    noses = [area(scores[mouth, 1], nose[mouth]) for scores in told]
    yield figure(f"ppe.face_cover.auc.{name}", worn[0], "", len(heads), *worn[1:])
    yield figure(f"ppe.face_cover.found.{name}", found[0], "of drawn masks", int(mouth.sum()), *found[1:])
    yield figure(f"ppe.face_cover.false.{name}", alarms[0], "of bare faces", int((~mouth).sum()), *alarms[1:])
    if len(abilities) > 1:
        yield figure("ppe.nose_covered.auc", noses[0], "", int(mouth.sum()), *noses[1:])


def area(scores: Floats, truth: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often something covered scores above something bare."""
    covered, bare = scores[truth][:, None], scores[~truth][None]
    return float((covered > bare).mean() + 0.5 * (covered == bare).mean())


def whole(data: Path, ability: Ppe, finder: Model, detector: Model) -> Iterator[Figure]:
    rows = _rows(data / TRUTH)
    seen = [(row, protection(data / PHOTOS / row["file"], ability, finder, detector)) for row in rows]
    hats = [bool(found.with_required) == (row["any_hard_hat"] == "1") for row, found in seen]
    yield figure("ppe.photos.somebody_with", float(np.mean(hats)), "of photos right", len(hats))
    bare = [bool(found.without_required) == (row["any_person_without_hard_hat"] == "1") for row, found in seen]
    yield figure("ppe.photos.somebody_without", float(np.mean(bare)), "of photos right", len(bare))
    counted = [(int(row["persons"]), len(found.persons)) for row, found in seen if row["persons"] not in ("", "0")]
    missing = sum(abs(known - told) for known, told in counted)
    yield figure("ppe.photos.persons_miscounted", missing, f"of {sum(known for known, _ in counted)}", len(counted))
    if (data / COCO).exists():
        yield from persons(data / COCO, ability, finder, detector)


def persons(truth: Path, ability: Ppe, finder: Model, detector: Model) -> Iterator[Figure]:
    """COCO's persons of at least a tenth of the picture's height; found is an overlap of half."""
    coco = json.loads(truth.read_text("utf-8"))
    (kind,) = (entry["id"] for entry in coco["categories"] if entry["name"] == "person")
    hit = wanted = right = told = 0
    for photo in watched(coco["images"], "looking for persons"):
        boxes = [
            one["bbox"] for one in coco["annotations"] if one["image_id"] == photo["id"] and one["category_id"] == kind
        ]
        known = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes], np.float32).reshape(-1, 4)
        found = protection(truth.parent / photo["file_name"], ability, finder, detector)
        sure = [worker.box for worker in found.persons if worker.score >= FLOOR]
        size = np.array([photo["width"], photo["height"]] * 2)
        mine = np.array([(box.x1, box.y1, box.x2, box.y2) for box in sure], np.float32).reshape(-1, 4) * size
        overlap = iou(known, mine.astype(np.float32)) >= 0.5
        large = (known[:, 3] - known[:, 1]) >= 0.1 * photo["height"]
        hit, wanted = hit + int(overlap.any(axis=1)[large].sum()), wanted + int(large.sum())
        right, told = right + int(overlap.any(axis=0).sum()), told + len(sure)
    yield figure("ppe.persons.recall", hit / max(wanted, 1), f"at {FLOOR:g}", wanted)
    yield figure("ppe.persons.precision", right / max(told, 1), f"at {FLOOR:g}", told)


def protection(file: Path, ability: Ppe, finder: Model, detector: Model) -> Protection:
    image = pictures.read(file)
    objects = detections(detector.detect(image, 0.3), detector.labels, image.shape)
    return ability.look(image, finder.detect(image, FACE_FLOOR), REQUIRED, FLOOR, objects)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
