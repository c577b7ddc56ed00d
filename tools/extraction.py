"""What a calibrator learned, read off its int8 graph and written as a recipe (workstation side).

Needs the float graph NNCF was given and the graph it returned, nothing from NNCF itself. Both are walked with
the numbering of `accel.graphs.recipe`, in which FakeQuantize is transparent, so the same key means the same
place. Whatever a recipe cannot express is refused here, so that it never fails on a device.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from accel.graphs.recipe import (
    FORMAT,
    Activation,
    Bias,
    Place,
    Recipe,
    Weight,
    constant_value,
    count_types,
    data_operations,
    fold_constants,
    keyed_operations,
    quantize_symmetric,
)

Array = NDArray[Any]

FULL_RANGE, HALF_RANGE = 127.0, 63.5  # steps for the largest weight of a slice


class UnsupportedError(Exception):
    """NNCF did something a recipe cannot express."""


def extract(float_model: ov.Model, int8_model: ov.Model) -> Recipe:
    """Compare the two graphs and return what calibration learned; raises UnsupportedError."""
    float_model, folded = float_model.clone(), int8_model.clone()
    float_keys, int8_keys = keyed_operations(float_model), keyed_operations(int8_model)
    folded_keys = keyed_operations(folded)
    if float_keys.keys() != int8_keys.keys():
        differ = sorted(float_keys.keys() ^ int8_keys.keys())
        raise UnsupportedError(f"operations added or removed: {differ[:8]}")
    fold_constants(float_model)
    fold_constants(folded)
    flowing = {node.get_instance_id() for node in data_operations(int8_model)}
    recipe = Recipe({})
    seen: dict[int, Activation] = {}
    for key, node in int8_keys.items():
        for port, source in enumerate(node.input_values()):
            producer = source.get_node()
            if producer.get_instance_id() not in flowing:
                original = constant_value(float_keys[key].input_value(port))
                changed = constant_value(folded_keys[key].input_value(port))
                _add_constant(recipe, (key, port), producer, original, changed)
            elif producer.get_type_name() == "FakeQuantize":
                _add_activation(seen, producer, (key, port))
    recipe.activations = list(seen.values())
    recipe.counts = _counts_used(recipe, count_types(float_keys))
    return recipe


def _add_constant(
    recipe: Recipe, place: Place, producer: ov.Node, original: Array | None, changed: Array | None
) -> None:
    if original is None:
        return
    if quantized := _compressed_weight(producer):
        recipe.weights.append(_weight(place, original, *quantized))
    elif changed is not None and not np.array_equal(changed, original):
        recipe.biases.append(Bias(place, changed - original.reshape(changed.shape)))


def _add_activation(seen: dict[int, Activation], node: ov.Node, place: Place) -> None:
    ident = node.get_instance_id()
    if ident not in seen:
        seen[ident] = Activation([], node.get_attributes()["levels"], *_limits(node))
    seen[ident].places.append(place)


def _limits(node: ov.Node) -> list[Array]:
    limits = [constant_value(node.input_value(port)) for port in range(1, 5)]
    found = [limit for limit in limits if limit is not None]
    if len(found) != len(limits):
        raise UnsupportedError(f"{node.friendly_name}: limits are not constants")
    return found


def _compressed_weight(node: ov.Node) -> tuple[Array | None, Array] | None:
    """(int8 values or None, scale) of a quantized weight; None if it is not one."""
    if node.get_type_name() == "FakeQuantize":  # NNCF leaves this where the weight is reshaped first
        low, high, out_low, out_high = _limits(node)
        pairs = ((low, -high), (low, out_low), (high, out_high))
        if node.get_attributes()["levels"] != 255 or not all(np.array_equal(a, b) for a, b in pairs):
            raise UnsupportedError(f"{node.friendly_name}: not symmetric with 255 levels")
        return None, high / 127
    if node.get_type_name() != "Multiply":
        return None
    inner = node.input_value(0).get_node()
    if inner.get_type_name() == "Subtract":
        raise UnsupportedError(f"{node.friendly_name}: weight with a zero point")
    stored = inner.input_value(0).get_node() if inner.get_type_name() == "Convert" else inner
    scale = constant_value(node.input_value(1))
    if stored.get_type_name() != "Constant" or stored.get_element_type() != ov.Type.i8 or scale is None:
        return None
    return np.asarray(stored.data), scale


def _weight(place: Place, original: Array, stored: Array | None, scale: Array) -> Weight:
    """Describe a weight, after proving that a device will rebuild it."""
    axes = [axis for axis, size in enumerate(scale.shape) if size > 1]
    if scale.ndim not in (0, original.ndim):
        raise UnsupportedError(f"{place}: scale {scale.shape} for weight {original.shape}")
    for steps in FULL_RANGE, HALF_RANGE:
        rebuilt, rebuilt_scale = quantize_symmetric(original, axes, steps)
        if np.allclose(rebuilt_scale.ravel(), scale.ravel(), rtol=1e-5):
            break
    else:
        raise UnsupportedError(f"{place}: the scale does not follow from the largest weight")
    if stored is not None and not np.array_equal(rebuilt, stored):
        raise UnsupportedError(f"{place}: int8 values differ from NNCF's")
    return Weight(place, axes, list(original.shape), steps, float(np.abs(original).mean(dtype=np.float64)))


def _counts_used(recipe: Recipe, counts: dict[str, int]) -> dict[str, int]:
    """Counts of the types that places refer to; another count would move the places."""
    places = [place for act in recipe.activations for place in act.places]
    places += [item.place for item in (*recipe.weights, *recipe.biases)]
    kinds = {key.partition("#")[0] for key, _ in places}
    return {kind: counts[kind] for kind in sorted(kinds)}


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe as one .npz: a JSON header, all ranges, all bias deltas (float32, or results would differ)."""
    ranges, activations = [], []
    for act in recipe.activations:
        parts = [act.in_low, act.in_high]
        if not (np.array_equal(act.in_low, act.out_low) and np.array_equal(act.in_high, act.out_high)):
            parts += [act.out_low, act.out_high]
        ranges += [part.ravel() for part in parts]
        shape = list(act.in_low.shape)
        activations.append({"at": act.places, "levels": act.levels, "shape": shape, "parts": len(parts)})
    header = {
        "format": FORMAT,
        "counts": recipe.counts,
        "activations": activations,
        "weights": [
            {
                "at": weight.place,
                "axes": weight.axes,
                "shape": weight.shape,
                "steps": weight.steps,
                "mean_abs": float(f"{weight.mean_abs:.6g}"),
            }
            for weight in recipe.weights
        ],
        "biases": [{"at": bias.place, "shape": list(bias.delta.shape)} for bias in recipe.biases],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            header=np.frombuffer(text, np.uint8),
            ranges=_joined(ranges),
            deltas=_joined([bias.delta.ravel() for bias in recipe.biases]),
        )


def _joined(pieces: list[Array]) -> Array:
    return np.concatenate([np.zeros(0), *pieces]).astype(np.float32)
