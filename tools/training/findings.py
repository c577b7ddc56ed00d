"""What the check finds: each thing names the file and the remedy, and says whether training goes on without it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from training.datasets import Sample

Kind = Literal[
    "ignored", "bad line", "bad label",
    "unreadable", "too small", "blank", "no label", "several labels", "bad box", "duplicate", "wrong label", "leak",
    "near duplicate", "one scene", "too few", "imbalance", "untested",
]  # fmt: skip
SHOWN = 50  # of a kind on the screen; check.json has them all


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    name: str
    """The file, relative to the data set, or the label."""
    said: str
    remedy: str
    left_out: bool = False
    """Training goes on without this picture."""
    stops: bool = False
    """No training before this is mended."""

    def __str__(self) -> str:
        text = f"{self.name}: {self.said}; {self.remedy}"
        return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


@dataclass(frozen=True, slots=True)
class Findings:
    found: tuple[Finding, ...]
    kept: tuple[Sample, ...]
    """The samples to go on with."""
    pictures: int
    root: Path

    @property
    def stops(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.found if one.stops)

    def counts(self) -> dict[str, int]:
        """Pictures that bear each label; "" counts those that bear none."""
        return dict(sorted(Counter(label for one in self.kept for label in labels_of(one) or {""}).items()))

    def plain(self) -> dict[str, Any]:
        """As check.json has it."""
        return {
            "pictures": self.pictures,
            "used": len(self.kept),
            "labels": self.counts(),
            "findings": [asdict(one) for one in self.found],
        }

    def lines(self) -> list[str]:
        """As the screen shows it: by kind, what stops the training last."""
        lines = [f"{self.pictures} pictures, {len(self.kept)} to go on with"]
        for kind in dict.fromkeys(one.kind for one in sorted(self.found, key=lambda one: one.stops)):
            found = [one for one in self.found if one.kind == kind]
            left_out = sum(one.left_out for one in found)
            lines.append(f"{kind}: {len(found)}" + (f", {left_out} left out" if left_out else ""))
            lines += [f"  {one}" for one in found[:SHOWN]]
            if len(found) > SHOWN:
                lines.append(f"  and {len(found) - SHOWN} more, see check.json")
        return lines


def labels_of(sample: Sample) -> set[str]:
    """Of the whole picture and of its boxes."""
    return {*sample.labels, *(mark.label for mark in sample.marks)}
