"""EfficientNet-Lite built with OpenVINO operations from the arrays of its state dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

Arrays = Mapping[str, NDArray[Any]]

BN_EPSILON = 1e-3
# (repeats, first stride) per stage of Lite0; kernels and widths come from the weights.
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))


def build(weights: Arrays, size: int) -> ov.Model:
    """The float model: [1,3,size,size] normalised RGB in; "logits" [1,1000] and "features" [1,1280] out."""
    image = ops.parameter([1, 3, size, size], np.float32, name="image")
    x = _relu6(_convolution(image, weights, "_conv_stem", "_bn0", stride=2))
    index = 0
    for repeats, first_stride in STAGES:
        for repeat in range(repeats):
            x = _block(x, weights, f"_blocks.{index}.", first_stride if repeat == 0 else 1)
            index += 1
    x = _relu6(_convolution(x, weights, "_conv_head", "_bn1"))
    pooled = ops.reduce_mean(x, ops.constant(np.array([2, 3], np.int64)), keep_dims=True)
    features = ops.reshape(pooled, ops.constant(np.array([1, -1], np.int64)), special_zero=False)
    logits = ops.matmul(features, ops.constant(_float(weights["_fc.weight"])), transpose_a=False, transpose_b=True)
    logits = ops.add(logits, ops.constant(_float(weights["_fc.bias"])[None]))
    return ov.Model([ops.result(logits), ops.result(features)], [image], "efficientnet-lite")


def _float(array: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(array, dtype=np.float32)


def fold_norm(weights: Arrays, convolution: str, norm: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A convolution's weight and bias with its batch normalisation multiplied in."""
    gain = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + BN_EPSILON)
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
    return _float(weights[f"{convolution}.weight"] * gain[:, None, None, None]), _float(bias)


def _convolution(x: ov.Node, weights: Arrays, name: str, norm: str, stride: int = 1) -> ov.Node:
    weight, bias = fold_norm(weights, name, norm)
    window = ([stride, stride], [0, 0], [0, 0], [1, 1], "same_upper")
    if weight.shape[1] == 1:  # depthwise
        x = ops.group_convolution(x, ops.constant(weight[:, None]), *window)
    else:
        x = ops.convolution(x, ops.constant(weight), *window)
    return ops.add(x, ops.constant(bias[None, :, None, None]))


def _relu6(x: ov.Node) -> ov.Node:
    return ops.clamp(x, 0.0, 6.0)


def _block(x: ov.Node, weights: Arrays, prefix: str, stride: int) -> ov.Node:
    """Inverted bottleneck: expand (where there is one), depthwise, project, add."""
    skip = x
    if f"{prefix}_expand_conv.weight" in weights:
        x = _relu6(_convolution(x, weights, f"{prefix}_expand_conv", f"{prefix}_bn0"))
    x = _relu6(_convolution(x, weights, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride))
    x = _convolution(x, weights, f"{prefix}_project_conv", f"{prefix}_bn2")
    same_shape = stride == 1 and list(x.output(0).shape) == list(skip.output(0).shape)
    return ops.add(x, skip) if same_shape else x
