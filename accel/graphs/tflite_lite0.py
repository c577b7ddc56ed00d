"""EfficientNet-Lite0 as a float TFLite graph, from the arrays of its PyTorch checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from accel.graphs.tflite_file import RELU6, SAME_PADDING, Array, Float, Graph, Operator, write

Weights = Mapping[str, Array]

BN_EPSILON = 1e-3
# (blocks, stride of the first) by stage; kernels and widths come with the weights.
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))


def lite0(weights: Weights, size: int = 224) -> bytes:
    """A model from `image` float32 [1,size,size,3] RGB in -1..1 to `logits` [1,1000] and `features` [1,1280]."""
    graph = Graph()
    image = graph.value("image", (1, size, size, 3))
    x = _convolution(graph, weights, image, "_conv_stem", "_bn0", stride=2)
    number = 0
    for blocks, stride in STAGES:
        for position in range(blocks):
            x = _block(graph, weights, x, number, stride if position == 0 else 1)
            number += 1
    x = _convolution(graph, weights, x, "_conv_head", "_bn1")
    features = graph.value("features", (1, graph.tensors[x].shape[3]))
    axes = graph.constant("axes", np.array([1, 2], np.int32))
    graph.operators.append(Operator("MEAN", [x, axes], [features], {"keepDims": False}))
    kernel = graph.constant("_fc.weight", _float(weights["_fc.weight"]))
    bias = graph.constant("_fc.bias", _float(weights["_fc.bias"]))
    logits = graph.value("logits", (1, len(weights["_fc.bias"])))
    graph.operators.append(Operator("FULLY_CONNECTED", [features, kernel, bias], [logits]))
    graph.inputs, graph.outputs = [image], [logits, features]
    return write(graph)


def _float(array: Array) -> Float:
    return np.ascontiguousarray(array, np.float32)


def _block(graph: Graph, weights: Weights, entry: int, number: int, stride: int) -> int:
    """Inverted bottleneck: widen (but for the first), filter by channel, narrow, add the entry where shapes agree."""
    name, x = f"_blocks.{number}.", entry
    if f"{name}_expand_conv.weight" in weights:
        x = _convolution(graph, weights, x, f"{name}_expand_conv", f"{name}_bn0")
    x = _convolution(graph, weights, x, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride)
    x = _convolution(graph, weights, x, f"{name}_project_conv", f"{name}_bn2", activation=0)
    if graph.tensors[x].shape != graph.tensors[entry].shape:
        return x
    total = graph.value(f"{name}add", graph.tensors[x].shape)
    graph.operators.append(Operator("ADD", [x, entry], [total]))
    return total


def _convolution(  # noqa: PLR0913 - a layer is its two names, its stride and its activation
    graph: Graph, weights: Weights, x: int, name: str, norm: str, *, stride: int = 1, activation: int = RELU6
) -> int:
    """A convolution with the batch normalisation behind it multiplied in."""
    gain = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + BN_EPSILON)
    shift = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
    kernel = weights[f"{name}.weight"] * gain[:, None, None, None]
    depthwise = name.endswith("depthwise_conv")
    # PyTorch: output, input, height, width. TFLite: output, height, width, input; by channel 1, height, width, output.
    kernel = kernel.transpose((1, 2, 3, 0) if depthwise else (0, 2, 3, 1))
    _, height, width, _ = graph.tensors[x].shape
    result = graph.value(name, (1, -(-height // stride), -(-width // stride), len(shift)))
    options = {"padding": SAME_PADDING, "strideW": stride, "strideH": stride, "fusedActivationFunction": activation}
    operands = [
        x,
        graph.constant(f"{name}.weight", _float(kernel)),
        graph.constant(f"{name}.bias", _float(shift)),
    ]
    if depthwise:
        graph.operators.append(Operator("DEPTHWISE_CONV_2D", operands, [result], options | {"depthMultiplier": 1}))
    else:
        graph.operators.append(Operator("CONV_2D", operands, [result], options))
    return result
