"""The expression network of face-api.js built with OpenVINO operations from the arrays of its weights file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

Arrays = Mapping[str, NDArray[Any]]

BLOCKS = 4


def build(weights: Arrays, size: int) -> ov.Model:
    """The float model: [1,3,size,size] normalised RGB in; probabilities [1,7] and features [1,256] out.

    Four blocks of four convolutions, densely connected by sums; all but the first are depthwise separable
    (face-api.js, src/faceFeatureExtractor/denseBlock.ts).
    """
    image = ops.parameter([1, 3, size, size], np.float32, name="image")
    x = image
    for block in range(BLOCKS):
        x = _dense(x, weights, f"dense{block}/conv")
    features = ops.reduce_mean(x, ops.constant(np.array([2, 3], np.int64)), keep_dims=False)
    logits = ops.matmul(features, _constant(weights["fc/weights"]), transpose_a=False, transpose_b=False)
    logits = ops.add(logits, _constant(weights["fc/bias"][None]))
    return ov.Model([ops.result(ops.softmax(logits, 1)), ops.result(features)], [image], "face-expression")


def _dense(x: ov.Node, weights: Arrays, name: str) -> ov.Node:
    """Each convolution sees the sum of all before it; the first halves the picture."""
    whole = ops.relu(_convolution(x, weights, f"{name}0", stride=2))
    for place in range(1, 4):
        whole = ops.add(whole, _convolution(ops.relu(whole), weights, f"{name}{place}"))
    return ops.relu(whole)


def _convolution(x: ov.Node, weights: Arrays, name: str, stride: int = 1) -> ov.Node:
    window = ([stride, stride], [0, 0], [0, 0], [1, 1], "same_upper")
    if f"{name}/filters" in weights:
        x = ops.convolution(x, _constant(weights[f"{name}/filters"].transpose(3, 2, 0, 1)), *window)
        return ops.add(x, _constant(weights[f"{name}/bias"][None, :, None, None]))
    depthwise = weights[f"{name}/depthwise_filter"].transpose(2, 3, 0, 1)
    x = ops.group_convolution(x, _constant(depthwise[:, None]), *window)
    pointwise = weights[f"{name}/pointwise_filter"].transpose(3, 2, 0, 1)
    x = ops.convolution(x, _constant(pointwise), [1, 1], [0, 0], [0, 0], [1, 1])
    return ops.add(x, _constant(weights[f"{name}/bias"][None, :, None, None]))


def _constant(array: NDArray[Any]) -> ov.Node:
    return ops.constant(np.ascontiguousarray(array, dtype=np.float32))
