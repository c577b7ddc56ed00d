"""MiniFASNet of toy widths, against the same network in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

ov = pytest.importorskip("openvino", reason="openvino is not installed")

from accel.graphs.minifasnet import BN_EPSILON, build  # noqa: E402

SIZE = 80
STAGES = {"3": 2, "4": 1, "5": 1}  # blocks a stage
DICE = np.random.default_rng(5)

Array = NDArray[np.float64]
State = dict[str, Array]


def norm(name: str, width: int) -> State:
    means = {f"{name}.{part}": DICE.normal(0, 0.5, width) for part in ("weight", "bias", "running_mean")}
    return {**means, f"{name}.running_var": DICE.uniform(0.5, 2, width)}


def layer(name: str, shape: tuple[int, ...], bent: bool = True) -> State:
    state = {f"{name}.conv.weight": DICE.normal(0, 0.4, shape)} | norm(f"{name}.bn", shape[0])
    return state | ({f"{name}.prelu.weight": DICE.uniform(0, 0.5, shape[0])} if bent else {})


def bottleneck(name: str, width: int, inner: int, out: int) -> State:
    return (
        layer(f"{name}.conv", (inner, width, 1, 1))
        | layer(f"{name}.conv_dw", (inner, 1, 3, 3))
        | layer(f"{name}.project", (out, inner, 1, 1), bent=False)
    )


def toy() -> State:
    state = layer("conv1", (3, 3, 3, 3)) | layer("conv2_dw", (3, 1, 3, 3))
    width = 3
    for stage, blocks in STAGES.items():
        state |= bottleneck(f"conv_{int(stage) - 1}{stage}", width, 4, 4)
        width = 4
        for block in range(blocks):
            state |= bottleneck(f"conv_{stage}.model.{block}", width, 2, width)
    weighed = "conv_3.model.1.se_module"
    state |= {f"{weighed}.fc1.weight": DICE.normal(0, 1, (2, 4, 1, 1))} | norm(f"{weighed}.bn1", 2)
    state |= {f"{weighed}.fc2.weight": DICE.normal(0, 1, (4, 2, 1, 1))} | norm(f"{weighed}.bn2", 4)
    state |= layer("conv_6_sep", (6, 4, 1, 1)) | layer("conv_6_dw", (6, 1, 5, 5), bent=False)
    state |= {"linear.weight": DICE.normal(0, 1, (5, 6)), "prob.weight": DICE.normal(0, 1, (3, 5))} | norm("bn", 5)
    return state


def normed(x: Array, state: State, name: str) -> Array:
    shape = (-1, 1, 1)[: x.ndim]
    mean, var, gain, bias = (
        state[f"{name}.{part}"].reshape(shape) for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(var + BN_EPSILON) * gain + bias


def convolved(x: Array, state: State, name: str, stride: int = 1, edge: int | None = None) -> Array:
    kernel = state[f"{name}.conv.weight"]
    edge = kernel.shape[2] // 2 if edge is None else edge
    padded = np.pad(x, ((0, 0), (edge, edge), (edge, edge)))
    seen = sliding_window_view(padded, kernel.shape[2:], (1, 2))[:, ::stride, ::stride]
    found = (
        np.einsum("chwij,cij->chw", seen, kernel[:, 0])
        if kernel.shape[1] == 1
        else np.einsum("chwij,ocij->ohw", seen, kernel)
    )
    raised = normed(found, state, f"{name}.bn")
    slope = state.get(f"{name}.prelu.weight", np.ones(1))[:, None, None]
    return np.maximum(raised, 0) + slope * np.minimum(raised, 0)


def squeezed(x: Array, state: State, name: str) -> Array:
    if f"{name}.fc1.weight" not in state:
        return x
    hidden = np.maximum(normed(state[f"{name}.fc1.weight"][:, :, 0, 0] @ x.mean((1, 2)), state, f"{name}.bn1"), 0)
    weight = 1 / (1 + np.exp(-normed(state[f"{name}.fc2.weight"][:, :, 0, 0] @ hidden, state, f"{name}.bn2")))
    return x * weight[:, None, None]


def expected(image: Array, state: State) -> Array:
    def through(x: Array, name: str, stride: int = 1) -> Array:
        x = convolved(convolved(x, state, f"{name}.conv"), state, f"{name}.conv_dw", stride)
        return convolved(x, state, f"{name}.project")

    x = convolved(convolved(image, state, "conv1", 2), state, "conv2_dw")
    for stage, blocks in STAGES.items():
        x = through(x, f"conv_{int(stage) - 1}{stage}", 2)
        for block in range(blocks):
            name = f"conv_{stage}.model.{block}"
            x = x + squeezed(through(x, name), state, f"{name}.se_module")
    x = convolved(convolved(x, state, "conv_6_sep"), state, "conv_6_dw", edge=0)
    logits: Array = state["prob.weight"] @ normed(state["linear.weight"] @ x.ravel(), state, "bn")
    return logits


def test_the_graph_computes_what_the_layers_do_on_any_number_of_faces() -> None:
    state = toy()
    saved: dict[str, NDArray[Any]] = {f"module.{name}": array.astype(np.float32) for name, array in state.items()}
    images = DICE.uniform(0, 1, (2, 3, SIZE, SIZE))
    compiled = ov.Core().compile_model(build(saved, SIZE), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    logits = compiled(images.astype(np.float32))[0]
    wanted = np.array([expected(image, state) for image in images])
    assert np.abs(wanted).max() > 0.1
    assert np.allclose(logits, wanted, atol=1e-3 * np.abs(wanted).max())
