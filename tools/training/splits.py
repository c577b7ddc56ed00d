"""Parts a data set into what is learnt from and what is tested on: a fifth of each label, and nothing that looks alike.

The same pictures and seed give the same parts, wherever the pictures lie and whatever they are called.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from training.datasets import Dataset, Sample, Task, task_of
from training.findings import labels_of

from edge.errors import InputError

SHARE = 0.2

Group = list[Sample]


def part(
    samples: Sequence[Sample], seed: int, *, task: Task | None = None, multi: bool = False, name: str = "the data set"
) -> Dataset:
    """What the data set says of a test set holds; where it says nothing, groups are drawn for it."""
    digests = {sample.path: hashlib.sha256(sample.path.read_bytes()).hexdigest() for sample in samples}
    ordered = sorted(samples, key=lambda sample: (digests[sample.path], sample.labels, sample.path))
    if any(sample.test for sample in ordered):
        train, test = ([one for one in ordered if bool(one.test) is side] for side in (False, True))
    else:
        train, test = _drawn(ordered, seed)
    if not train or not test:
        side = "to learn from" if not train else "to test on"
        raise InputError(f"{name}: no picture is left {side}; add pictures that look different from each other")
    task = task or task_of(ordered)
    return Dataset(
        task=task,
        labels=tuple(sorted({label for sample in ordered for label in labels_of(sample)})),
        train=tuple(train),
        test=tuple(test),
        multi=task == "classify" and (multi or any(len(sample.labels) > 1 for sample in ordered)),
        fingerprint=fingerprint(ordered, digests),
    )


def fingerprint(samples: Sequence[Sample], digests: dict[Path, str]) -> str:
    """SHA-256 over what is in the pictures and said of them."""
    rows = [
        [digests[one.path], sorted(one.labels), one.test,
         sorted([mark.label, *(round(side, 4) for side in (mark.x1, mark.y1, mark.x2, mark.y2))] for mark in one.marks)]
        for one in samples
    ]  # fmt: skip
    lines = sorted(json.dumps(row, ensure_ascii=False) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _drawn(samples: Sequence[Sample], seed: int) -> tuple[list[Sample], list[Sample]]:
    """Rarest label first, groups are taken in random order for the test set while a fifth of a label is wanting."""
    groups = _groups(samples)
    order = np.random.default_rng(seed).permutation(len(groups))
    counts = Counter(label for sample in samples for label in _strata(sample))
    wanted = {label: max(1, round(SHARE * count)) for label, count in counts.items()}
    taken: Counter[str] = Counter()
    test: set[int] = set()
    for label in sorted(counts, key=lambda label: (counts[label], label)):
        bearing = [at for at in order if any(label in _strata(sample) for sample in groups[at])]
        for at in bearing:
            more = Counter(found for sample in groups[at] for found in _strata(sample))
            fits = all(taken[other] + more[other] <= max(wanted[other], 0.4 * counts[other]) for other in more)
            if at not in test and taken[label] < wanted[label] and fits:
                test.add(at)
                taken += more
    parts: tuple[list[Sample], list[Sample]] = ([], [])
    for at, group in enumerate(groups):
        parts[at in test].extend(group)
    return parts


def _groups(samples: Sequence[Sample]) -> list[Group]:
    groups: defaultdict[str, Group] = defaultdict(list)
    for place, sample in enumerate(samples):
        groups[sample.group or f"alone-{place}"].append(sample)
    return list(groups.values())


def _strata(sample: Sample) -> set[str]:
    """The labels it counts for; background counts as one of its own."""
    return labels_of(sample) or {""}
