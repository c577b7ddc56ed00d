"""A training without torch: three colours as labels, and networks that tell them apart by the mean of each channel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from accel.graphs.tflite_file import Graph, Grid, Operator, write

sys.path.append(str(Path(__file__).parents[1] / "tools"))

from training import export, litert
from training.datasets import Dataset, Sample
from training.findings import Finding, Findings
from training.network import Network
from training.settings import Job
from training.trained import Trained

LABELS = ("blue", "green", "red")
SIDE = 8
STEEP = 6.0  # a logit for a channel that is full of light


def dataset(folder: Path, test: int = 4, train: int = 3) -> Dataset:
    """So many pictures of each colour, grainy ones."""
    parts: dict[str, list[Sample]] = {"train": [], "test": []}
    for channel, label in enumerate(LABELS):
        for part, count in (("train", train), ("test", test)):
            for place in range(count):
                random = np.random.default_rng([channel, place, count])
                image = random.integers(0, 60, (30, 40, 3), np.uint8)
                image[..., channel] += np.uint8(180)
                path = folder / part / label / f"{place}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), image)
                parts[part].append(Sample(path, (label,)))
    return Dataset("classify", LABELS, tuple(parts["train"]), tuple(parts["test"]), False, "0" * 64)


def trained() -> Trained:
    """What the training of the colours left."""
    module = SimpleNamespace(state_dict=dict)
    module.eval = lambda: module
    curves = [{"step": float(step), "loss": 1.0 / (step + 1)} for step in range(5)]
    return Trained("classify", LABELS, False, module, SIDE, (0.5, 0.5, 0.5), curves, 1.5, {"how": "by eye"})


def findings(data: Dataset) -> Findings:
    """Of a check that had something to say."""
    broken = Finding("unreadable", "red/<broken>.png", "the PNG data is damaged", "export it again", left_out=True)
    return Findings(
        (broken,), (*data.train, *data.test), 1 + len(data.train) + len(data.test), data.test[0].path.parent
    )


def job(out: Path, **changes: Any) -> Job:
    return Job(**{"project": "colours", "version": "1", "task": "classify", "seed": 1, "out": out} | changes)


def answered(network: Network, fitted: Any) -> dict[str, Any]:
    """In the place of the float network."""
    mean = fitted.astype(np.float32).mean(axis=(0, 1))
    return {network.outputs[0]: (mean[None] - 127) / 128 * STEEP}


def write_openvino(network: Network, pictures: Sequence[Any], file: Path, **how: bool) -> None:  # noqa: ARG001
    """In the place of the quantizer."""
    import openvino
    from openvino import opset13 as ops

    image = ops.parameter([1, SIDE, SIDE, 3], np.uint8)
    image.output(0).set_names({"image"})
    mean = ops.reduce_mean(ops.convert(image, np.float32), ops.constant(np.array([1, 2])), keep_dims=False)
    logits = ops.multiply(ops.subtract(mean, ops.constant(np.float32(127))), ops.constant(np.float32(STEEP / 128)))
    logits.output(0).set_names({network.outputs[0]})
    openvino.save_model(openvino.Model([logits], [image]), file, compress_to_fp16=False)


def write_tflite(network: Network, pictures: Sequence[Any], file: Path, *, io: str, **how: bool) -> None:  # noqa: ARG001
    """In the place of converter and quantizer."""
    graph = colours()
    litert.name(graph, network.outputs)
    if io == "uint8":
        litert.unsigned(graph)
    file.write_bytes(write(graph))


def colours() -> Graph:
    """The network in int8: pixels RGB as int8, the mean of each channel, and a layer that makes logits of them."""
    graph = Graph()
    image = graph.value("pixels", (1, SIDE, SIDE, 3), "int8")
    mean = graph.value("mean", (1, 3), "int8")
    logits = graph.value("out", (1, 3), "int8")
    graph.tensors[image].grid = graph.tensors[mean].grid = litert.PIXELS
    graph.tensors[logits].grid = Grid.of(2 * STEEP / 255, 0)
    weights = graph.constant("weights", np.eye(3, dtype=np.int8)[::-1] * np.int8(127), Grid.of(STEEP / 127, 0))
    bias = graph.constant("bias", np.zeros(3, np.int32), Grid.of(STEEP / 127 / 128, 0))
    graph.operators = [
        Operator("MEAN", [image, graph.constant("axes", np.array([1, 2], np.int32))], [mean], {"keepDims": False}),
        Operator("FULLY_CONNECTED", [mean, weights, bias], [logits], {"keepNumDims": True}),
    ]
    graph.inputs, graph.outputs = [image], [logits]
    return graph


def install(patch: Callable[[Any, str, Any], None]) -> None:
    """Have the stages of the training use these networks; `patch` is `setattr` or a test's own."""
    patch(Network, "run", answered)
    patch(export.openvino, "write", write_openvino)
    patch(export.litert, "write", write_tflite)
