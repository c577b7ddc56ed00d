"""From class probabilities to labels with their ancestors: "Golden Retriever" is also "Dog" and "Animal".

A model's folder holds the hierarchy as WordNet has it (taxonomy.json), what we call its nodes, their categories and
the nodes that WordNet lacks (vocabulary.csv), and how scores become confidences (calibration.toml).
"""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from math import exp
from typing import Any, NamedTuple

import numpy as np

from models.manifest import ModelError, folder
from models.outputs import Floats, Ints

# Rekognition's 40, in its order.
CATEGORIES = (
    "Actions", "Animals and Pets", "Apparel and Accessories", "Beauty and Personal Care", "Buildings and Architecture",
    "Colors and Visual Composition", "Damage Detection", "Education", "Events and Attractions", "Everyday Objects",
    "Expressions and Emotions", "Food and Beverage", "Furniture and Furnishings", "Health and Fitness",
    "Hobbies and Interests", "Home and Indoors", "Home Appliances", "Kitchen and Dining", "Materials", "Medical",
    "Nature and Outdoors", "Offices and Workspaces", "Patterns and Shapes", "Performing Arts", "Person Description",
    "Plants and Flowers", "Popular Landmarks", "Profession", "Public Safety", "Religion", "Sports", "Symbols and Flags",
    "Technology and Computing", "Text and Documents", "Tools and Machinery", "Toys and Gaming",
    "Transport and Logistics", "Travel and Adventure", "Vehicles and Automotive", "Weapons and Military",
)  # fmt: skip

BELOW = 1 - 1e-6  # of a bound that is compared with what was rounded to single precision

SMALL = frozenset(("a", "and", "for", "in", "of", "the"))
HIDDEN = "-"  # the vocabulary's name for what is true of nearly everything and said by nobody


class Label(NamedTuple):
    """What a node of the hierarchy is called, and the names above it, nearest first."""

    name: str
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    """A score as the chance of being right: 1 / (1 + exp(-(slope · logit(score) + offset))), after Platt."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, score: float) -> float:
        """Rises with the score, 0..1; 0 and 1 stay what they are."""
        right: float = score**self.slope  # the logistic function without the infinite odds at both ends
        wrong: float = (1.0 - score) ** self.slope * exp(-self.offset)
        return right / (right + wrong)

    @property
    def inverse(self) -> Calibration:
        """What finds the score again."""
        return Calibration(1 / self.slope, -self.offset / self.slope)


@dataclass(frozen=True)
class Taxonomy:
    """Labels, and what contains what: first the classes in the network's order, then what lies above or beside them.

    `members` and `leaves` are pairs: the label `members[i]` contains the class `leaves[i]`; `below` and `above` are
    pairs of a label and one of its ancestors, by label. `objects` says which label a detector's label stands for.
    """

    labels: tuple[Label, ...]
    members: Ints
    leaves: Ints
    below: Ints
    above: Ints
    index: Mapping[str, int]
    objects: Mapping[str, int]
    picture: Calibration = Calibration()
    detected: Calibration = Calibration()

    def confidences(self, values: Floats, floor: float = 0.0) -> dict[int, float]:
        """How sure each label of at least `floor` is, from the classes' probabilities [classes].

        An ancestor's score is the sum over its classes; calibration rises with the score, so it stays above theirs.
        """
        containing, first = self._segments
        sums = np.add.reduceat(values.astype(np.float64)[self.leaves], first).astype(np.float32)
        likely = np.flatnonzero(sums >= self.picture.inverse(floor) * BELOW)
        sure = {
            node: self.picture(min(score, 1.0))
            for node, score in zip(containing[likely].tolist(), sums[likely].tolist(), strict=True)
        }
        return {node: score for node, score in sure.items() if score >= floor}

    def lifted(self, scores: Mapping[int, float], evidence: Mapping[int, float]) -> dict[int, float]:
        """The scores where labels in `evidence`, and their ancestors, have at least that much.

        Ancestors that were at least as sure as what lies below stay so.
        """
        raised = dict(scores)
        for node, score in evidence.items():
            if score > raised.get(node, 0.0):
                for place in (node, *self._ancestors[node]):
                    raised[place] = max(raised.get(place, 0.0), score)
        return raised

    def ranked(self, scores: Mapping[int, float], floor: float) -> list[int]:
        """The labels of at least `floor`, best first, ancestors before what they contain."""
        found = [(-score, len(self.labels[node].parents), node) for node, score in scores.items() if score >= floor]
        return [node for _, _, node in sorted(found)]

    @cached_property
    def _segments(self) -> tuple[Ints, Ints]:
        """The labels that contain classes, and where each one's pairs begin."""
        return np.unique(self.members, return_index=True)

    @cached_property
    def _ancestors(self) -> tuple[tuple[int, ...], ...]:
        """Of each label."""
        ends = self.below.searchsorted(np.arange(len(self.labels) + 1)).tolist()
        return tuple(tuple(self.above[start:end].tolist()) for start, end in pairwise(ends))


