"""YOLO's text: beside each picture, or in `labels` for `images`, a line `class cx cy width height` for each box."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from training.datasets import Mark, Note, Sample, Samples
from training.reading import classes
from training.reading.places import in_test, pictures_in, side_of

from edge.errors import InputError

UNREADABLE, AGAIN = "cannot be read as UTF-8 text", "export the data set again"
NAMES = ("classes.txt", "obj.names", "labels/classes.txt")


def looks_like(root: Path) -> bool:
    """Whether names of classes lie there, or texts in a folder `labels`."""
    return bool(_yaml(root)) or any(root.glob("labels/**/*.txt")) or any(root.glob("*/labels/*.txt"))


def read(root: Path) -> Samples:
    names = _names(root)
    paths = pictures_in(root)
    sides = {path: side_of(path, root) for path in paths}
    known = set(sides.values())
    return Samples(one for path in paths for one in _read(path, names, in_test(known, sides[path])))


def _read(picture: Path, names: dict[int, str], test: bool | None) -> Iterator[Sample | Note]:
    """A picture with its boxes; where one of its lines is wrong none, as it would lack a box."""
    file = _text(picture)
    try:
        lines = _lines(file) if file.exists() or file.is_symlink() else []
    except (OSError, ValueError):
        yield Note(file, UNREADABLE, AGAIN, "every line")
        return
    said = list(_marks(file, lines, names))
    wrong = [one for one in said if isinstance(one, Note)]
    yield from wrong
    if not wrong:
        yield Sample(picture, (), tuple(one for one in said if isinstance(one, Mark)), test)


def _text(picture: Path) -> Path:
    parts = list(picture.parts)
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] == "images":
            return Path(*parts[:at], "labels", *parts[at + 1 :]).with_suffix(".txt")
    return picture.with_suffix(".txt")


def _marks(file: Path, lines: list[str], names: dict[int, str]) -> Iterator[Mark | Note]:
    """A box of four numbers, or the box around a polygon; no line means that there is nothing in the picture."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            label, *values = line.split()
            yield _mark(names[int(label)], [float(value) for value in values])
        except KeyError as error:
            yield Note(file, f"class {error} has no name", "correct it, or name the class", f"line {number}")
        except ValueError:
            yield Note(file, "not 'class cx cy width height'", "correct it", f"line {number}")


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8-sig").splitlines()


def _lines_of(file: Path) -> list[str]:
    try:
        return _lines(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: {UNREADABLE}; {AGAIN}") from error


def _mark(label: str, values: list[float]) -> Mark:
    """Of a box, or of a polygon of three corners or more. Raises ValueError where the numbers are neither."""
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        raise ValueError(f"{len(values)} numbers")
    if not all(map(math.isfinite, values)):
        return Mark(label, math.nan, math.nan, math.nan, math.nan)  # which the check names
    if len(values) != 4:
        return Mark(label, min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))
    x, y, width, height = values
    return Mark(label, x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _yaml(root: Path) -> Path | None:
    """The YAML that names the classes."""
    files = sorted([*root.glob("*.yaml"), *root.glob("*.yml")])
    return next(
        (file for file in files if re.search(r"^names:", file.read_text("utf-8", "replace"), re.MULTILINE)), None
    )


def _names(root: Path) -> dict[int, str]:
    if file := _yaml(root):
        return classes.of_yaml(file, _lines_of(file))
    for name in NAMES:
        if (root / name).is_file():
            return classes.of_lines(root / name, _lines_of(root / name))
    raise InputError(f"{root}: nothing there names the classes; add a data.yaml with 'names: [first, second]'")
