"""YOLO's text: beside each picture, or in `labels` for `images`, a line `class cx cy width height` for each box."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from training.datasets import Mark, Sample, Samples
from training.reading.places import in_test, pictures_in, side_of

from edge.errors import InputError

NAMES = ("classes.txt", "obj.names", "labels/classes.txt")


def looks_like(root: Path) -> bool:
    """Whether names of classes lie there, or texts in a folder `labels`."""
    return bool(_yaml(root)) or any(root.glob("labels/**/*.txt")) or any(root.glob("*/labels/*.txt"))


def read(root: Path) -> Samples:
    names = _names(root)
    paths = pictures_in(root)
    sides = {path: side_of(path, root) for path in paths}
    known = set(sides.values())
    return Samples(Sample(path, (), tuple(_marks(_text(path), names)), in_test(known, sides[path])) for path in paths)


def _text(picture: Path) -> Path:
    parts = list(picture.parts)
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] == "images":
            return Path(*parts[:at], "labels", *parts[at + 1 :]).with_suffix(".txt")
    return picture.with_suffix(".txt")


def _marks(file: Path, names: dict[int, str]) -> Iterator[Mark]:
    """A box of four numbers, or the box around a polygon; no file means that there is nothing in the picture."""
    lines = _lines_of(file) if file.exists() else []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            label, *values = line.split()
            yield _mark(names[int(label)], [float(value) for value in values])
        except KeyError as error:
            raise InputError(f"{file}: line {number}: class {error} has no name; correct data.yaml") from error
        except ValueError as error:
            raise InputError(f"{file}: line {number}: not 'class cx cy width height'; correct it") from error


def _lines_of(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as UTF-8 text; export the data set again") from error


def _mark(label: str, values: list[float]) -> Mark:
    if not all(map(math.isfinite, values)):
        return Mark(label, math.nan, math.nan, math.nan, math.nan)  # which the check names
    if len(values) >= 6 and len(values) % 2 == 0:
        return Mark(label, min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))
    x, y, width, height = values[:4]
    return Mark(label, x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _yaml(root: Path) -> Path | None:
    """The YAML that names the classes."""
    files = sorted([*root.glob("*.yaml"), *root.glob("*.yml")])
    return next(
        (file for file in files if re.search(r"^names:", file.read_text("utf-8", "replace"), re.MULTILINE)), None
    )


def _names(root: Path) -> dict[int, str]:
    if file := _yaml(root):
        return _names_of(file)
    for name in NAMES:
        if (root / name).is_file():
            lines = _lines_of(root / name)
            return dict(enumerate(line.strip() for line in lines if line.strip()))
    raise InputError(f"{root}: nothing there names the classes; add a data.yaml with 'names: [first, second]'")


def _names_of(file: Path) -> dict[int, str]:
    """The three ways of writing them: `[a, b]`, lines of `- a`, lines of `0: a`."""
    after = re.split(r"^names:", "\n".join(_lines_of(file)), maxsplit=1, flags=re.MULTILINE)[1]
    if inline := re.match(r"\s*[\[{](.*?)[\]}]", after, re.DOTALL):
        entries = inline[1].split(",")
    else:
        entries = list(takewhile(lambda line: not re.match(r"[^\s#-]", line), after.splitlines()[1:]))
    found: dict[int, str] = {}
    for entry in entries:
        text = re.sub(r"(^|\s)#.*", "", entry).strip()
        numbered = re.match(r"(\d+)\s*:\s*(.+)", text)
        key, name = (int(numbered[1]), numbered[2]) if numbered else (len(found), text.removeprefix("-"))
        if text:
            found[key] = name.strip().strip("'\"")
    if not found:
        raise InputError(f"{file}: 'names' is empty; list the classes there")
    return found
