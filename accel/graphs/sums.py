"""Int8 weights for x86 processors without VNNI, which add the products of two neighbouring inputs in 16 bits.

There OpenVINO's kernels multiply activations of 0..255 with weights of -127..127, and of a sum of two products what is
over 32767 is cut off (VPMADDUBSW). So weights of one output are made smaller until no two together are above a limit,
and their step larger; what rounding costs is less (docs/ARM64.md). Most gain networks whose activations are often at
their upper end, as behind ReLU6; those whose sums seldom reach the limit, as NanoDet's, are as right as before.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

# What two weights may be together. Few activations are near 255: 128 would be safe for all, and costs more than it
# saves. Signed ones are moved to 0..255 by the kernels, and lie around 128.
MOST, MOST_SIGNED = 144, 180
INPUTS = {"Convolution": 1, "GroupConvolution": 2, "ConvolutionBackpropData": 0}  # the axis along which is added
# What an activation passes on its way from where it was quantized.
PASSES = ("Concat", "MaxPool", "Pad", "Reshape", "Squeeze", "Transpose", "VariadicSplit")


def fit_sums(model: ov.Model) -> bool:
    """Make int8 weights smaller by output, and their steps larger, where two are above the limit; whether any were.

    Weights are constants, converted and multiplied by their steps, as accel.graphs.recipe writes them.
    """
    found = False
    for node in model.get_ops():
        if node.get_type_name() == "Constant" and node.get_element_type() == ov.Type.i8:
            found |= _fit(node)
    return found


def _fit(constant: ov.Node) -> bool:
    converted = _only_reader(constant)
    scaled = _only_reader(converted.get_node()) if converted else None
    reader = _only_reader(scaled.get_node()) if scaled else None
    if converted is None or scaled is None or reader is None or scaled.get_node().get_type_name() != "Multiply":
        return False
    axis = _axis(reader)
    scale = scaled.get_node().input(1 - scaled.get_index())
    steps = scale.get_source_output().get_node()
    if axis is None or steps.get_type_name() != "Constant":
        return False
    weights, widths = np.asarray(constant.data), np.asarray(steps.data)
    if widths.ndim != weights.ndim or widths.shape[axis] != 1:
        return False
    most = MOST_SIGNED if _is_signed(reader.get_node()) else MOST
    smaller = np.minimum(1.0, most / np.maximum(_pairs(weights, axis, widths.shape), 1)).astype(np.float32)
    if smaller.min() == 1.0:
        return False
    converted.replace_source_output(ops.constant(np.rint(weights * smaller).astype(np.int8)).output(0))
    scale.replace_source_output(ops.constant((widths / smaller).astype(widths.dtype)).output(0))
    return True


def _only_reader(node: ov.Node) -> ov.Input | None:
    readers = list(node.output(0).get_target_inputs())
    return readers[0] if len(readers) == 1 else None


def _axis(reader: ov.Input) -> int | None:
    """Along which the operation adds products of its weights; None if it is none that does."""
    node = reader.get_node()
    if node.get_type_name() == "MatMul" and reader.get_index() == 1:
        return -1 if node.get_attributes()["transpose_b"] else -2
    return INPUTS.get(node.get_type_name())


def _is_signed(layer: ov.Node) -> bool:
    """Whether a layer's activations are quantized to -128..127."""
    node = layer.input_value(0).get_node()
    while node.get_type_name() in PASSES:
        node = node.input_value(0).get_node()
    return node.get_type_name() == "FakeQuantize" and bool(node.input_value(1).get_node().data.min() < 0.0)


def _pairs(weights: NDArray[np.int8], axis: int, shape: tuple[int, ...]) -> NDArray[np.int16]:
    """The largest sum of two neighbours along an axis, of those that have one step; `shape` is the steps'."""
    rows = np.moveaxis(weights, axis, -1)
    if rows.shape[-1] % 2:
        rows = np.concatenate([rows, np.zeros_like(rows[..., :1])], axis=-1)
    sums = np.abs(np.add(rows[..., 0::2], rows[..., 1::2], dtype=np.int16))
    alike = tuple(place for place, length in enumerate(shape) if length == 1)
    largest: NDArray[np.int16] = np.moveaxis(sums, -1, axis).max(axis=alike, keepdims=True)
    return largest
