"""COCO's JSON: `images`, `annotations` with `bbox` in pixels, `categories`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.datasets import Mark, Note, Sample, Samples
from training.reading.places import first_existing, in_test, side, size
from training.reading.values import number, text

from edge.errors import InputError

OURS = {"check.json", "evaluation.json", "state.json"}  # which a training leaves
AGAIN = "export the data set again"


def files_in(root: Path) -> list[Path]:
    """The files of annotations of a data set: beside its pictures, or in `annotations`."""
    found = [*root.glob("*.json"), *root.glob("annotations/*.json"), *root.glob("*/_annotations.coco.json")]
    return sorted(file for file in found if file.name not in OURS and not file.name.startswith("."))


def read(files: list[Path]) -> Samples:
    sides = {file: side(file.name) or side(file.parent.name) for file in files}
    return Samples(one for file in files for one in _read(file, in_test(sides.values(), sides[file])))


def _read(file: Path, test: bool | None) -> Iterator[Sample | Note]:
    content = _content(file)
    try:
        names = {entry["id"]: text(entry["name"]) for entry in content["categories"]}
        said = defaultdict(list)
        for annotation in content["annotations"]:
            if not annotation.get("iscrowd"):
                said[annotation["image_id"]].append(annotation)
        for entry in content["images"]:
            yield _sample(file, entry, [_said(one, names) for one in said.pop(entry["id"], [])], test)
        yield from _ignored(file, content, [one for rest in said.values() for one in rest])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = _reason(error)
        raise InputError(f"{file}: no annotations as COCO has them ({reason}); {AGAIN}") from error


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); check its permissions") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: no JSON in UTF-8 ({_reason(error)}); export it again, or take it away") from error
    if not isinstance(content, dict) or not {"images", "annotations"} <= set(content):
        said = "it lists no 'images' and 'annotations'"
        raise InputError(f"{file}: no annotations as COCO has them ({said}); export it again, or take it away")
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key), list):
            raise InputError(f"{file}: no annotations as COCO has them ({key!r} is no list); {AGAIN}")
    return content


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is not there"
    if isinstance(error, UnicodeDecodeError):
        return "another encoding"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return "an entry is no object, or has no simple id" if isinstance(error, TypeError | AttributeError) else str(error)


def _ignored(file: Path, content: dict[str, Any], lost: list[dict[str, Any]]) -> Iterator[Note]:
    if lost:
        said = f"{len(lost)} of its annotations are of pictures that it does not list"
        yield Note(file, f"{said}, the first of image_id {lost[0]['image_id']!r}", AGAIN)
    known: dict[Any, str] = {}
    for entry in content["categories"]:
        if entry["id"] in known:
            said = f"category id {entry['id']!r} is used twice, for {known[entry['id']]!r} and {entry['name']!r}"
            yield Note(file, f"{said}; the second one holds", "give each label an id of its own")
        known[entry["id"]] = text(entry["name"])


def _said(annotation: dict[str, Any], names: dict[Any, str]) -> tuple[str, list[float]]:
    """Its label and box; no box where it has none. Raises ValueError where it is none."""
    which = f"annotation {annotation.get('id')!r} of image {annotation['image_id']!r}"
    if annotation["category_id"] not in names:
        raise ValueError(f"{which} is of category {annotation['category_id']!r}, which is not listed")
    box = annotation.get("bbox") or []
    if not isinstance(box, list) or len(box) not in (0, 4):
        raise ValueError(f"the bbox of {which} is not left, top, width and height")
    return names[annotation["category_id"]], [number(side, f"the bbox of {which}") for side in box]


def _sample(file: Path, entry: dict[str, Any], said: list[tuple[str, list[float]]], test: bool | None) -> Sample:
    beside, name = file.parent, entry["file_name"]
    if not isinstance(name, str):
        raise ValueError(f"the file_name {name!r} is no text")  # noqa: TRY004 - as the other faults of an entry
    path = first_existing(name, (beside, beside / file.stem, beside / "images", beside.parent,
                                 beside.parent / "images", *_of_the_same_part(file)))  # fmt: skip
    boxes = [(label, box) for label, box in said if box]
    width, height = (number(entry.get(key) or 0, f"the {key} of {name}") if boxes else 1 for key in ("width", "height"))
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
