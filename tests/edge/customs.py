"""Custom models of a test's own, made on the spot: to name a picture's colour, and to find bright squares.

The squares lie on a lattice of 8 pixels in a picture of 64: each is told with as much around it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from accel.graphs import tflite_file
from edge.packs import custom
from edge.packs.custom import Draft, Installed, Label
from edge.packs.sealed import fingerprint
from edge.packs.signing import SigningKey
from edge.packs.store import Store
from edge.values import Image
from edge.vision import selftest
from models.manifest import Backend

KEY = SigningKey(bytes(range(32)))
COLOURS = ("blue", "green", "red")
SIDE, CELLS = 64, 64 + 16 + 4
STRIDES = (8, 16, 32)
QUIET = -20.0
VERSIONS: dict[str, dict[str, Any]] = {
    "classify": {
        "openvino": {
            "weights": "openvino.xml",
            "outputs": ("logits",),
            "input": {"width": 32, "height": 32, "fit": "square", "interpolation": "area"},
            "decode": {"name": "classify", "activation": "softmax"},
        },
        "tflite": {
            "weights": "model.tflite",
            "outputs": ("logits",),
            "precision": "f32",
            "input": {
                "width": 32, "height": 32, "fit": "square", "interpolation": "area",
                "mean": (0.0, 0.0, 0.0), "std": (16.0, 16.0, 16.0),
            },
            "decode": {"name": "classify", "activation": "softmax"},
        },
    },
    "detect": {
        "openvino": {
            "weights": "openvino.xml",
            "outputs": ("scores", "sides"),
            "input": {"width": SIDE, "height": SIDE, "fit": "letterbox"},
            "decode": {"name": "points", "size": SIDE, "strides": STRIDES, "nms": 0.5},
        }
    },
}  # fmt: skip


def colour(name: str, width: int = 64, height: int = 48) -> Image:
    image = np.zeros((height, width, 3), np.uint8)
    image[..., COLOURS.index(name)] = 200
    return image


def square(column: int, row: int) -> Image:
    """Bright in one cell of 8 pixels."""
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 255
    return image


def pack(
    folder: Path,
    name: str = "colours/v1",
    task: Literal["classify", "detect"] = "classify",
    backends: Sequence[Backend] = ("openvino",),
    *,
    sound: bool = True,
    **more: Any,
) -> Path:
    """A signed pack, in `folder`; one that is not `sound` has seen something else on the machine that made it."""
    project, version = name.split("/")
    inside = folder / f"{project}-{version}"
    inside.mkdir(parents=True)
    _network(inside, task)
    _examples(inside, task, sound=sound)
    if "tflite" in backends:
        (inside / "model.tflite").write_bytes(_tflite())
    labels = tuple(Label(name=label, threshold=0.5) for label in (COLOURS if task == "classify" else ("square",)))
    told: dict[str, Any] = {
        "project": project,
        "version": version,
        "task": task,
        "labels": labels,
        "variants": {backend: VERSIONS[task][backend] for backend in backends},
        "data": "f" * 64,
        "made_at": 1.8e9,
        "f1": 0.9,
        "images": (160, 40),
        "seconds": 60.0,
    } | more
    file = folder / custom.file_name(project, version)
    custom.make(Draft.model_validate(told), inside, KEY, file)
    return file


def installed(root: Path, name: str = "colours/v1", **how: Any) -> Installed:
    """A pack unpacked into the store at `root`."""
    file = pack(root.with_name(f"{root.name}-packs"), name, **how)
    return custom.install(Store(root), file, fingerprint(KEY.public))


def _network(folder: Path, task: str) -> None:
    pixels = ops.parameter([1, SIDE, SIDE, 3] if task == "detect" else [1, 32, 32, 3], np.uint8)
    real = ops.convert(pixels, "f32")
    outputs = _squares(real) if task == "detect" else [_mean_colour(real)]
    ov.save_model(ov.Model([ops.result(one) for one in outputs], [pixels]), folder / "openvino.xml", False)


def _mean_colour(real: Any) -> Any:
    return ops.multiply(ops.reduce_mean(real, np.array([1, 2]), False), np.float32(1 / 16))


def _squares(real: Any) -> list[Any]:
    cells = ops.reduce_mean(ops.reshape(real, np.array([1, 8, 8, 8, 8, 3]), False), np.array([2, 4, 5]), False)
    bright = ops.reshape(
        ops.multiply(ops.subtract(cells, np.float32(200)), np.float32(0.1)), np.array([1, 64, 1]), False
    )
    scores = ops.concat([bright, ops.constant(np.full((1, CELLS - 64, 1), QUIET, np.float32))], 1)
    # Constants alone would be no part of the graph that is fed.
    sides = ops.add(ops.multiply(ops.reduce_mean(real, np.array([0, 1, 2, 3]), False), np.float32(0)),
                    ops.constant(np.ones((1, CELLS, 4), np.float32)))  # fmt: skip
    return [scores, sides]


def _tflite() -> bytes:
    graph = tflite_file.Graph()
    pixels, logits = graph.value("image", (1, 32, 32, 3)), graph.value("logits", (1, 3))
    axes = graph.constant("axes", np.array([1, 2], np.int32))
    graph.operators = [tflite_file.Operator("MEAN", [pixels, axes], [logits], {"keepDims": False})]
    graph.inputs, graph.outputs = [pixels], [logits]
    return tflite_file.write(graph)


def _examples(folder: Path, task: str, *, sound: bool) -> None:
    """What the networks above say of a picture of each colour, or of four squares."""
    if task == "classify":
        scores = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
        images = np.stack([colour(name, 32, 32) for name in (*COLOURS, COLOURS[0])])
        np.savez(folder / selftest.FILE, images=images, scores=scores if sound else scores[:, ::-1])
        return
    places = ((1, 1), (5, 2), (3, 6), (6, 6))
    images = np.stack([square(*place) for place in places])
    boxes = np.array([(8 * x - 4, 8 * y - 4, 8 * x + 12, 8 * y + 12) for x, y in places], np.float32)
    np.savez(
        folder / selftest.FILE,
        images=images,
        rows=np.arange(4),
        boxes=boxes if sound else boxes + 16,
        scores=np.full(4, 0.99, np.float32),
        classes=np.zeros(4, np.int64),
    )
