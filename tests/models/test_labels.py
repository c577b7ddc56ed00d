"""Labels with their ancestors, categories and other names."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models import labels, manifest
from models.labels import CATEGORIES, HIDDEN, Calibration, Label, Taxonomy, display, read
from models.manifest import ModelError
from models.outputs import Floats

MODEL = "efficientnet-lite0"


def entry(name: str, *parents: str, aliases: tuple[str, ...] = ()) -> dict[str, object]:
    return {"wnid": f"n{name}", "name": name, "aliases": list(aliases), "parents": list(parents)}


def row(node: str = "", **cells: str) -> dict[str, str]:
    return dict.fromkeys(("name", "category", "parents", "objects", "aliases"), "") | cells | {"node": node}


ZOO = {
    "classes": [
        entry("golden retriever", "dog"),
        entry("tabby", "cat"),
        entry("kite", "bird"),
        entry("hydroplane", "car", "boat"),
        entry("station wagon", "car"),
    ],
    "ancestors": {
        "dog": entry("dog", "pet", "carnivore", aliases=("domestic dog", "carnivore")),
        "cat": entry("cat", "carnivore"),
        "pet": entry("pet", "animal"),
        "carnivore": entry("carnivore", "animal"),
        "bird": entry("bird", "animal"),
        "car": entry("car", "vehicle"),
        "boat": entry("boat", "vehicle"),
        "vehicle": entry("vehicle", "artifact"),
        "animal": entry("animal", "living"),
        "living": entry("living thing"),
        "artifact": entry("artifact"),
    },
}
WORDS = (
    row("living", name=HIDDEN, category="Nature and Outdoors"),
    row("artifact", name=HIDDEN, category="Everyday Objects"),
    row("animal", category="Animals and Pets"),
    row("kite", name="Kite (Bird)"),
    row("car", name="Car", aliases="Auto", objects="Car"),
    row("station wagon", name="Car"),
    row(name="Kite", parents="Car;Bird", category="Toys and Gaming", objects="Kite"),
)


def scores_of(taxonomy: Taxonomy, values: list[float]) -> dict[str, float]:
    scores = taxonomy.confidences(np.array(values, np.float32))
    return {taxonomy.labels[node].name: scores[node] for node in taxonomy.ranked(scores, 0.01)}


def named(taxonomy: Taxonomy, name: str) -> Label:
    return taxonomy.labels[taxonomy.index[name]]


def test_a_parent_has_the_sum_of_its_classes_and_comes_first() -> None:
    assert list(scores_of(read(ZOO, WORDS), [0.5, 0.25, 0, 0, 0.25]).items()) == [
        ("Animal", 0.75),
        ("Carnivore", 0.75),
        ("Pet", 0.5),
        ("Dog", 0.5),
        ("Golden Retriever", 0.5),
        ("Vehicle", 0.25),
        ("Car", 0.25),
        ("Cat", 0.25),
        ("Tabby", 0.25),
    ]


def test_a_class_with_two_parents_counts_once_in_their_common_ancestor() -> None:
    taxonomy = read(ZOO, WORDS)
    assert scores_of(taxonomy, [0, 0, 0, 1, 0])["Vehicle"] == 1
    assert named(taxonomy, "Hydroplane").parents == ("Car", "Boat", "Vehicle")


def test_nodes_of_one_name_are_one_label_and_no_parent_of_itself() -> None:
    taxonomy = read(ZOO, WORDS)
    assert named(taxonomy, "Car") == Label("Car", ("Vehicle",), ("Station Wagon", "Auto"), ("Everyday Objects",))
    assert scores_of(taxonomy, [0, 0, 0, 0.25, 0.5])["Car"] == 0.75


def test_a_hidden_node_is_no_label_but_hands_its_category_down() -> None:
    taxonomy = read(ZOO, WORDS)
    assert not {"Living Thing", "Artifact", HIDDEN} & taxonomy.index.keys()
    assert named(taxonomy, "Boat").categories == ("Everyday Objects",)
    assert named(taxonomy, "Tabby").categories == ("Animals and Pets",)


def test_an_alias_is_never_the_name_of_another_label() -> None:
    assert named(read(ZOO, WORDS), "Dog").aliases == ("Domestic Dog",)


def test_a_new_label_stands_below_the_parents_it_names() -> None:
    taxonomy = read(ZOO, WORDS)
    assert named(taxonomy, "Kite").parents == ("Car", "Bird", "Vehicle", "Animal")
    assert taxonomy.labels[taxonomy.objects["Kite"]].name == "Kite"


def test_evidence_lifts_what_lies_above_it() -> None:
    taxonomy = read(ZOO, WORDS)
    scores = taxonomy.confidences(np.array([0.1, 0.8, 0, 0, 0], np.float32))
    lifted = taxonomy.lifted(scores, {taxonomy.index["Dog"]: 0.85, taxonomy.index["Cat"]: 0.3})
    found = {taxonomy.labels[node].name: round(score, 2) for node, score in lifted.items() if score}
    assert found == {
        "Golden Retriever": 0.1, "Dog": 0.85, "Pet": 0.85, "Tabby": 0.8, "Cat": 0.8, "Carnivore": 0.9, "Animal": 0.9,
    }  # fmt: skip


@given(st.floats(0.05, 3), st.floats(-3, 3), st.lists(st.floats(0, 1, width=32)))
def test_a_calibration_keeps_the_order_and_the_ends(slope: float, offset: float, scores: list[float]) -> None:
    found = list(map(Calibration(slope, offset), sorted((0.0, *scores, 1.0))))
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, 1)


@given(st.floats(0.5, 3), st.floats(-3, 3), st.floats(0.01, 0.99))
def test_a_calibration_can_be_undone(slope: float, offset: float, score: float) -> None:
    there = Calibration(slope, offset)
    assert there.inverse(there(score)) == pytest.approx(score, rel=1e-6)


@given(hnp.arrays(np.float32, 1000, elements=st.floats(0, 1, width=32)), st.floats(0, 1))
def test_a_floor_leaves_out_what_lies_below_it_and_nothing_else(values: Floats, floor: float) -> None:
    taxonomy = labels.load(MODEL)
    values /= max(1, values.sum())
    everything = taxonomy.confidences(values)
    for bar in (floor, next(iter(everything.values()))):
        assert taxonomy.confidences(values, bar) == {node: one for node, one in everything.items() if one >= bar}


@given(
    hnp.arrays(np.float32, 1000, elements=st.floats(0, 1, width=32)),
    st.dictionaries(st.integers(0, 1700), st.floats(0, 1), max_size=3),
)
def test_every_parent_is_there_and_at_least_as_sure(values: Floats, evidence: dict[int, float]) -> None:
    taxonomy = labels.load(MODEL)
    scores = taxonomy.lifted(taxonomy.confidences(values / max(1, values.sum())), evidence)
    ranked = [taxonomy.labels[node] for node in taxonomy.ranked(scores, 0.05)]
    sure = {label.name: scores[taxonomy.index[label.name]] for label in ranked}
    place = {label.name: number for number, label in enumerate(ranked)}
    assert len(sure) == len(ranked)
    assert (np.diff(list(sure.values())) <= 0).all()
    for label in ranked:
        for parent in label.parents:
            assert sure[parent] >= sure[label.name]
            assert place[parent] < place[label.name]


def test_display_keeps_capitals_that_are_there() -> None:
    names = ("golden retriever", "iPod", "CD player", "chest of drawers")
    assert [display(name) for name in names] == ["Golden Retriever", "iPod", "CD Player", "Chest of Drawers"]


def test_the_shipped_vocabulary_names_wordnets_own_nodes() -> None:
    import json

    document = json.loads(manifest.folder(MODEL).joinpath("taxonomy.json").read_text("utf-8"))
    known = {key: entry["name"] for key, entry in document["ancestors"].items()}
    known |= {entry["wnid"][1:]: entry["name"] for entry in document["classes"]}
    assert len(known) == 1860
    rows = list(csv.DictReader(manifest.folder(MODEL).joinpath("vocabulary.csv").read_text("utf-8").splitlines()))
    assert all(known[row["node"]] == row["wordnet"] for row in rows if row["node"])
    taken = Counter(row["node"] or row["name"] for row in rows)
    assert [key for key, times in taken.items() if times > 1] == []


def test_the_shipped_labels_are_one_to_a_name_with_a_category_each() -> None:
    taxonomy = labels.load(MODEL)
    assert len(taxonomy.index) == len(taxonomy.labels) == 1790
    assert {category for label in taxonomy.labels for category in label.categories} <= set(CATEGORIES)
    assert all(
        above not in label.parents[:place]
        for label in taxonomy.labels
        for place, name in enumerate(label.parents)
        for above in named(taxonomy, name).parents
    )
    assert all(len(label.categories) == 1 for label in taxonomy.labels)
    assert len(CATEGORIES) == 40
    assert {name for label in taxonomy.labels for name in label.parents} <= taxonomy.index.keys()
    assert sorted(set(taxonomy.leaves.tolist())) == list(range(1000))


def test_what_wordnet_calls_alike_is_merged_only_where_it_is_alike() -> None:
    taxonomy = labels.load(MODEL)
    own = np.array([label.name for label in taxonomy.labels])
    classes = manifest.labels(MODEL)
    mouse, crane, sweater = taxonomy.index["Mouse"], taxonomy.index["Crane (Bird)"], taxonomy.index["Cardigan"]
    for node, inside in ((mouse, ["Mouse"]), (crane, ["Crane"]), (sweater, ["Cardigan (Sweater)"])):
        assert [classes[leaf] for leaf in taxonomy.leaves[taxonomy.members == node]] == inside, own[node]


@pytest.mark.parametrize(
    ("name", "parent", "alias", "category"),
    [
        ("Golden Retriever", "Dog", "", "Animals and Pets"),
        ("Cat", "Domestic Animal", "House Cat", "Animals and Pets"),
        ("Car", "Vehicle", "Automobile", "Vehicles and Automotive"),
        ("Mobile Phone", "Telephone", "Cell Phone", "Technology and Computing"),
        ("Seashore", "Outdoors", "Beach", "Nature and Outdoors"),
        ("Stop Sign", "Street Sign", "", "Transport and Logistics"),
    ],
)
def test_shipped_labels(name: str, parent: str, alias: str, category: str) -> None:
    label = named(labels.load(MODEL), name)
    assert parent in label.parents
    assert not alias or alias in label.aliases
    assert label.categories == (category,)


def test_people_are_humans() -> None:
    assert named(labels.load(MODEL), "Person") == Label("Person", (), ("Human",), ("Person Description",))


def test_every_detectors_labels_are_in_the_vocabulary() -> None:
    known = labels.load(MODEL).objects
    for name in manifest.names():
        if manifest.load(name).task == "objects":
            assert set(manifest.labels(name)) <= known.keys()


def test_a_model_without_taxonomy_says_so() -> None:
    with pytest.raises(ModelError, match="'yunet' has no taxonomy"):
        labels.load("yunet")
