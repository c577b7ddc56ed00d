"""Labels with their ancestors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models import labels, manifest
from models.labels import Label, display, read
from models.manifest import ModelError
from models.outputs import Floats


def entry(name: str, *parents: str, aliases: tuple[str, ...] = ()) -> dict[str, object]:
    return {"name": name, "aliases": list(aliases), "parents": list(parents)}


ZOO = {
    "classes": [
        entry("golden retriever", "dog"),
        entry("tabby", "cat"),
        entry("crane", "bird"),
        entry("crane", "machine"),
        entry("amphibian", "car", "boat", aliases=("amphibious vehicle",)),
    ],
    "ancestors": {
        "dog": entry("dog", "pet", "carnivore"),
        "cat": entry("cat", "carnivore"),
        "pet": entry("pet", "animal"),
        "carnivore": entry("carnivore", "animal"),
        "bird": entry("bird", "animal"),
        "car": entry("car", "vehicle"),
        "boat": entry("boat", "vehicle"),
        "vehicle": entry("vehicle", "artifact"),
        "machine": entry("machine", "artifact"),
        "animal": entry("animal", "living"),
        "living": entry("living thing", "entity"),
        "artifact": entry("artifact", "entity"),
        "entity": entry("entity"),
    },
}


def test_a_parent_has_the_sum_of_its_classes() -> None:
    found = read(ZOO).top(np.array([0.5, 0.25, 0, 0, 0.25], np.float32), 0.3)
    assert found == [
        Label("Animal", 0.75, ()),
        Label("Carnivore", 0.75, ("Animal",)),
        Label("Pet", 0.5, ("Animal",)),
        Label("Dog", 0.5, ("Pet", "Carnivore", "Animal")),
        Label("Golden Retriever", 0.5, ("Dog", "Pet", "Carnivore", "Animal")),
    ]


def test_a_class_with_two_parents_counts_once_in_their_common_ancestor() -> None:
    found = {label.name: label for label in read(ZOO).top(np.array([0, 0, 0, 0, 1], np.float32), 0.5)}
    assert found["Vehicle"].score == 1
    assert found["Amphibian"].parents == ("Car", "Boat", "Vehicle")


def test_names_are_told_apart() -> None:
    assert read(ZOO).names[:4] == ("Golden Retriever", "Tabby", "Crane", "Crane (Machine)")


def test_upper_storeys_are_left_out() -> None:
    assert not {"Entity", "Artifact", "Living Thing"} & set(read(ZOO).names)


@given(hnp.arrays(np.float32, 5, elements=st.floats(0, 1, width=32)), st.floats(0, 1))
def test_scores_fall_and_stay_between_floor_and_one(values: Floats, floor: float) -> None:
    found = read(ZOO).top(values, floor)
    scores = [label.score for label in found]
    assert scores == sorted(scores, reverse=True)
    assert all(floor <= score <= 1 for score in scores)
    by_name = {label.name: label.score for label in found}
    assert all(by_name[parent] >= label.score - 1e-6 for label in found for parent in label.parents)


def test_display_keeps_capitals_that_are_there() -> None:
    assert [display(name) for name in ("golden retriever", "iPod", "CD player")] == [
        "Golden Retriever",
        "iPod",
        "CD Player",
    ]


def test_the_shipped_taxonomy_fits_its_model() -> None:
    taxonomy = labels.load("efficientnet-lite0")
    assert taxonomy.names[:1000] == manifest.labels("efficientnet-lite0")
    assert len(set(taxonomy.names)) == len(taxonomy.names) == 1832
    retriever = taxonomy.names.index("Golden Retriever")
    assert taxonomy.parents[retriever][:4] == ("Retriever", "Sporting Dog", "Hunting Dog", "Dog")
    assert {name for chain in taxonomy.parents for name in chain} <= set(taxonomy.names)


def test_a_model_without_taxonomy_says_so() -> None:
    with pytest.raises(ModelError, match="'yunet' has no taxonomy"):
        labels.load("yunet")
