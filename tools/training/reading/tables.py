"""A CSV: a line for each picture and label, with a box or without.

Columns by name, in any order: `image` (or path, file, filename, source-ref) and `label` (or class, labels: several are
parted by `|`); for boxes `x1 y1 x2 y2` (or xmin ymin xmax ymax, left top width height), in pixels, or as ratios where
none is above 1; `split` says train or test; pictures of one `group` never part. Without a line of names: image, label.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from training.datasets import Mark, Note, Sample, Samples
from training.pieces import counted
from training.reading.places import Side, first_existing, in_test, side, size

from edge.errors import InputError

Row = dict[str, str]
UNDECIDED = {"unassigned"}  # of `ml_use`

_COLUMNS = {
    "image": ("image", "path", "file", "filename", "file_name", "image_path", "source-ref", "picture"),
    "label": ("label", "labels", "class", "class_name", "category", "name"),
    "split": ("split", "set", "subset", "ml_use"),
    "group": ("group", "video", "scene"),
    "x1": ("x1", "xmin", "x_min", "left"),
    "y1": ("y1", "ymin", "y_min", "top"),
    "x2": ("x2", "xmax", "x_max"),
    "y2": ("y2", "ymax", "y_max"),
    "wide": ("width", "w", "bbox_width"),
    "high": ("height", "h", "bbox_height"),
}


def files_in(root: Path) -> list[Path]:
    return sorted(file for file in root.iterdir() if file.suffix.lower() == ".csv" and file.is_file())


def read(files: list[Path]) -> Samples:
    """What is wrong with a row is noted, its picture left out, and the others are taken."""
    pictures: defaultdict[Path, list[Row]] = defaultdict(list)
    notes: list[Note] = []
    lost: set[Path] = set()
    for file in files:
        beside = (file.parent, file.parent / "images", file.with_suffix(""))
        for at, row in _rows(file):
            path = first_existing(row.get("image", ""), beside)
            if fault := row.get("fault") or _fault_of_split(row):
                notes.append(Note(file, fault, "correct it", f"row {at}"))
                lost.add(path)
            if len(files) > 1 and not row.get("split"):
                row["split"] = file.stem
            pictures[path].append(row)
    kept = {path: said for path, said in pictures.items() if path not in lost}
    rows = [row for said in kept.values() for row in said]
    sides = [_side(row) for row in rows]
    pixels = any(_is_pixels(row) for row in rows)
    samples = (
        _sample(path, part, in_test(sides, this), pixels=pixels)
        for path, said in kept.items()
        for this, part in _parts(said).items()
    )
    return Samples([*samples, *notes])


def _rows(file: Path) -> Iterator[tuple[int, Row]]:
    """Each with its place; one that is wrong says so as its `fault`."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = [(at, row) for at, row in enumerate(csv.reader(lines), 1) if any(cell.strip() for cell in row)]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read as a CSV in UTF-8; export it again") from error
    if not table:
        raise InputError(f"{file}: is empty; write 'image,label' and a line for each picture")
    (_, titles), *rest = table
    names = [_column(cell) for cell in titles]
    if "image" not in names and len(titles) == 2:
        names, rest = ["image", "label"], table
    if "image" not in names or "label" not in names:
        raise InputError(f"{file}: the first line names no column 'image' and 'label'; add them")
    for at, cells in rest:
        row = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}
        if len(cells) != len(names):
            row["fault"] = f"has {counted(len(cells), 'cell')} instead of {len(names)}"
        elif not row["image"]:
            row["fault"] = "names no picture"
        yield at, row


def _fault_of_split(row: Row) -> str:
    split = row.get("split", "")
    known = not split or side(split) or split.lower() in UNDECIDED
    return "" if known else f"its part is {split!r}, and train, validation and test are known"


def _side(row: Row) -> Side:
    return side(row.get("split", ""))


def _parts(said: list[Row]) -> dict[Side, list[Row]]:
    """The rows of a picture by the part that they name; two of them are a leak, which the check names."""
    parts: defaultdict[Side, list[Row]] = defaultdict(list)
    first: Side = next(filter(None, map(_side, said)), "")
    for row in said:
        parts[_side(row) or first].append(row)
    return parts


def _column(title: str) -> str:
    plain = title.strip().lower().replace(" ", "_")
    return next((name for name, titles in _COLUMNS.items() if plain in titles), "")


def _is_pixels(row: Row) -> bool:
    return any(side > 1 for side in _box(row) or ())


def _sample(path: Path, said: list[Row], test: bool | None, *, pixels: bool) -> Sample:
    labels: set[str] = set()
    marks = []
    for row in said:
        names = [name.strip() for name in row["label"].split("|") if name.strip()]
        box = _box(row)
        if box is None:
            labels.update(names)
            continue
        width, height = _size(row, path) if pixels else (1, 1)
        x1, y1, x2, y2 = box
        marks += [Mark(name, x1 / width, y1 / height, x2 / width, y2 / height) for name in names]
    return Sample(path, tuple(sorted(labels)), tuple(marks), test, said[0].get("group", ""))


def _box(row: Row) -> tuple[float, float, float, float] | None:
    """Its corners; where the table has no right and bottom side, from its width and height.

    What is no number is NaN, and so is the missing side of a box: the check names it.
    """
    left, top, right, bottom, wide, high = (_number(row.get(name)) for name in ("x1", "y1", "x2", "y2", "wide", "high"))
    if left is None and top is None and right is None and bottom is None:
        return None
    left, top = (math.nan if side is None else side for side in (left, top))
    right = left + (math.nan if wide is None else wide) if right is None else right
    bottom = top + (math.nan if high is None else high) if bottom is None else bottom
    return left, top, right, bottom


def _size(row: Row, path: Path) -> tuple[float, float]:
    """Of the picture: where the boxes have four corners, a width and height beside them are the picture's."""
    wide, high = _number(row.get("wide")), _number(row.get("high"))
    if _number(row.get("x2")) is not None and wide and high:
        return wide, high
    return size(path) or (1, 1)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return math.nan
    return number if number is None or math.isfinite(number) else math.nan
