"""A model's manifest: where its bytes come from, what it wants, how its outputs are read."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

ZooTask = Literal[
    "objects", "faces", "embedding", "labels", "moderation",
    "mesh", "blendshapes", "traits", "expression",
    "nudity", "keypoints", "text_boxes", "text_lines", "text_turn",
    "masks", "liveness", "liveness_wide", "liveness_second",
]  # fmt: skip
Task = Literal[ZooTask, "custom"]  # a custom model's manifest is made from its pack, not from the zoo
Backend = Literal["openvino", "tflite", "coral"]


class ModelError(Exception):
    """A manifest, checksum or tensor is not what it should be. The message names the remedy."""


class AbsentError(ModelError):
    """No model for this is installed."""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Part):
    """One file inside a package, or at a pinned commit of a public repository.

    `sha256` is of the file itself (after `slice`, if given); `git_blob` may stand in for it where only
    the repository's own blob id is known. `slice` is a first and last+1 byte inside the file.
    """

    name: str
    kind: Literal["pip", "npm", "url"]
    package: str = ""
    version: str = ""
    url: str = ""
    path: str = ""
    bytes: int
    sha256: str = ""
    git_blob: str = ""
    slice: tuple[int, int] | None = None


class Input(Part):
    """What the network is fed.

    `fit`: letterbox keeps the aspect ratio and pads; stretch fills; square cuts a centred square;
    aligned is a face chip made from five landmarks; tensor is no picture, but the network's own input.
    `open` axes take any size on back ends that can: N a batch, H and W other pictures; `Model.infer` feeds those.
    `crop` is the centred part of the picture that is kept (of each side for stretch, of the shorter side for
    square). A network that sees one thing of a picture is given `around` times its box. `anchor` is where a
    letterboxed picture lies. `mean` and `std` apply in `colour` order to 0..255 pixels, outside the graph; leave
    them out where the graph does it.
    """

    width: int
    height: int
    fit: Literal["letterbox", "stretch", "square", "aligned", "tensor"]
    open: tuple[Literal["N", "H", "W"], ...] = ()
    crop: float = 1.0
    around: float = 1.0
    anchor: Literal["centre", "corner"] = "centre"
    pad: int = 114
    interpolation: Literal["linear", "cubic", "area"] = "linear"
    colour: Literal["BGR", "RGB"] = "BGR"
    layout: Literal["NHWC", "NCHW"] = "NHWC"
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None


class Decode(Part):
    """How outputs are read: the decoder's name in DECODERS and its constants.

    `size` is the side of the square input, for decoders whose outputs are ratios of it.
    """

    name: str
    size: int = 0
    strides: tuple[int, ...] = ()
    bins: int = 0
    nms: float = 0.6
    activation: Literal["none", "softmax", "sigmoid"] = "none"
    background: bool = False
    index: int = 0


class Variant(Part):
    """The model on one back end.

    `build` names the builder in `edge.packs.build.BUILDERS`; `recipe` is a file beside the manifest
    with what calibration learned; `outputs` names the outputs for the decoder, in the graph's order.
    `keep` is how many cells of a dense detector leave the graph. `input` and `decode` replace the manifest's own
    where this variant differs.
    """

    build: str
    precision: Literal["f32", "int8"]
    sources: tuple[str, ...]
    recipe: str = ""
    outputs: tuple[str, ...]
    keep: int = 0
    input: Input | None = None
    decode: Decode | None = None


class Manifest(Part):
    """One folder of `models/zoo/`. `version` counts changes of meaning: new weights, input or decoder."""

    name: str
    version: int
    set: Literal["default", "extended"] = "default"
    task: Task
    title: str
    licence: str
    origin: str
    labels: str = ""
    input: Input
    decode: Decode
    sources: tuple[Source, ...]
    variants: dict[Backend, Variant] = Field(min_length=1)

    def source(self, name: str) -> Source:
        return next(source for source in self.sources if source.name == name)

    def input_for(self, backend: Backend) -> Input:
        return self.variants[backend].input or self.input

    def decode_for(self, backend: Backend) -> Decode:
        return self.variants[backend].decode or self.decode


def folder(name: str) -> Traversable:
    """The folder of one model, with its card, labels and recipes."""
    return files("models").joinpath("zoo", name)


def names() -> list[str]:
    """Every model there is a manifest for, in alphabetical order."""
    return sorted(
        entry.name for entry in files("models").joinpath("zoo").iterdir() if entry.joinpath("model.toml").is_file()
    )


@cache
def load(name: str) -> Manifest:
    """Read one manifest; raises ModelError naming the file and key that is wrong."""
    if name not in names():
        raise ModelError(f"no model {name!r}: there is {', '.join(names())}")
    try:
        manifest = Manifest.model_validate(tomllib.loads(folder(name).joinpath("model.toml").read_text("utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ModelError(f"models/zoo/{name}/model.toml: {error}") from error
    if manifest.name != name:
        raise ModelError(f"models/zoo/{name}/model.toml: name is {manifest.name!r}, not the folder's")
    return manifest


@cache
def labels(name: str) -> tuple[str, ...]:
    """The label of each class index, one a line; empty if the model has none."""
    file = load(name).labels
    return tuple(folder(name).joinpath(file).read_text("utf-8").splitlines()) if file else ()
