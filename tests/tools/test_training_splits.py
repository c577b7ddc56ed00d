"""A fifth of each label is tested on, whatever looks alike stays together, and a seed gives the same parts again."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import splits, twins
from training.datasets import Mark, Sample


def samples(folder: Path, counts: dict[str, int]) -> list[Sample]:
    found = []
    for label, count in counts.items():
        for place in range(count):
            path = folder / f"{label}-{place}.jpg"
            path.write_bytes(f"{label} {place}".encode())
            found.append(Sample(path, (label,)))
    return found


def names(part: tuple[Sample, ...]) -> set[str]:
    return {sample.path.name for sample in part}


def test_a_fifth_of_each_label_is_tested_on(tmp_path: Path) -> None:
    dataset = splits.part(samples(tmp_path, {"apple": 50, "bread": 10, "cheese": 5}), seed=3)
    assert Counter(sample.labels[0] for sample in dataset.test) == {"apple": 10, "bread": 2, "cheese": 1}
    assert len(dataset.train) + len(dataset.test) == 65
    assert not names(dataset.train) & names(dataset.test)
    assert (dataset.labels, dataset.task, dataset.multi) == (("apple", "bread", "cheese"), "classify", False)


def test_a_seed_gives_the_same_parts_wherever_the_pictures_lie(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here = samples(tmp_path / "here", {"apple": 30, "bread": 20})
    there = samples(tmp_path / "there", {"bread": 20, "apple": 30})
    first, second, other = splits.part(here, 1), splits.part(there[::-1], 1), splits.part(here, 2)
    assert names(first.test) == names(second.test)
    assert names(first.test) != names(other.test)
    assert first.fingerprint == second.fingerprint == other.fingerprint


def test_the_fingerprint_tells_other_pictures_labels_and_boxes(tmp_path: Path) -> None:
    known = samples(tmp_path, {"apple": 10, "bread": 10})
    prints = {splits.part(known, 1).fingerprint}
    prints.add(splits.part([replace(known[0], labels=("bread",)), *known[1:]], 1).fingerprint)
    prints.add(splits.part([replace(known[0], marks=(Mark("apple", 0, 0, 1, 1),)), *known[1:]], 1).fingerprint)
    prints.add(splits.part(known[1:], 1).fingerprint)
    known[0].path.write_bytes(b"another")
    prints.add(splits.part(known, 1).fingerprint)
    assert len(prints) == 5


def test_a_test_set_that_is_given_holds(tmp_path: Path) -> None:
    known = samples(tmp_path, {"apple": 10, "bread": 10})
    chosen = [replace(sample, test=place % 2 == 0) for place, sample in enumerate(known)]
    dataset = splits.part(chosen, 1)
    assert names(dataset.test) == names(tuple(known[::2]))


def test_backgrounds_are_tested_on_too(tmp_path: Path) -> None:
    known = samples(tmp_path, {"apple": 20, "nothing": 20})
    marked = [
        Sample(one.path, (), (Mark("apple", 0, 0, 1, 1),) if one.labels == ("apple",) else ()) for one in known
    ]  # fmt: skip
    dataset = splits.part(marked, 1, multi=True)
    assert Counter(bool(one.marks) for one in dataset.test) == {True: 4, False: 4}
    assert (dataset.task, dataset.labels, dataset.multi) == ("detect", ("apple",), False)


def test_pictures_that_all_look_alike_cannot_be_tested(tmp_path: Path) -> None:
    alike = [replace(sample, group="one") for sample in samples(tmp_path, {"apple": 10, "bread": 10})]
    with pytest.raises(InputError, match="photos: no picture is left to test on; add pictures that look different"):
        splits.part(alike, 1, name="photos")


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.integers(0, 12)), min_size=30, max_size=80
    ),
    seed=st.integers(0, 5),
)
def test_groups_never_part_and_labels_are_spread(
    rows: list[tuple[str, str, int]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    found = []
    for place, (first, second, group) in enumerate([*rows, *[("a", "b", 9), ("b", "c", 9), ("c", "c", 9)] * 5]):
        path = folder / f"{place}.jpg"
        path.write_bytes(str(place).encode())
        found.append(Sample(path, tuple(sorted({first, second})), group=f"g{group}" if group < 4 else ""))
    dataset = splits.part(found, seed)
    groups = [{one.group for one in part if one.group} for part in (dataset.train, dataset.test)]
    assert not groups[0] & groups[1]
    for label in dataset.labels:
        bearing = sum(label in one.labels for one in found)
        assert sum(label in one.labels for one in dataset.test) <= max(1 + 0.2 * bearing, 0.4 * bearing)
    shutil.rmtree(folder)


def test_groups_are_parted_by_stricter_measures_while_they_hold_most_of_all() -> None:
    chain = [(place, place + 1, 0.8) for place in range(9)] + [(0, 1, 0.99), (4, 5, 0.97)]
    groups, scene = twins.grouped(30, chain)
    assert scene
    assert [groups[place] for place in (0, 1, 2, 4, 5)] == [0, 0, 2, 4, 4]
    assert twins.grouped(30, [(0, 1, 0.8)]) == ([0, 0, *range(2, 30)], False)


def test_groups_of_the_data_set_are_joined_with_those_that_look_alike() -> None:
    named = [Sample(Path(f"{place}"), (), group="video" if place in (1, 4) else "") for place in range(6)]
    groups = [one.group for one in twins.with_groups(named, [0, 0, 2, 3, 4, 5])]
    assert groups == ["alike-0", "alike-0", "", "", "alike-0", ""]
