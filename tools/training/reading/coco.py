"""COCO's JSON: `images`, `annotations` with `bbox` in pixels, `categories`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.datasets import Mark, Sample
from training.reading.places import first_existing, in_test, side, size

from edge.errors import InputError


def files_in(root: Path) -> list[Path]:
    """The files of annotations of a data set: beside its pictures, or in `annotations`."""
    found = [*root.glob("*.json"), *root.glob("annotations/*.json"), *root.glob("*/_annotations.coco.json")]
    return sorted(file for file in found if _opens_as_coco(file))


def read(files: list[Path]) -> list[Sample]:
    sides = {file: side(file.name) or side(file.parent.name) for file in files}
    return [sample for file in files for sample in _read(file, in_test(sides.values(), sides[file]))]


def _opens_as_coco(file: Path) -> bool:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"images", "annotations"} <= set(content)


def _read(file: Path, test: bool | None) -> Iterator[Sample]:
    try:
        content = json.loads(file.read_text("utf-8"))
        names = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
        said = defaultdict(list)
        for annotation in content["annotations"]:
            if not annotation.get("iscrowd"):
                said[annotation["image_id"]].append(annotation)
        for entry in content["images"]:
            yield _sample(
                file, entry, [(names[one["category_id"]], one.get("bbox")) for one in said[entry["id"]]], test
            )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = f"{error.args[0]!r} is not there" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{file}: no annotations as COCO has them ({reason}); export the data set again") from error


def _sample(file: Path, entry: dict[str, Any], said: list[tuple[str, Any]], test: bool | None) -> Sample:
    beside = file.parent
    path = first_existing(entry["file_name"], (beside, beside / file.stem, beside / "images", beside.parent,
                                               beside.parent / "images", *_of_the_same_part(file)))  # fmt: skip
    boxes = [(label, box) for label, box in said if box]
    width, height = (entry.get("width"), entry.get("height")) if boxes else (1, 1)
    if not width or not height:
        width, height = size(path) or (1, 1)
    marks = tuple(
        Mark(label, x / width, y / height, (x + wide) / width, (y + high) / height)
        for label, (x, y, wide, high) in boxes
    )
    return Sample(path, tuple(sorted({label for label, box in said if not box})), marks, test)


def _of_the_same_part(file: Path) -> Iterator[Path]:
    """`train2017` and `images/train2017` of `annotations/instances_train2017.json`."""
    name = file.stem.rpartition("_")[2]
    yield from (file.parent.parent / name, file.parent.parent / "images" / name)