@cache
def load(model: str) -> Taxonomy:
    """The taxonomy beside a model's manifest; raises ModelError if it has none."""
    place = folder(model)
    if not place.joinpath("taxonomy.json").is_file():
        raise ModelError(
            f"model {model!r} has no taxonomy.json, so its labels have no parents; name another one in [models] labels"
        )
    document = json.loads(place.joinpath("taxonomy.json").read_text("utf-8"))
    vocabulary = csv.DictReader(place.joinpath("vocabulary.csv").read_text("utf-8").splitlines())
    return read(document, list(vocabulary), tomllib.loads(place.joinpath("calibration.toml").read_text("utf-8")))


def read(
    document: Mapping[str, Any],
    vocabulary: Sequence[Mapping[str, str]] = (),
    calibration: Mapping[str, Mapping[str, float]] | None = None,
) -> Taxonomy:
    """A taxonomy from {"classes": [...], "ancestors": {id: ...}}, each with name, aliases and parents.

    A row of the vocabulary (node, name, category, parents, objects, aliases; lists parted by semicolons) renames or
    moves a node, or adds one where `node` is empty. Nodes of one name are one label.
    """
    rows = {row["node"] or row["name"]: row for row in vocabulary}
    classes = {entry["wnid"][1:]: entry for entry in document["classes"]}
    entries = {**classes, **document["ancestors"]}
    nodes = {key: _node(entries.get(key), rows.get(key)) for key in (*entries, *(rows.keys() - entries.keys()))}
    places: dict[str, list[str]] = {}
    for key in (*entries, *rows):
        if nodes[key].name != HIDDEN and key not in places.setdefault(nodes[key].name, []):
            places[nodes[key].name].append(key)
    for key, row in rows.items():
        if row["parents"]:
            nodes[key] = nodes[key]._replace(
                parents=tuple(above for name in row["parents"].split(";") for above in places[name])
            )
    labels = _from_near_to_far([_label(name, places, nodes) for name in places])
    index = {label.name: number for number, label in enumerate(labels)}
    below, above = _pairs((index[label.name], index[name]) for label in labels for name in label.parents)
    members, leaves = _pairs(
        (index[name], leaf)
        for leaf, key in enumerate(classes)
        for name in (nodes[key].name, *labels[index[nodes[key].name]].parents)
    )
    objects = {
        detected: index[row["name"]] for row in rows.values() for detected in row["objects"].split(";") if detected
    }
    maps = {name: Calibration(**values) for name, values in (calibration or {}).items()}
    return Taxonomy(labels, members, leaves, below, above, index, objects, **maps)


class _Node(NamedTuple):
    name: str
    aliases: tuple[str, ...]
    category: str
    parents: tuple[str, ...]


def _node(entry: Mapping[str, Any] | None, row: Mapping[str, str] | None) -> _Node:
    """WordNet's entry as the vocabulary has it. Aliases of ours stand for WordNet's, but its own name stays one."""
    words = [display(word) for word in (entry["name"], *entry["aliases"])] if entry else []
    parents = tuple(entry["parents"]) if entry else ()
    if row is None:
        return _Node(words[0], tuple(words[1:]), "", parents)
    name = row["name"] or words[0]
    aliases = (*row["aliases"].split(";"), *words[:1]) if row["aliases"] else tuple(words)
    return _Node(name, tuple(alias for alias in dict.fromkeys(aliases) if alias != name), row["category"], parents)


def _label(name: str, places: Mapping[str, Sequence[str]], nodes: Mapping[str, _Node]) -> Label:
    keys = places[name]
    above = list(_climb(keys, places, nodes))
    parents = dict.fromkeys(nodes[key].name for key in above if nodes[key].name not in (HIDDEN, name))
    aliases = dict.fromkeys(alias for key in keys for alias in nodes[key].aliases if alias not in places)
    category = next((nodes[key].category for key in (*keys, *above) if nodes[key].category), "")
    return Label(name, tuple(parents), tuple(aliases), (category,) if category else ())


def _from_near_to_far(labels: Sequence[Label]) -> tuple[Label, ...]:
    """The labels with their parents in order: each before what lies above it."""
    depth = {label.name: len(label.parents) for label in labels}
    return tuple(
        label._replace(parents=tuple(sorted(label.parents, key=lambda name: -depth[name]))) for label in labels
    )


def _climb(keys: Sequence[str], places: Mapping[str, Sequence[str]], nodes: Mapping[str, _Node]) -> Iterator[str]:
    """Every node above these once, nearest first; those of one distance in the file's order."""
    seen = set(keys)
    level = list(keys)
    while level:
        above = [key for below in level for key in nodes[below].parents]
        alike = [same for key in above for same in (key, *places.get(nodes[key].name, ()))]
        level = [key for key in dict.fromkeys(alike) if key not in seen]
        seen.update(level)
        yield from level


def _pairs(pairs: Iterable[tuple[int, int]]) -> tuple[Ints, Ints]:
    """Two columns, each pair once."""
    rows = np.array(sorted(set(pairs)), np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def display(name: str) -> str:
    """ "golden retriever" → "Golden Retriever"; words that carry a capital are left as they are, and so is "of"."""
    return " ".join(
        word if word in SMALL or word != word.lower() else word[:1].upper() + word[1:] for word in name.split()
    )
