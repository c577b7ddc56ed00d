"""Moderation: the 52 names of Rekognition's taxonomy 7.0, and what this device's models say about each.

`taxonomy.toml` names the evidence. A name without any is not offered: it never appears. Scores are 0..1.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from math import exp, log, prod
from typing import Literal

from pydantic import BaseModel, ConfigDict

VERSION = "7.0"
EXPLICIT, SUGGESTIVE = ("Porn", "Hentai"), "Sexy"  # nsfwjs' classes that say something; its others do not

ILLUSTRATED = "Illustrated"
# Rekognition's content types: whether it is offered here, and why.
CONTENT_TYPES = {
    "Animated": (False, "a single picture does not tell whether a drawing moves"),
    ILLUSTRATED: (True, "statistics of the pixels: areas of one colour, hard edges, little noise"),
}

# Log-odds beyond these (1 in 10,000) are more than a network can know.
SUREST = log(9999.0)
# A Sexy that speaks neither for nor against swimwear and underwear: so much that of photos of women in dresses, which
# ImageNet's classes take for bikinis, none is flagged (the demo photos of face-api).
UNDECIDED = 0.6


class Name(BaseModel):
    """One entry of `taxonomy.toml`, which says what its fields mean; `level` is 1 to 3."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    parent: str = ""
    level: int = 1
    nudity: Literal["", "explicit", "suggestive", "clothing"] = ""
    labels: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    because: str

    @property
    def has_evidence(self) -> bool:
        """Whether something is known of the name itself, not only of names below it."""
        return bool(self.nudity or self.labels or self.objects)


@cache
def names() -> tuple[Name, ...]:
    """All 52, parents before their children."""
    found: dict[str, Name] = {}
    for entry in tomllib.loads(files("models.moderation").joinpath("taxonomy.toml").read_text("utf-8"))["name"]:
        above = found.get(entry.get("parent", ""))
        found[entry["name"]] = Name(level=above.level + 1 if above else 1, **entry)
    return tuple(found.values())


@cache
def offered() -> frozenset[str]:
    """The names that can appear: those with evidence, and all above them."""
    above = {entry.name: entry.parent for entry in names()}
    return frozenset(step for entry in names() if entry.has_evidence for step in _upwards(entry.name, above))


def _upwards(name: str, above: Mapping[str, str]) -> Iterator[str]:
    while name:
        yield name
        name = above[name]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the models said of one picture.

    `unsafe` is open_nsfw's score; `nudity` nsfwjs' scores by class, empty if it was not asked. `labels` and `objects`
    are scores by name.
    """

    unsafe: float
    nudity: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, float] = field(default_factory=dict)
    objects: Mapping[str, float] = field(default_factory=dict)

    @property
    def explicit(self) -> float:
        """Both voters' opinion; the one voter's if there is no other."""
        if not self.nudity:
            return self.unsafe
        return pooled(self.unsafe, sum(self.nudity[kind] for kind in EXPLICIT))

    @property
    def suggestive(self) -> float:
        return self.nudity.get(SUGGESTIVE, 0.0)


def pooled(*votes: float) -> float:
    """The logarithmic opinion pool: the mean of the votes' log-odds, as a probability.

    A voter's doubt counts: of two that say .9 and .1 nothing is left. Genest and Zidek, Combining probability
    distributions, Statistical Science 1(1), 1986.
    """
    return _logistic(sum(map(_log_odds, votes)) / len(votes))


def worn(labelled: float, suggestive: float) -> float:
    """What labels say of swimwear or underwear, moved by half the log-odds that `suggestive` has over the undecided.

    Labels alone see bikinis on most women in light clothes, nsfwjs alone does not know what is worn.
    """
    if labelled <= 0.0:
        return 0.0
    return _logistic(_log_odds(labelled) + (_log_odds(suggestive) - _log_odds(UNDECIDED)) / 2)


def _log_odds(score: float) -> float:
    if not 0.0 < score < 1.0:
        return -SUREST if score <= 0.0 else SUREST
    return min(max(log(score / (1.0 - score)), -SUREST), SUREST)


def _logistic(odds: float) -> float:
    return 1.0 / (1.0 + exp(-odds))


def scores(evidence: Evidence) -> dict[str, float]:
    """The score of every offered name; a parent's is at least that of each child."""
    found = {entry.name: _own(entry, evidence) for entry in names() if entry.name in offered()}
    dressed = max(found[entry.name] for entry in names() if entry.nudity == "clothing")
    for entry in names():
        if entry.nudity == "suggestive":
            found[entry.name] = evidence.suggestive * (1.0 - dressed)
    for entry in reversed(names()):
        if entry.parent and entry.name in found:
            found[entry.parent] = max(found[entry.parent], found[entry.name])
    return found


def _own(entry: Name, evidence: Evidence) -> float:
    if entry.nudity == "explicit":
        return evidence.explicit
    labelled = 1.0 - prod(1.0 - evidence.labels.get(label, 0.0) for label in entry.labels)  # at least one is right
    if entry.nudity == "clothing" and evidence.nudity:
        return worn(labelled, evidence.suggestive)
    return max(labelled, *(evidence.objects.get(kind, 0.0) for kind in entry.objects), 0.0)
