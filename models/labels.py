"""From class probabilities to labels with their ancestors: "Golden Retriever" is also "Dog" and "Animal"."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from models.manifest import ModelError, folder
from models.outputs import Floats, Ints

# WordNet's upper storeys, true of nearly everything and said by nobody.
ABSTRACT = frozenset((
    "abstraction", "agent", "artifact", "attribute", "causal agent", "communication", "entity", "instrumentality",
    "living thing", "location", "matter", "natural object", "object", "organism", "part", "physical entity", "piece",
    "point", "relation", "shape", "sign", "signal", "solid", "substance", "unit", "visual signal", "whole",
))  # fmt: skip


class Label(NamedTuple):
    name: str
    score: float
    parents: tuple[str, ...]  # nearest first


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Names and ancestors of nodes: first the classes in the network's order, then what lies above them.

    `members` and `leaves` are pairs: the node `members[i]` contains the class `leaves[i]`.
    """

    names: tuple[str, ...]
    parents: tuple[tuple[str, ...], ...]
    members: Ints
    leaves: Ints

    def top(self, values: Floats, floor: float) -> list[Label]:
        """Every label of at least `floor`, best first, ancestors before what they contain.

        An ancestor's score is the sum over its classes.
        """
        scores = np.bincount(self.members, weights=values[self.leaves], minlength=len(self.names)).clip(max=1.0)
        found = np.flatnonzero(scores >= floor)
        # Ancestors come after the classes in `names`: on equal scores the broader one goes first.
        found = found[np.lexsort((-found, -scores[found]))]
        return [Label(self.names[node], float(scores[node]), self.parents[node]) for node in found]


@cache
def load(model: str) -> Taxonomy:
    """The taxonomy beside a model's manifest; raises ModelError if it has none."""
    file = folder(model).joinpath("taxonomy.json")
    if not file.is_file():
        raise ModelError(f"model {model!r} has no taxonomy.json, so its labels have no ancestors")
    return read(json.loads(file.read_text("utf-8")))


def read(document: Mapping[str, Any]) -> Taxonomy:
    """A taxonomy from {"classes": [...], "ancestors": {id: ...}}, each with name, aliases and parents."""
    upper: Mapping[str, Any] = document["ancestors"]
    classes: list[Mapping[str, Any]] = document["classes"]
    chains = [tuple(_climb(entry["parents"], upper)) for entry in classes]
    used = {key for chain in chains for key in chain}
    kept = [key for key, entry in upper.items() if key in used and entry["name"] not in ABSTRACT]
    names = _distinct([*classes, *(upper[key] for key in kept)], upper)
    place = {key: len(classes) + index for index, key in enumerate(kept)}
    chains += [tuple(_climb(upper[key]["parents"], upper)) for key in kept]
    parents = tuple(tuple(names[place[key]] for key in chain if key in place) for chain in chains)
    pairs = [(place[key], leaf) for leaf in range(len(classes)) for key in chains[leaf] if key in place]
    pairs += [(leaf, leaf) for leaf in range(len(classes))]
    members, leaves = np.array(sorted(pairs), np.int64).T
    return Taxonomy(names, parents, members, leaves)


def _climb(parents: list[str], upper: Mapping[str, Any]) -> Iterator[str]:
    """Every ancestor once, nearest first; those of one distance in the file's order."""
    seen: set[str] = set()
    level = parents
    while level:
        fresh = [key for key in dict.fromkeys(level) if key not in seen]
        seen.update(fresh)
        yield from fresh
        level = [above for key in fresh for above in upper[key]["parents"]]


def _distinct(entries: list[Mapping[str, Any]], upper: Mapping[str, Any]) -> tuple[str, ...]:
    """A display name for each entry that no other has: its name, else an alias, else its name and its parent's."""
    taken: dict[str, None] = {}
    for entry in entries:
        wanted = [display(name) for name in (entry["name"], *entry["aliases"])]
        told_apart = (f"{wanted[0]} ({display(upper[key]['name'])})" for key in _climb(entry["parents"], upper))
        taken[next(name for name in (*wanted, *told_apart) if name not in taken)] = None
    return tuple(taken)


def display(name: str) -> str:
    """ "golden retriever" → "Golden Retriever"; words that carry a capital are left as they are."""
    return " ".join(word if word != word.lower() else word[:1].upper() + word[1:] for word in name.split())
