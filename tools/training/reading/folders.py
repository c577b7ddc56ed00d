"""A folder for each label, with pictures in it; above them there may be `train` and `test`."""

from __future__ import annotations

from pathlib import Path

from training.datasets import Sample
from training.reading.places import in_test, pictures_in, side, subfolders


def read(root: Path) -> list[Sample]:
    parts = subfolders(root)
    sides = {part: side(part.name) for part in parts}
    if parts and all(sides.values()):
        return [
            sample for part in parts for sample in _labelled(part, in_test(sides.values(), sides[part]))
        ]  # fmt: skip
    return _labelled(root, None)


def _labelled(root: Path, test: bool | None) -> list[Sample]:
    """The folder right below the root is the label; a picture in the root itself has none."""
    found = []
    for path in pictures_in(root):
        above = path.relative_to(root).parts[:-1]
        found.append(Sample(path, above[:1], test=test))
    return found
