"""What a person looks like, wears and feels, out of features of a face: probabilities, one row a face."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models import manifest
from models.faces import heads
from models.outputs import Blendshapes, Expressions, Floats, Traits

# What the emotion head calls the seven that it knows.
EMOTIONS = {
    "happiness": "HAPPY", "sadness": "SAD", "anger": "ANGRY", "disgust": "DISGUSTED", "surprise": "SURPRISED",
    "neutral": "CALM", "fear": "FEAR",
}  # fmt: skip
# Brows that differ by this much are even odds that a calm face is a confused one; and how fast that changes.
UNEVEN, UNEVEN_STEP = 0.35, 0.07
# Spectacles below this ratio of lens to cheek are sunglasses.
DARK, DARK_STEP = 0.54, 0.04
# A face of which this share lies outside the picture is even odds to be hidden in part.
BEYOND, BEYOND_STEP = 0.15, 0.03
# Half of an age range: years, and a share of the age.
YEARS, SHARE = 4.0, 0.12

Features = Mapping[str, Floats]


def features(blendshapes: Blendshapes, traits: Traits, expressions: Expressions) -> Features:
    """Everything that heads read, by its kind."""
    return {
        "blendshapes": blendshapes.values,
        "traits": traits.features,
        "expression": expressions.features,
        "expressions": np.log(expressions.scores + np.float32(1e-4)),
    }


def emotions(seen: Features) -> dict[str, Floats]:
    """The eight emotions of each face [N]; they sum to 1.

    No data tells of confusion: it takes from calm what uneven brows suggest.
    """
    head = heads.load("face-expression")["emotion"]
    shares = heads.softmax(head.logits(seen))
    found = {EMOTIONS[answer]: shares[:, place] for place, answer in enumerate(head.answers)}
    confused = heads.sigmoid((unevenness(seen["blendshapes"]) - UNEVEN) / UNEVEN_STEP)
    return found | {"CONFUSED": found["CALM"] * confused, "CALM": found["CALM"] * (1 - confused)}


def unevenness(blendshapes: Floats) -> Floats:
    """By how much the two brows differ, [N] in 0..1."""
    down = movement(blendshapes, "browDownLeft") - movement(blendshapes, "browDownRight")
    up = movement(blendshapes, "browOuterUpLeft") - movement(blendshapes, "browOuterUpRight")
    found: Floats = np.maximum(np.abs(down), np.abs(up))
    return found


def movement(blendshapes: Floats, name: str) -> Floats:
    """One movement of each face, [N]."""
    return blendshapes[:, manifest.labels("face-blendshapes").index(name)]


def worn(seen: Features) -> dict[str, Floats]:
    """The probability of each head that answers yes or no, by its name; [N]."""
    return {name: heads.sigmoid(head.logits(seen)[:, 0]) for name, head in heads.load("faceres").items()}


def sunglasses(eyeglasses: Floats, tint: Floats) -> Floats:
    """The probability [N] that spectacles, seen with a probability, are dark ones; `tint` is that of `light.tint`."""
    return eyeglasses * heads.sigmoid((np.float32(DARK) - tint) / np.float32(DARK_STEP))


def occluded(covered: Floats, sunglasses: Floats, outside: Floats) -> Floats:
    """The probability [N] that eyes, nose or mouth are hidden: covered, behind dark glasses, or `outside` the picture.

    `outside` is the share of the face that lies there.
    """
    beyond = heads.sigmoid((outside - np.float32(BEYOND)) / np.float32(BEYOND_STEP))
    found: Floats = np.maximum(np.maximum(covered, sunglasses), beyond)
    return found


def ages(traits: Traits) -> Floats:
    """The mean age, [N] years."""
    years = np.arange(traits.ages.shape[1], dtype=np.float32)
    found: Floats = (traits.ages * years).sum(1)
    return found


def age_range(age: float) -> tuple[int, int]:
    """Years from and to, around a mean age."""
    half = YEARS + SHARE * age
    return max(0, round(age - half)), round(age + half)
