"""A quantization recipe: what calibration learned, applied to a float graph to make it int8.

A recipe holds the ranges of activations, the list of weights to quantize and the corrections of biases.
The int8 weights themselves are computed here from the float ones, which keeps a recipe at a few kilobytes
and the result equal to the calibrator's in every value.

Places in the graph are named ``"Convolution#12"``: the 13th Convolution met in a depth-first walk from the
results. Friendly names are not used: readers of models make them up from a process-wide counter.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops
from openvino.passes import ConstantFolding, Manager

from accel.session import AcceleratorError

Array = NDArray[Any]
Place = tuple[str, int]  # key of the consuming operation, input number

FORMAT = 1
# Relative difference allowed between the mean |w| recorded and found.
WEIGHT_TOLERANCE = 0.01
# NNCF's least range of a slice of a weight: a part of the largest slice's, and an absolute one.
EMPTY_SLICE, LEAST_RANGE = 1e-2, 8e-5


class RecipeError(AcceleratorError):
    """The recipe was not made for this graph."""


@dataclass
class Activation:
    """One FakeQuantize in front of every place listed."""

    places: list[Place]
    levels: int
    in_low: Array
    in_high: Array
    out_low: Array
    out_high: Array


@dataclass
class Weight:
    """One weight to store as int8: symmetric, one scale per slice of `axes`.

    `steps` is how many steps the largest weight of a slice is wide: 127, or 63.5 where the calibrator
    keeps to half the range (first layer) so that processors without VNNI cannot overflow.
    """

    place: Place
    axes: list[int]
    shape: list[int]
    steps: float
    mean_abs: float


@dataclass
class Bias:
    """A correction to add to one constant input."""

    place: Place
    delta: Array


@dataclass
class Recipe:
    """`counts` says how many operations there are of each type that places refer to."""

    counts: dict[str, int]
    activations: list[Activation] = field(default_factory=list)
    weights: list[Weight] = field(default_factory=list)
    biases: list[Bias] = field(default_factory=list)


class _Pieces:
    """Hands out consecutive pieces of a flat array."""

    def __init__(self, flat: Array) -> None:
        self.flat, self.at = flat, 0

    def take(self, shape: list[int]) -> Array:
        count = int(np.prod(shape, dtype=np.int64))
        if self.at + count > self.flat.size:
            raise RecipeError("the recipe is shorter than its header says")
        piece = self.flat[self.at : self.at + count].reshape(shape)
        self.at += count
        return piece


def load_recipe(file: Path | IO[bytes]) -> Recipe:
    """Read what `save_recipe` in tools wrote: a JSON header, all ranges, all deltas in one .npz."""
    with np.load(file, allow_pickle=False) as archive:
        header = json.loads(archive["header"].tobytes())
        ranges, deltas = _Pieces(archive["ranges"]), _Pieces(archive["deltas"].astype(np.float32))
    if header["format"] != FORMAT:
        raise RecipeError(f"the recipe has format {header['format']}, not {FORMAT}")
    recipe = Recipe(header["counts"])
    for item in header["activations"]:
        parts = [ranges.take(item["shape"]) for _ in range(item["parts"])]
        places = [(key, port) for key, port in item["at"]]
        recipe.activations.append(Activation(places, item["levels"], *parts[:2], *(parts[2:] or parts)))
    for item in header["weights"]:
        place = (item["at"][0], item["at"][1])
        recipe.weights.append(Weight(place, item["axes"], item["shape"], item["steps"], item["mean_abs"]))
    for item in header["biases"]:
        recipe.biases.append(Bias((item["at"][0], item["at"][1]), deltas.take(item["shape"])))
    return recipe


def data_operations(model: ov.Model) -> list[ov.Node]:
    """Operations that activations flow through, inputs before consumers.

    Depth-first from the results in order. Constants, what is computed from constants alone and shape
    arithmetic (below a ShapeOf) are left out, so neither folding nor float16 storage changes the list.
    """
    carries: dict[int, bool] = {}
    ordered: list[ov.Node] = []
    for result in model.get_results():
        stack: list[tuple[ov.Node, bool]] = [(result, False)]
        while stack:
            node, inputs_done = stack.pop()
            ident = node.get_instance_id()
            if ident in carries:
                continue
            sources = [value.get_node() for value in node.input_values()]
            if not inputs_done:
                stack.append((node, True))
                stack += [(source, False) for source in reversed(sources) if source.get_instance_id() not in carries]
                continue
            kind = node.get_type_name()
            flows = any(carries[source.get_instance_id()] for source in sources)
            carries[ident] = kind == "Parameter" or (kind != "ShapeOf" and flows)
            if carries[ident]:
                ordered.append(node)
    return ordered


def keyed_operations(model: ov.Model) -> dict[str, ov.Node]:
    """Each data operation by "Type#ordinal"; FakeQuantize is not counted."""
    counts: Counter[str] = Counter()
    keyed = {}
    for node in data_operations(model):
        kind = node.get_type_name()
        if kind != "FakeQuantize":
            keyed[f"{kind}#{counts[kind]}"] = node
            counts[kind] += 1
    return keyed


def count_types(keyed: dict[str, ov.Node]) -> Counter[str]:
    return Counter(key.partition("#")[0] for key in keyed)


def constant_value(output: ov.Output) -> Array | None:
    """The float32 value behind a Constant, or a Convert of one; else None."""
    node = output.get_node()
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant":
        return None
    return np.asarray(node.data, dtype=np.float32)


def fold_constants(model: ov.Model) -> None:
    """Replace computed constants (reshaped weights, shape arithmetic) in place."""
    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)


def quantize_symmetric(weight: Array, axes: list[int], steps: float = 127.0) -> tuple[Array, Array]:
    """Signed 8-bit values and scales, one scale per slice of `axes`.

    The order of the float32 operations matters: rint(w / scale) differs from NNCF's values by one now
    and then, and that alone can cost as much as quantization itself.
    """
    others = tuple(axis for axis in range(weight.ndim) if axis not in axes)
    weight = weight.astype(np.float32)
    peak = np.abs(weight).max(axis=others, keepdims=True)
    peak = np.maximum(peak, np.float32(max(EMPTY_SLICE * float(peak.max()), LEAST_RANGE)))
    high = peak * np.float32(127 / steps)
    width = high + high
    quantized = np.rint((weight + high) / width * np.float32(254)) - np.float32(127)
    return quantized.astype(np.int8), width / np.float32(254)


def apply_recipe(model: ov.Model, recipe: Recipe) -> ov.Model:
    """An int8 copy of a float model; raises RecipeError if the recipe belongs to another."""
    model = model.clone()
    keyed = keyed_operations(model)
    counts = count_types(keyed)
    wrong = {kind: (counts[kind], wanted) for kind, wanted in recipe.counts.items() if counts[kind] != wanted}
    if wrong:
        raise RecipeError(f"the recipe belongs to another graph: operations (found, expected) {wrong}")
    fold_constants(model)
    for weight in recipe.weights:
        _compress_weight(_place(keyed, weight.place), weight)
    for bias in recipe.biases:
        _correct_bias(_place(keyed, bias.place), bias)
    # Look every source up before inserting: two nodes may share a producer.
    pending = [(act, [_place(keyed, place) for place in act.places]) for act in recipe.activations]
    for act, inputs in pending:
        _insert_fake_quantize(act, inputs)
    model.validate_nodes_and_infer_types()
    return model


def _place(keyed: dict[str, ov.Node], place: Place) -> ov.Input:
    key, port = place
    if key not in keyed or port >= keyed[key].get_input_size():
        raise RecipeError(f"the recipe belongs to another graph: it has no input {port} of {key}")
    return keyed[key].input(port)


def _compress_weight(target: ov.Input, weight: Weight) -> None:
    value = constant_value(target.get_source_output())
    if value is None or list(value.shape) != weight.shape:
        shape = None if value is None else list(value.shape)
        raise RecipeError(f"the recipe belongs to another graph: weight {weight.place} is {shape}")
    mean_abs = float(np.abs(value).mean(dtype=np.float64))
    if abs(mean_abs - weight.mean_abs) > WEIGHT_TOLERANCE * weight.mean_abs:
        raise RecipeError(f"the recipe belongs to other weights: {weight.place} has other values")
    quantized, scale = quantize_symmetric(value, weight.axes, weight.steps)
    node = ops.multiply(ops.convert(ops.constant(quantized), np.float32), ops.constant(scale))
    target.replace_source_output(node.output(0))


def _correct_bias(target: ov.Input, bias: Bias) -> None:
    value = constant_value(target.get_source_output())
    if value is None or value.size != bias.delta.size:
        raise RecipeError(f"the recipe belongs to another graph: bias {bias.place} is not {bias.delta.size} values")
    corrected = value + bias.delta.reshape(value.shape)
    target.replace_source_output(ops.constant(corrected.astype(np.float32)).output(0))


def _insert_fake_quantize(act: Activation, inputs: list[ov.Input]) -> None:
    sources = [port.get_source_output() for port in inputs]
    origins = {(source.get_node().get_instance_id(), source.get_index()) for source in sources}
    if len(origins) != 1:
        raise RecipeError(f"the recipe belongs to another graph: {act.places} read different values")
    limits = (act.in_low, act.in_high, act.out_low, act.out_high)
    constants = [ops.constant(np.asarray(limit, np.float32)) for limit in limits]
    node = cast("ov.Node", ops.fake_quantize(sources[0], *constants, act.levels))
    for port in inputs:
        port.replace_source_output(node.output(0))
