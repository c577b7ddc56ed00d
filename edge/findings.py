"""What abilities find in a picture, beside the values that travel through the pipeline: frozen, small.

Scores are 0..1, boxes and points are ratios of the picture, angles degrees, brightness and the like 0..100. The
fields are the keys of the JSON that `vedette analyze` prints.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from edge.values import Box, Face

Point = tuple[float, float]

DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Trait:
    """A yes or no, or a word, and how sure it is."""

    value: bool | str
    score: float


@dataclass(frozen=True, slots=True)
class Landmark:
    """A named point of a face, one of Rekognition's thirty."""

    kind: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Pose:
    """Which way a head is turned: roll clockwise, yaw towards the picture's right, pitch up."""

    roll: float
    yaw: float
    pitch: float


@dataclass(frozen=True, slots=True)
class Gaze:
    """Which way the eyes look, measured as `Pose` is."""

    yaw: float
    pitch: float
    score: float


@dataclass(frozen=True, slots=True)
class FaceDetails:
    """One face as DetectFaces tells it. `emotions` holds all eight, likeliest first; their scores sum to 1."""

    face: Face
    landmarks: tuple[Landmark, ...]
    pose: Pose
    brightness: float
    sharpness: float
    age: tuple[int, int]
    gender: Trait
    emotions: tuple[Trait, ...]
    smile: Trait
    eyeglasses: Trait
    sunglasses: Trait
    beard: Trait
    mustache: Trait
    eyes_open: Trait
    mouth_open: Trait
    occluded: Trait
    gaze: Gaze


@dataclass(frozen=True, slots=True)
class Words:
    """A line or a word of text. `polygon` is its four corners from the text's own top left, clockwise.

    `id` counts lines first, then words; `parent` is the line of a word.
    """

    id: int
    kind: str  # LINE or WORD
    parent: int | None
    text: str
    score: float
    box: Box
    polygon: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """A moderation label of taxonomy 7.0. `level` is 1 to 3, `parent` the name above, empty on level 1."""

    name: str
    parent: str
    level: int
    score: float


@dataclass(frozen=True, slots=True)
class Moderated:
    """What should perhaps not be shown; a flag's parents are always among the flags."""

    flags: tuple[Flag, ...]
    content_types: tuple[Trait, ...]  # Animated, Illustrated: value is the name


@dataclass(frozen=True, slots=True)
class Quality:
    brightness: float
    sharpness: float
    contrast: float


@dataclass(frozen=True, slots=True)
class Colour:
    """`percent` of the pixels are nearest to this colour; `css` and `simple` are its names."""

    red: int
    green: int
    blue: int
    hex: str
    css: str
    simple: str
    percent: float


@dataclass(frozen=True, slots=True)
class Region:
    quality: Quality
    colours: tuple[Colour, ...]


@dataclass(frozen=True, slots=True)
class Properties:
    """How a picture was taken. Foreground is where objects were found; without any, both parts are None."""

    quality: Quality
    colours: tuple[Colour, ...]
    foreground: Region | None
    background: Region | None


@dataclass(frozen=True, slots=True)
class Equipment:
    """Something worn: FACE_COVER, HEAD_COVER or HAND_COVER, and whether it covers the body part."""

    kind: str
    box: Box
    score: float
    covers: Trait


@dataclass(frozen=True, slots=True)
class BodyPart:
    """FACE, HEAD, LEFT_HAND or RIGHT_HAND with the equipment on it."""

    name: str
    score: float
    equipment: tuple[Equipment, ...]


@dataclass(frozen=True, slots=True)
class Worker:
    """A person looked at for protective equipment."""

    id: int
    box: Box
    score: float
    parts: tuple[BodyPart, ...]


@dataclass(frozen=True, slots=True)
class Protection:
    """Every person is in exactly one of the three lists of ids, which answer for the equipment asked for."""

    persons: tuple[Worker, ...]
    with_required: tuple[int, ...]
    without_required: tuple[int, ...]
    indeterminate: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Celebrity:
    """Whom a face belongs to. `similarity` is percent; `gender` is as the pack tells, empty if it does not."""

    id: str
    name: str
    urls: tuple[str, ...]
    gender: str
    similarity: float
    pack: str


@dataclass(frozen=True, slots=True)
class Liveness:
    """Advice on whether a face is there in the flesh; `votes` are the models' own scores."""

    score: float
    votes: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CustomLabel:
    """What a model of one's own says, of a part of the picture or of all of it.

    `parent` is the moderation label it stands under, where the model adapts these.
    """

    name: str
    score: float
    box: Box | None = None
    parent: str = ""


@dataclass(frozen=True, slots=True)
class CustomAnswer:
    """What one version of a project's model says; labels best first."""

    project: str
    version: str
    labels: tuple[CustomLabel, ...]


def plain(value: Any) -> Any:
    """Dicts, lists, words and numbers of four decimals, as JSON has them; keys are the fields' names."""
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return round(float(value), DECIMALS) if isinstance(value, float) else value
