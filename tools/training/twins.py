"""Pictures that show the same: duplicates, the same under another label, and the same in train and test.

A fixed camera's pictures all show one scene; those are not taken for duplicates. Whatever looks alike is grouped by
ever stricter measures until no group holds most of the pictures.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from training.datasets import Sample
from training.looks import ALIKE, SAME, Look

LADDER = (ALIKE, 0.9, 0.96, SAME)
LARGEST = 0.1  # of all pictures may be one group, before a stricter measure parts it
COMMON = 0.2  # so many alike pictures with other labels, or leaks, are the nature of the scene and no mistakes
_MARGIN = 0.05  # ratios by which the boxes of one thing differ when two people draw them

Pair = tuple[int, int, float]


@dataclass(frozen=True, slots=True)
class Twin:
    """A picture that another one makes superfluous, or doubtful."""

    this: int
    other: int


def exact(looks: Sequence[Look]) -> list[list[int]]:
    """The places of pictures that are pixel for pixel the same, two or more."""
    alike: defaultdict[str, list[int]] = defaultdict(list)
    for place, look in enumerate(looks):
        alike[look.pixels].append(place)
    return [places for places in alike.values() if len(places) > 1]


def agree(first: Sample, second: Sample) -> bool:
    """Whether two samples say the same of the picture."""
    if set(first.labels) != set(second.labels) or len(first.marks) != len(second.marks):
        return False
    rows = zip(
        *(sorted(one.marks, key=lambda mark: (mark.label, mark.x1, mark.y1)) for one in (first, second)), strict=True
    )
    return all(
        one.label == other.label
        and max(abs(getattr(one, side) - getattr(other, side)) for side in ("x1", "y1", "x2", "y2")) <= _MARGIN
        for one, other in rows
    )


def conflicts(samples: Sequence[Sample], pairs: Iterable[Pair]) -> list[Twin]:
    """Both of each two that are one picture, saved again, under different labels; none where that is common."""
    found = [(a, b) for a, b, alike in pairs if alike >= SAME and set(samples[a].labels) != set(samples[b].labels)]
    twins = {this: Twin(this, other) for a, b in found for this, other in ((a, b), (b, a))}
    return list(twins.values()) if len(twins) <= COMMON * len(samples) else []


def leaks(samples: Sequence[Sample], groups: Sequence[int], pairs: Iterable[Pair]) -> list[Twin]:
    """Those to be trained on that look like one to be tested on; only the same saved again where that is common."""
    told = [(a, b, alike) for a, b, alike in pairs if groups[a] == groups[b]]
    found: dict[float, dict[int, Twin]] = {ALIKE: {}, SAME: {}}
    for first, second, alike in told:
        for this, other in ((first, second), (second, first)):
            if samples[other].test and samples[this].test is not True:
                for least, twins in found.items():
                    if alike >= least:
                        twins[this] = Twin(this, other)
    trained = sum(one.test is not True for one in samples)
    return list(found[ALIKE if len(found[ALIKE]) <= COMMON * trained else SAME].values())


def grouped(count: int, pairs: Sequence[Pair]) -> tuple[list[int], bool]:
    """A number for each picture, the same for those that look alike, and whether most show one scene."""
    groups = _joined(range(count), pairs, LADDER[0])
    largest = max(2, int(LARGEST * count))
    scene = False
    for least in (*LADDER[1:], 2.0):
        members = defaultdict(list)
        for place, group in enumerate(groups):
            members[group].append(place)
        for places in members.values():
            if len(places) > largest:
                scene = True
                for place, group in zip(places, _joined(places, pairs, least), strict=True):
                    groups[place] = group
    return groups, scene


def _joined(places: Sequence[int], pairs: Iterable[Pair], least: float) -> list[int]:
    """The group of each place, named after its first member: whatever is alike enough, directly or through others."""
    above = {place: place for place in places}

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    for first, second, alike in pairs:
        if alike >= least and first in above and second in above:
            low, high = sorted((top(first), top(second)))
            above[high] = low
    return [top(place) for place in places]


def with_groups(samples: Sequence[Sample], groups: Sequence[int]) -> list[Sample]:
    """Named groups where pictures look alike; groups that the data set named are joined with them."""
    named: defaultdict[str, list[int]] = defaultdict(list)
    for place, sample in enumerate(samples):
        if sample.group:
            named[sample.group].append(place)
    ties = [(places[0], place, 1.0) for places in named.values() for place in places[1:]]
    firsts: dict[int, int] = {}
    ties += [(firsts.setdefault(group, place), place, 1.0) for place, group in enumerate(groups)]
    joined = _joined(range(len(samples)), ties, 1.0)
    sizes = Counter(joined)
    return [
        replace(sample, group=f"alike-{group}" if sizes[group] > 1 else "")
        for sample, group in zip(samples, joined, strict=True)
    ]
