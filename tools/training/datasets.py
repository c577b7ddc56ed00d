"""What a model is trained on: labelled pictures, as every reader of data sets gives them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
