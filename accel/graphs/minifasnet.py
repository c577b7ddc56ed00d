"""MiniFASNet built with OpenVINO operations from the arrays of its state dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

Arrays = Mapping[str, NDArray[Any]]

BN_EPSILON = 1e-5
SPREAD = "module."  # what training on several devices puts before every name


def build(weights: Arrays, size: int) -> ov.Model:
    """The float model: [N,3,size,size] pixels 0..255 in; "logits" [N,classes] out.

    Widths, the number of blocks, and whether a block weighs its channels come from the weights.
    """
    weights = {name.removeprefix(SPREAD): array for name, array in weights.items()}
    image = ops.parameter([-1, 3, size, size], np.float32, name="image")
    x = _convolution(image, weights, "conv1", stride=2)
    x = _convolution(x, weights, "conv2_dw")
    for stage in ("3", "4", "5"):
        x = _bottleneck(x, weights, f"conv_{int(stage) - 1}{stage}", stride=2)
        block = 0
        while f"conv_{stage}.model.{block}.conv.conv.weight" in weights:
            name = f"conv_{stage}.model.{block}"
            x = ops.add(x, _weighed(_bottleneck(x, weights, name), weights, f"{name}.se_module"))
            block += 1
    x = _convolution(x, weights, "conv_6_sep")
    x = _convolution(x, weights, "conv_6_dw", padded=False)
    flat = ops.reshape(x, ops.constant(np.array([0, -1], np.int64)), special_zero=True)
    matrix, bias = _classifier(weights)
    logits = ops.matmul(flat, ops.constant(matrix), transpose_a=False, transpose_b=True)
    return ov.Model([ops.result(ops.add(logits, ops.constant(bias)))], [image], "minifasnet")


def _float(array: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(array, dtype=np.float32)


def _norm(weights: Arrays, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """A batch normalisation as gain and bias."""
    gain = weights[f"{name}.weight"] / np.sqrt(weights[f"{name}.running_var"] + BN_EPSILON)
    return gain, weights[f"{name}.bias"] - weights[f"{name}.running_mean"] * gain


def _classifier(weights: Arrays) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The two last layers and the normalisation between them as one: nothing bends in between."""
    gain, bias = _norm(weights, "bn")
    return (
        _float((weights["prob.weight"] * gain) @ weights["linear.weight"]),
        _float((weights["prob.weight"] @ bias)[None]),
    )


def _convolution(x: ov.Node, weights: Arrays, name: str, stride: int = 1, padded: bool = True) -> ov.Node:
    """With its normalisation and, where there is one, its activation."""
    kernel = weights[f"{name}.conv.weight"]
    x = _plain(x, kernel, _norm(weights, f"{name}.bn"), stride, padded)
    slope = weights.get(f"{name}.prelu.weight")
    return x if slope is None else ops.prelu(x, ops.constant(_float(slope)))


def _plain(
    x: ov.Node, kernel: NDArray[Any], norm: tuple[NDArray[Any], NDArray[Any]], stride: int = 1, padded: bool = True
) -> ov.Node:
    gain, bias = norm
    weight = _float(kernel * gain[:, None, None, None])
    edge = [side // 2 if padded else 0 for side in kernel.shape[2:]]
    window = ([stride, stride], edge, edge, [1, 1])
    if kernel.shape[1] == 1:  # depthwise
        x = ops.group_convolution(x, ops.constant(weight[:, None]), *window)
    else:
        x = ops.convolution(x, ops.constant(weight), *window)
    return ops.add(x, ops.constant(_float(bias)[None, :, None, None]))


def _bottleneck(x: ov.Node, weights: Arrays, name: str, stride: int = 1) -> ov.Node:
    """Expand, depthwise, project."""
    x = _convolution(x, weights, f"{name}.conv")
    x = _convolution(x, weights, f"{name}.conv_dw", stride)
    return _convolution(x, weights, f"{name}.project")


def _weighed(x: ov.Node, weights: Arrays, name: str) -> ov.Node:
    """Squeeze and excitation: every channel times what all channels together say of it."""
    if f"{name}.fc1.weight" not in weights:
        return x
    pooled = ops.reduce_mean(x, ops.constant(np.array([2, 3], np.int64)), keep_dims=True)
    hidden = ops.relu(_plain(pooled, weights[f"{name}.fc1.weight"], _norm(weights, f"{name}.bn1")))
    weight = ops.sigmoid(_plain(hidden, weights[f"{name}.fc2.weight"], _norm(weights, f"{name}.bn2")))
    return ops.multiply(x, weight)
