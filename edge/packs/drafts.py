"""What a custom model pack says of itself: the version, its labels, the network for each back end, and its files."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from edge import __version__
from edge.packs.records import BuiltFile, FileName
from models.manifest import Backend, Decode, Input, Part

FRONT = "pack.front"  # what an installed pack's folder holds beside its files
MOST_BYTES, MOST_FILES, MOST_LABELS, MOST_SIDE = 1 << 30, 64, 10_000, 4096

Feature = Literal["CUSTOM_LABELS", "CONTENT_MODERATION"]


NAME = re.compile(r"[a-zA-Z0-9_.\-]{1,255}")


def is_name(text: str) -> bool:
    """Of a project or version. Folders are called so, which `.` and `..` would lead astray."""
    return bool(NAME.fullmatch(text) and text.strip("."))


def _no_dots(name: str) -> str:
    if not is_name(name):
        raise ValueError("dots alone are no name")
    return name


Name = Annotated[str, StringConstraints(pattern=rf"^{NAME.pattern}$"), AfterValidator(_no_dots)]
Ratio = Annotated[float, Field(ge=0.0, le=1.0)]
Amount = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class Label(Part):
    """A class, told from `threshold` up. `parent` is the moderation label that it stands under, in an adapter."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    threshold: Ratio
    parent: Annotated[str, StringConstraints(max_length=255)] = ""


class Variant(Part):
    """The network for one back end: its file, and how that is fed and read."""

    weights: FileName
    outputs: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)]
    precision: Literal["int8", "f32"] = "int8"
    input: Input
    decode: Decode

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not (0 < self.input.width <= MOST_SIDE and 0 < self.input.height <= MOST_SIDE):
            raise ValueError(f"an input of {self.input.width} x {self.input.height} pixels is none")
        return self


class Draft(Part):
    """A pack's index less its files: what a version is."""

    project: Name
    version: Name
    feature: Feature = "CUSTOM_LABELS"
    task: Literal["classify", "detect"]
    multi: bool = False
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=MOST_LABELS)]
    variants: Annotated[dict[Backend, Variant], Field(min_length=1)]
    data: Annotated[str, StringConstraints(max_length=128)]
    made_at: Amount
    made_by: Annotated[str, StringConstraints(max_length=64)] = __version__
    f1: Ratio | None = None
    images: tuple[Count, Count]
    seconds: Amount

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        if len({label.name for label in self.labels}) < len(self.labels):
            raise ValueError("two labels have one name")
        return self


class Index(Draft):
    """`images` are how many it was trained and tested with, `data` is their fingerprint, `f1` how well it did."""

    files: Annotated[dict[FileName, BuiltFile], Field(min_length=1, max_length=MOST_FILES)]

    @model_validator(mode="after")
    def _files_there(self) -> Self:
        wanted = {variant.weights for variant in self.variants.values()}
        wanted |= {f"{name.removesuffix('.xml')}.bin" for name in wanted if name.endswith(".xml")}
        if absent := sorted(wanted - self.files.keys()):
            raise ValueError(f"there is no file {absent[0]!r}")
        if FRONT in self.files:
            raise ValueError(f"a file is called {FRONT!r}")
        if sum(file.bytes for file in self.files.values()) > MOST_BYTES:
            raise ValueError(f"its files are larger than {MOST_BYTES >> 20} MiB")
        return self
