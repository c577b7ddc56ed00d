"""What a model is trained on: labelled pictures, as every reader of data sets gives them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edge.errors import InputError, MissingError

FORMS = "give a folder for each label, COCO's JSON, YOLO's texts, a manifest (JSON Lines) or a CSV"

Task = Literal["classify", "detect"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One labelled box: left, top, right and bottom as ratios of the upright picture."""

    label: str
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled picture; without labels and marks it shows nothing of interest (background)."""

    path: Path
    labels: tuple[str, ...]
    """Of the whole picture (classification)."""
    marks: tuple[Mark, ...] = ()
    """Boxes (detection)."""
    test: bool | None = None
    """Where the data set says it belongs; None: the split decides."""
    group: str = ""
    """Pictures of one group never part: near duplicates, the frames of one video."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something of a data set that no sample comes from, for the check to name."""

    path: Path
    said: str
    remedy: str
    entry: str = ""
    """Which line, row or annotation of the file is left out; empty: no picture is lost by it."""

    def __str__(self) -> str:
        return f"{self.path}: {f'{self.entry}: ' * bool(self.entry)}{self.said}; {self.remedy}"


class Samples(list[Sample]):
    """What a reader finds: the samples, and notes of what it makes none of."""

    def __init__(self, items: Iterable[Sample | Note] = ()) -> None:
        items = list(items)
        super().__init__(one for one in items if isinstance(one, Sample))
        self.notes = [one for one in items if isinstance(one, Note)]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Checked and split: nothing of `test` is ever trained, tuned or calibrated on."""

    task: Task
    labels: tuple[str, ...]
    """Sorted."""
    train: tuple[Sample, ...]
    test: tuple[Sample, ...]
    multi: bool
    """Whether a picture may bear several labels."""
    fingerprint: str
    """SHA-256 over the pictures' digests, labels and marks: the same data give the same, wherever they lie."""


def read(path: Path, task: Task | Literal["auto"] = "auto") -> Samples:
    """The samples of a folder or file, in whatever form it is. Raises InputError or MissingError.

    With `auto`, boxes anywhere mean detection. For classification the labels of boxes become the picture's.
    """
    samples = _samples(path)
    if not samples and (wrong := [str(note) for note in samples.notes if note.entry]):
        raise InputError(wrong[0] + f" (and {len(wrong) - 1} more like it)" * (len(wrong) > 1))
    if not samples:
        raise MissingError(f"{path}: no pictures there; {FORMS}")
    if task == "auto":
        task = task_of(samples)
    if task == "classify":
        whole = (replace(one, labels=tuple(sorted({*one.labels, *_named(one)})), marks=()) for one in samples)
        return Samples([*whole, *samples.notes])
    if not any(one.marks for one in samples):
        raise InputError(f"{path}: no picture there has a box, which detection learns from; pass --task classify")
    return samples


def task_of(samples: Sequence[Sample]) -> Task:
    return "detect" if any(sample.marks for sample in samples) else "classify"


def _named(sample: Sample) -> set[str]:
    return {mark.label for mark in sample.marks}


def _samples(path: Path) -> Samples:
    from training.reading import coco, folders, manifests, tables, yolo

    if path.is_file():
        return _of_file(path)
    if not path.is_dir():
        raise MissingError(f"{path}: no such folder or file; check the path")
    if yolo.looks_like(path):
        return yolo.read(path)
    if files := coco.files_in(path):
        return coco.read(files)
    if files := manifests.files_in(path):
        return manifests.read(files)
    files = tables.files_in(path)
    return tables.read(files) if files else folders.read(path)


def _of_file(path: Path) -> Samples:
    from training.reading import coco, manifests, tables, yolo

    suffix = path.suffix.lower()
    if suffix in {".yaml", ".yml"}:
        return yolo.read(path.parent)
    readers = {".json": coco.read, ".csv": tables.read} | dict.fromkeys(manifests.SUFFIXES, manifests.read)
    if suffix not in readers:
        raise InputError(f"{path}: no data set; {FORMS}")
    return readers[suffix]([path])
