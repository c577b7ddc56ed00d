"""Recipes on a small convolutional graph."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

ov = pytest.importorskip("openvino", reason="openvino is not installed")
from openvino import opset13 as ops  # noqa: E402

from accel.graphs.frames import accept_frames  # noqa: E402
from accel.graphs.recipe import (  # noqa: E402
    Activation,
    Bias,
    Recipe,
    RecipeError,
    Weight,
    apply_recipe,
    fold_constants,
    keyed_operations,
    load_recipe,
    quantize_symmetric,
)
from accel.graphs.tidy import name_outputs, renumber  # noqa: E402
from accel.session import AcceleratorError  # noqa: E402

DICE = np.random.default_rng(5)
KERNEL = DICE.normal(0, 1, (4, 3, 3, 3)).astype(np.float32)
SHIFT = DICE.normal(0, 1, (1, 4, 1, 1)).astype(np.float32)
# As the graph is written, not as a processor's int8 kernels round it, or cut it off (accel.graphs.sums).
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "LP_TRANSFORMS_MODE": False}


def graph(*, hidden: bool = False) -> Any:
    """relu(conv(image) + shift); with `hidden`, the kernel stands behind a reshape, as some exporters leave it."""
    image = ops.parameter([1, 3, 8, 8], np.float32, name="image")
    kernel = ops.constant(KERNEL)
    if hidden:
        kernel = ops.reshape(ops.constant(KERNEL.ravel()), ops.constant(np.array(KERNEL.shape)), special_zero=False)
    x = ops.convolution(image, kernel, [1, 1], [0, 0], [0, 0], [1, 1], "same_upper")
    return ov.Model([ops.result(ops.relu(ops.add(x, ops.constant(SHIFT))))], [image], "small")


def limits(low: float, high: float) -> list[NDArray[Any]]:
    return [np.array(limit, np.float32) for limit in (low, high, low, high)]


def recipe() -> Recipe:
    return Recipe(
        {"Convolution": 1, "Add": 1},
        [Activation([("Convolution#0", 0)], 256, *limits(-1, 1))],
        [Weight(("Convolution#0", 1), [0], list(KERNEL.shape), 127.0, float(np.abs(KERNEL).mean()))],
        [Bias(("Add#0", 1), np.full((1, 4, 1, 1), 0.25, np.float32))],
    )


def run(model: Any, image: NDArray[Any]) -> NDArray[Any]:
    found: NDArray[Any] = ov.Core().compile_model(model, "CPU", EXACT)(image)[0]
    return found


def test_an_applied_recipe_is_int8_and_close_to_float() -> None:
    image = DICE.uniform(-1, 1, (1, 3, 8, 8)).astype(np.float32)
    quantized = apply_recipe(graph(), recipe())
    kinds = [str(node.get_element_type()) for node in quantized.get_ordered_ops() if node.get_type_name() == "Constant"]
    assert "<Type: 'int8_t'>" in kinds
    shifted = graph()
    assert np.abs(run(quantized, image) - run(shifted, image)).max() < 0.25 + 0.1
    assert np.abs(run(quantized, image) - run(shifted, image)).mean() > 0.05  # the bias was corrected


def test_the_float_graph_is_left_as_it_was() -> None:
    model = graph()
    before = [node.get_type_name() for node in model.get_ordered_ops()]
    apply_recipe(model, recipe())
    assert [node.get_type_name() for node in model.get_ordered_ops()] == before


def test_keys_do_not_depend_on_names_or_folding() -> None:
    wanted = list(keyed_operations(graph()))
    assert wanted == ["Parameter#0", "Convolution#0", "Add#0", "Relu#0", "Result#0"]
    behind_a_reshape = graph(hidden=True)
    assert list(keyed_operations(behind_a_reshape)) == wanted
    fold_constants(behind_a_reshape)
    assert list(keyed_operations(behind_a_reshape)) == wanted


def test_a_recipe_of_another_graph_or_other_weights_is_refused() -> None:
    other = recipe()
    other.counts["Convolution"] = 2
    with pytest.raises(RecipeError, match="another graph"):
        apply_recipe(graph(), other)
    other = recipe()
    other.weights[0].mean_abs *= 2
    with pytest.raises(RecipeError, match="other weights"):
        apply_recipe(graph(), other)
    other = recipe()
    other.biases[0].delta = np.zeros(5, np.float32)
    with pytest.raises(RecipeError, match="not 5 values"):
        apply_recipe(graph(), other)
    other = recipe()
    other.activations[0].places = [("Convolution#0", 7)]
    with pytest.raises(RecipeError, match="no input 7"):
        apply_recipe(graph(), other)


WEIGHTS = hnp.arrays(np.float32, (3, 5), elements=st.floats(-4, 4, width=32))


@given(WEIGHTS, st.sampled_from([127.0, 63.5]))
def test_quantized_weights_are_within_half_a_step(weight: NDArray[Any], steps: float) -> None:
    stored, scale = quantize_symmetric(weight, [0], steps)
    assert stored.dtype == np.int8
    assert np.abs(stored).max() <= steps + 0.5
    assert (np.abs(stored * scale - weight) <= scale * 0.501).all()


def test_a_file_is_read_back() -> None:
    header = {
        "format": 1,
        "counts": {"Add": 1},
        "activations": [
            {"at": [["Add#0", 0]], "levels": 256, "shape": [], "parts": 2},
            {"at": [["Add#0", 1]], "levels": 256, "shape": [1, 2], "parts": 4},
        ],
        "weights": [{"at": ["Add#0", 1], "axes": [0], "shape": [2], "steps": 127.0, "mean_abs": 1.5}],
        "biases": [{"at": ["Add#0", 1], "shape": [2]}],
    }
    found = load_recipe(packed(header, np.arange(10), np.array([7, 8])))
    first, second = found.activations
    assert (float(first.in_low), float(first.in_high), float(first.out_low), float(first.out_high)) == (0, 1, 0, 1)
    assert (second.places, second.in_low.tolist(), second.out_high.tolist()) == ([("Add#0", 1)], [[2, 3]], [[8, 9]])
    assert found.weights == [Weight(("Add#0", 1), [0], [2], 127.0, 1.5)]
    assert found.biases[0].delta.tolist() == [7, 8]
    with pytest.raises(RecipeError, match="shorter"):
        load_recipe(packed(header, np.arange(9), np.array([7, 8])))
    with pytest.raises(RecipeError, match="format 2"):
        load_recipe(packed(header | {"format": 2}, np.arange(10), np.array([7, 8])))


def packed(header: dict[str, Any], ranges: NDArray[Any], deltas: NDArray[Any]) -> io.BytesIO:
    file = io.BytesIO()
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(file, header=text, ranges=ranges.astype(np.float32), deltas=deltas.astype(np.float32))
    file.seek(0)
    return file


def test_frames_go_in_as_the_camera_gives_them() -> None:
    frame = DICE.integers(0, 256, (1, 8, 8, 3), np.uint8)
    mean, std = (120.0, 110.0, 100.0), (58.0, 57.0, 56.0)
    wanted = (frame[..., ::-1].astype(np.float32) - mean) / std
    model = accept_frames(graph(), colour="RGB", layout="NCHW", mean=mean, std=std)
    by_hand = run(graph(), np.ascontiguousarray(wanted.transpose(0, 3, 1, 2)).astype(np.float32))
    assert np.allclose(run(model, frame), by_hand, atol=1e-5)


def test_outputs_are_named_and_counted() -> None:
    model = graph()
    for node in model.get_ordered_ops():
        node.output(0).get_tensor().set_names({f"old {node.get_type_name()}"})
    name_outputs(model, ["score"])
    compiled = ov.Core().compile_model(model, "CPU")
    assert (compiled.outputs[0].get_names(), compiled.inputs[0].get_names()) == ({"score"}, {"old Parameter"})
    with pytest.raises(AcceleratorError, match="1 outputs, not the 2"):
        name_outputs(model, ["score", "box"])


def test_renumbered_graphs_are_the_same_bytes(tmp_path: Any) -> None:
    texts = []
    for attempt in ("first", "second"):
        model = graph()
        name_outputs(model, ["score"])
        renumber(model)
        ov.save_model(model, tmp_path / f"{attempt}.xml", compress_to_fp16=False)
        texts.append((tmp_path / f"{attempt}.xml").read_bytes())
    assert texts[0] == texts[1]
