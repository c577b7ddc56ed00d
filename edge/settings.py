"""What every settings section shares: keys are known, values are frozen.

Each room keeps its own section beside the code that obeys it; `edge.config` puts them together.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationInfo,
    model_validator,
)

# As TOML has them: pydantic by itself would take "8432" for a number, and 1 or "yes" for true.
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]
Ratio = Annotated[Number, Field(ge=0.0, le=1.0)]
Seconds = Annotated[Number, Field(ge=0.0, allow_inf_nan=False)]
Percent = Annotated[Number, Field(ge=0.0, le=100.0)]
Cover = Literal["FACE_COVER", "HEAD_COVER"]  # no network here tells a glove from a hand


def matching(pattern: str, words: str) -> AfterValidator:
    """A text that matches as a whole; for one that does not, `words` say what does."""
    whole = re.compile(pattern)

    def check(text: str) -> str:
        if not whole.fullmatch(text):
            raise ValueError(words)
        return text

    return AfterValidator(check)


def _beside(path: Path, info: ValidationInfo) -> Path:
    if "\0" in str(path):
        raise ValueError("a path cannot hold a null character")
    try:
        path = path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path}: there is no such user; write the folder out") from error
    base = (info.context or {}).get("base")
    return Path(base) / path if base else path


def _named(value: Any) -> Any:
    if value == "":
        raise ValueError("names no place; leave the key out, or write '.' for the folder of this file")
    return value


# A relative path in the TOML starts at the TOML's own folder.
LocalPath = Annotated[Path, BeforeValidator(_named), AfterValidator(_beside)]


def _spanning(region: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = region
    if left >= right or top >= bottom:
        raise ValueError("holds nothing; write [x1, y1, x2, y2] with x1 < x2 and y1 < y2")
    return region


Region = Annotated[tuple[Ratio, Ratio, Ratio, Ratio], AfterValidator(_spanning)]


class Section(BaseModel):
    """A table of the TOML; an unknown key is an error, not a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MotionGate(Section):
    """An idle scene is not analysed: frames whose changed part stays below `area` are skipped.

    What moved is looked at for `settle` seconds more, until tracks and faces are sure of it; `rest` is how often an
    idle scene is looked at all the same; 0 in `area` turns the gate off.
    """

    area: Ratio = 0.002
    settle: Seconds = 2.0
    rest: Seconds = 10.0


class ObjectsTask(Section):
    """Objects on each taken frame. `labels` empty means all; `floor` is the least score of a new track."""

    enabled: Flag = True
    floor: Ratio = 0.45
    labels: tuple[str, ...] = ()


class FacesTask(Section):
    """Faces: found at most every `every` seconds, matched in `collection` from `similarity` percent up.

    A match leads the best other person by `margin` percent points of cosine, in `confirmations` views. With `small`,
    faces of 20 pixels are found in large pictures too, tile by tile; those below `min_pixels` are not matched.
    """

    enabled: Flag = True
    floor: Ratio = 0.7
    every: Seconds = 0.2
    collection: str = "people"
    similarity: Percent = 95.0
    margin: Ratio = 0.05
    confirmations: Annotated[Whole, Field(ge=1, le=20)] = 2
    small: Flag = False
    min_pixels: Annotated[Whole, Field(ge=8)] = 32


class LabelsTask(Section):
    """Labels of the whole picture every `every` seconds, from `floor` up.

    Names and categories that are asked for or left out are told exactly as `vedette labels list` prints them.
    """

    enabled: Flag = True
    floor: Ratio = 0.55
    every: Seconds = 5.0
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include_categories: tuple[str, ...] = ()
    exclude_categories: tuple[str, ...] = ()


class ModerationTask(Section):
    """Moderation labels every `every` seconds; an event when one of the first level reaches `floor`."""

    enabled: Flag = True
    floor: Ratio = 0.8
    every: Seconds = 2.0


class AttributesTask(Section):
    """Details of the faces in view every `every` seconds: age, gender, emotion and the like; an event on a change."""

    enabled: Flag = False
    every: Seconds = 2.0
    min_pixels: Annotated[Whole, Field(ge=8)] = 48


class TextTask(Section):
    """Text every `every` seconds; an event when other lines of at least `floor` are read.

    `min_width` and `min_height` are the least ratios of the picture that a word fills; `regions` are boxes
    [x1, y1, x2, y2] as ratios, outside of which nothing is read.
    """

    enabled: Flag = False
    floor: Ratio = 0.8
    every: Seconds = 5.0
    min_width: Ratio = 0.0
    min_height: Ratio = 0.0
    regions: Annotated[tuple[Region, ...], Field(max_length=10)] = ()


class PropertiesTask(Section):
    """Brightness, sharpness and contrast every `every` seconds; an event when the picture becomes bad, or good again.

    It is bad below `dark`, above `bright` or below `blurred`, each of 0 to 100: a lens that is covered, dazzled or out
    of focus.
    """

    enabled: Flag = False
    every: Seconds = 10.0
    dark: Percent = 15.0
    bright: Percent = 90.0
    blurred: Percent = 10.0

    @model_validator(mode="after")
    def _between(self) -> Self:
        if self.dark >= self.bright:
            raise ValueError(f"dark = {self.dark:g} is not below bright = {self.bright:g}: no picture would be good")
        return self


class PpeTask(Section):
    """Protective equipment every `every` seconds; an event when the persons with or without it change in number."""

    enabled: Flag = False
    floor: Ratio = 0.8
    every: Seconds = 2.0
    required: Annotated[tuple[Cover, ...], Field(min_length=1)] = ("FACE_COVER", "HEAD_COVER")


class CelebritiesTask(Section):
    """Faces of the installed celebrity packs, looked for every `every` seconds; an event for each who appears."""

    enabled: Flag = False
    every: Seconds = 1.0


class LivenessTask(Section):
    """Advice on whether faces are there in the flesh, every `every` seconds; an event when it changes.

    Never a gate: a good replay passes.
    """

    enabled: Flag = False
    floor: Ratio = 0.5
    every: Seconds = 1.0
    min_pixels: Annotated[Whole, Field(ge=8)] = 64


ProjectName = Annotated[
    str, matching(r"[a-zA-Z0-9_.\-]{1,255}", "a project's name is 1 to 255 letters, digits and . _ -")
]


class CustomTask(Section):
    """Labels of one's own models, every `every` seconds: of each project, what its running version says.

    Each label counts from the threshold that its training found best, or all of them from `floor`.
    """

    enabled: Flag = False
    projects: tuple[ProjectName, ...] = ()
    floor: Ratio | None = None
    every: Seconds = 1.0

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if self.enabled and not self.projects:
            raise ValueError("names no project; write projects = [\"…\"], as 'vedette custom list' has them")
        return self


# What a camera or a picture can be looked at for, as the sections of `Tasks` are called.
TASKS = (
    "objects", "faces", "labels", "moderation",
    "attributes", "text", "properties", "ppe", "celebrities", "liveness", "custom",
)  # fmt: skip


class Tasks(Section):
    """What is looked for in one camera's frames."""

    motion: MotionGate = MotionGate()
    objects: ObjectsTask = ObjectsTask()
    faces: FacesTask = FacesTask()
    labels: LabelsTask = LabelsTask()
    moderation: ModerationTask = ModerationTask()
    attributes: AttributesTask = AttributesTask()
    text: TextTask = TextTask()
    properties: PropertiesTask = PropertiesTask()
    ppe: PpeTask = PpeTask()
    celebrities: CelebritiesTask = CelebritiesTask()
    liveness: LivenessTask = LivenessTask()
    custom: CustomTask = CustomTask()
