"""COCO's JSON: `images`, `annotations` with `bbox` in pixels, `categories`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

from training.datasets import Mark, Note, Sample, Samples
from training.reading.places import first_existing, in_test, side, size
from training.reading.values import number, text

from edge.errors import InputError

OURS = {"check.json", "evaluation.json", "state.json"}  # which a training leaves
AGAIN = "export the data set again"
CORRECT = "correct it, or export the data set again"
FIELDS = {"images": ("id", "file_name"), "annotations": ("image_id",), "categories": ("id", "name")}


def files_in(root: Path) -> list[Path]:
    """The files of annotations of a data set: beside its pictures, or in `annotations`."""
    found = [*root.glob("*.json"), *root.glob("annotations/*.json"), *root.glob("*/_annotations.coco.json")]
    return sorted(file for file in found if file.name not in OURS and not file.name.startswith("."))


def read(files: list[Path]) -> Samples:
    sides = {file: side(file.name) or side(file.parent.name) for file in files}
    return Samples(one for file in files for one in _read(file, in_test(sides.values(), sides[file])))


def _read(file: Path, test: bool | None) -> Iterator[Sample | Note]:
    """What is wrong with an entry is noted, and the pictures that it says nothing of are taken."""
    content = _content(file)
    notes: list[Note] = []
    images, annotations, categories = (
        list(_entries(file, content, key, fields, notes)) for key, fields in FIELDS.items()
    )
    names = {entry["id"]: text(entry["name"]) for entry in categories}
    said = defaultdict(list)
    for annotation in annotations:
        if not annotation.get("iscrowd"):
            said[annotation["image_id"]].append(annotation)
    for entry in _of_one_id(file, images, notes):
        yield from _picture(file, entry, said[entry["id"]], names, test)
    listed = {entry["id"] for entry in images}
    notes += _ignored(file, categories, [one for image, rest in said.items() if image not in listed for one in rest])
    yield from notes


def _entries(
    file: Path, content: dict[str, Any], key: str, fields: tuple[str, ...], notes: list[Note]
) -> Iterator[dict[str, Any]]:
    """Those that have what they need, the id first."""
    for place, entry in enumerate(content[key], 1):
        if not isinstance(entry, dict):
            fault = "is no JSON object"
        elif lacking := [field for field in fields if field not in entry]:
            fault = f"{lacking[0]!r} is not there"
        elif not isinstance(entry[fields[0]], Hashable):
            fault = f"its {fields[0]} is neither a number nor a text"
        else:
            yield entry
            continue
        notes.append(Note(file, fault, CORRECT, f"entry {place} of {key!r}"))


def _of_one_id(file: Path, images: list[dict[str, Any]], notes: list[Note]) -> Iterator[dict[str, Any]]:
    """Pictures that share an id are left out: nothing tells whose annotations are whose."""
    shared = defaultdict(list)
    for entry in images:
        shared[entry["id"]].append(entry)
    for entries in shared.values():
        if all(entry["file_name"] == entries[0]["file_name"] for entry in entries):
            yield entries[0]
            continue
        for entry in entries:
            said = f"{len(entries)} pictures have this id"
            notes.append(Note(file, said, "give each picture an id of its own", _which(entry)))


def _which(entry: dict[str, Any]) -> str:
    return f"image {entry['id']!r} ({entry['file_name']})"


def _picture(
    file: Path, entry: dict[str, Any], annotations: list[dict[str, Any]], names: dict[Any, str], test: bool | None
) -> Iterator[Sample | Note]:
    """Its sample; where one of its annotations is wrong none, as it would lack a box."""
    said, wrong = [], []
    for annotation in annotations:
        try:
            said.append(_said(annotation, names))
        except ValueError as error:
            wrong.append(Note(file, str(error), CORRECT, f"annotation {annotation.get('id')!r} of {_which(entry)}"))
    yield from wrong
    try:
        sample = _sample(file, entry, said, test)
    except ValueError as error:
        yield Note(file, str(error), CORRECT, _which(entry))
        return
    if not wrong:
        yield sample


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
    if isinstance(error, UnicodeDecodeError):
        return "another encoding"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _ignored(file: Path, categories: list[dict[str, Any]], lost: list[dict[str, Any]]) -> Iterator[Note]:
    if lost:
        said = f"{len(lost)} of its annotations are of pictures that it does not list"
        yield Note(file, f"{said}, the first of image_id {lost[0]['image_id']!r}", AGAIN)
    known: dict[Any, str] = {}
    for entry in categories:
        if entry["id"] in known:
            said = f"category id {entry['id']!r} is used twice, for {known[entry['id']]!r} and {entry['name']!r}"
            yield Note(file, f"{said}; the second one holds", "give each label an id of its own")
        known[entry["id"]] = text(entry["name"])


def _said(annotation: dict[str, Any], names: dict[Any, str]) -> tuple[str, list[float]]:
    """Its label and box; no box where it has none. Raises ValueError where it is none."""
    category, box = annotation.get("category_id"), annotation.get("bbox") or []
    if not isinstance(category, Hashable) or category not in names:
        raise ValueError(f"is of category {category!r}, which is not listed")
    if not isinstance(box, list) or len(box) not in (0, 4):
        raise ValueError("its bbox is not left, top, width and height")
    return names[category], [number(side, "its bbox") for side in box]


def _sample(file: Path, entry: dict[str, Any], said: list[tuple[str, list[float]]], test: bool | None) -> Sample:
    beside, name = file.parent, entry["file_name"]
    if not isinstance(name, str):
        raise ValueError("its file_name is no text")  # noqa: TRY004 - as the other faults of an entry
    path = first_existing(name, (beside, beside / file.stem, beside / "images", beside.parent,
                                 beside.parent / "images", *_of_the_same_part(file)))  # fmt: skip
    boxes = [(label, box) for label, box in said if box]
    width, height = (number(entry.get(key) or 0, f"its {key}") if boxes else 1 for key in ("width", "height"))
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
