"""A folder for each label, with pictures in it; above them there may be `train` and `test`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from training.datasets import Note, Sample, Samples
from training.reading.places import in_test, pictures_in, side, subfolders


def read(root: Path) -> Samples:
    parts = subfolders(root)
    sides = {part: side(part.name) for part in parts}
    if parts and all(sides.values()):
        return Samples(one for part in parts for one in _labelled(part, in_test(sides.values(), sides[part])))
    return Samples(_labelled(root, None))


def _labelled(root: Path, test: bool | None) -> Iterator[Sample | Note]:
    """The folder right below the root is the label; a picture in the root itself has none."""
    known: set[str] = set()
    for path in pictures_in(root):
        above = path.relative_to(root).parts[:-1]
        known.update(above[:1])
        yield Sample(path, tuple(name.strip() for name in above[:1]), test=test)
    for folder in subfolders(root):
        if folder.name not in known and folder.is_symlink():
            yield Note(folder, "is a link to a folder, which is not followed", "put the folder itself there")
        elif folder.name not in known:
            yield Note(folder, "is a label without a picture", "add some, or delete the folder")
