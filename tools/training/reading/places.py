"""Where the pictures of a data set lie, and which part of it a folder's or file's name means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from edge import pictures

Side = Literal["train", "valid", "test", ""]

# Pictures nobody here can decode: they are listed, so that the check names them instead of losing them in silence.
FOREIGN = {".avif", ".heic", ".heif", ".jfif", ".tif", ".tiff"}
_SIDES: dict[str, Side] = {
    "train": "train", "training": "train", "trainset": "train",
    "val": "valid", "valid": "valid", "validation": "valid", "eval": "valid", "dev": "valid",
    "test": "test", "testing": "test", "testset": "test",
}  # fmt: skip


def side(name: str) -> Side:
    """The part that a name tells: `test`, `instances_val2017.json` and `labels-train` do, `latest` does not."""
    for word in re.findall(r"[a-z]+", Path(name).stem.lower()):
        if word in _SIDES:
            return _SIDES[word]
    return ""


def side_of(path: Path, root: Path) -> Side:
    """The part that the innermost telling folder above a file names."""
    return next((found for part in reversed(path.relative_to(root).parts[:-1]) if (found := side(part))), "")


def in_test(sides: Iterable[Side], this: Side) -> bool | None:
    """Whether a part is tested on: where no part is called test, the one for validation is. One alone says nothing."""
    known = set(sides)
    if not {"test", "valid"} & known or not this or len(known) < 2:
        return None
    return this == ("test" if "test" in known else "valid")


def pictures_in(folder: Path) -> list[Path]:
    """Everything below a folder that is named as a picture, sorted; hidden files are not.

    Links to nowhere, pipes and empty folders of such a name, too: the check says that they are no pictures.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in pictures.SUFFIXES | FOREIGN
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and not (path.is_dir() and any(path.iterdir()))
    )


def subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


def first_existing(name: str, folders: Iterable[Path]) -> Path:
    """The file of that name in the first folder that has it, else where the first one should."""
    return first_of([folder / name for folder in folders])


def first_of(places: list[Path]) -> Path:
    """The first that is a file, else the first."""
    return next((place for place in places if _is_file(place)), places[0])


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def size(path: Path) -> tuple[int, int] | None:
    """Width and height of the upright picture; None where it cannot be read, which the check will say."""
    from edge.errors import EdgeError

    try:
        height, width = pictures.read(path).shape[:2]
    except EdgeError:
        return None
    return width, height
