"""EfficientNet-Lite from arrays of toy widths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

ov = pytest.importorskip("openvino", reason="openvino is not installed")

from accel.graphs.efficientnet import BN_EPSILON, STAGES, build, fold_norm  # noqa: E402

DICE = np.random.default_rng(3)
WIDTHS = (3, 4, 4, 5, 6, 6, 7)


def layer(name: str, norm: str, shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    means = {f"{norm}.{part}": DICE.normal(0, 1, shape[0]) for part in ("weight", "bias", "running_mean")}
    return {
        f"{name}.weight": DICE.normal(0, 0.5, shape),
        **means,
        f"{norm}.running_var": DICE.uniform(0.5, 2, shape[0]),
    }


def toy() -> dict[str, NDArray[Any]]:
    state = layer("_conv_stem", "_bn0", (4, 3, 3, 3))
    width, index = 4, 0
    for (repeats, _), wanted in zip(STAGES, WIDTHS, strict=True):
        for _ in range(repeats):
            prefix, inner = f"_blocks.{index}.", width if index == 0 else 2 * width
            if index:
                state |= layer(f"{prefix}_expand_conv", f"{prefix}_bn0", (inner, width, 1, 1))
            state |= layer(f"{prefix}_depthwise_conv", f"{prefix}_bn1", (inner, 1, 3, 3))
            state |= layer(f"{prefix}_project_conv", f"{prefix}_bn2", (wanted, inner, 1, 1))
            width, index = wanted, index + 1
    state |= layer("_conv_head", "_bn1", (9, width, 1, 1))
    return state | {"_fc.weight": DICE.normal(0, 1, (5, 9)), "_fc.bias": DICE.normal(0, 1, 5)}


def test_logits_are_the_classifier_over_the_features() -> None:
    state = toy()
    model = build(state, 64)
    assert sum(node.get_type_name() == "GroupConvolution" for node in model.get_ordered_ops()) == 16
    assert sum(node.get_type_name() == "Convolution" for node in model.get_ordered_ops()) == 33
    image = DICE.normal(0, 1, (1, 3, 64, 64)).astype(np.float32)
    logits, features = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(image).values()
    assert (logits.shape, features.shape) == ((1, 5), (1, 9))
    assert ((features >= 0) & (features <= 6)).all()
    assert np.allclose(logits, features @ state["_fc.weight"].T + state["_fc.bias"], atol=1e-4)


def test_a_folded_norm_does_what_the_two_layers_did() -> None:
    state = layer("conv", "norm", (4, 3, 1, 1))
    weight, bias = fold_norm(state, "conv", "norm")
    pixel = DICE.normal(0, 1, 3)
    raw = state["conv.weight"][:, :, 0, 0] @ pixel
    scale = state["norm.weight"] / np.sqrt(state["norm.running_var"] + BN_EPSILON)
    normed = (raw - state["norm.running_mean"]) * scale + state["norm.bias"]
    assert np.allclose(weight[:, :, 0, 0] @ pixel + bias, normed, atol=1e-5)
