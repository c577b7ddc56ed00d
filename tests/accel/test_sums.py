"""Int8 weights for processors that add two products in 16 bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

vendor = pytest.importorskip("openvino", reason="openvino is not installed")

from accel import openvino as backend  # noqa: E402
from accel.graphs.sums import MOST, MOST_SIGNED, fit_sums  # noqa: E402
from accel.session import Options, open_session  # noqa: E402

ops = vendor.opset13
Reader = Callable[[Any, Any], Any]

INPUTS = 16
STEP = 0.01
BRIGHT = 225  # an activation


def convolved(image: Any, weights: Any) -> Any:
    return ops.convolution(image, weights, [1, 1], [0, 0], [0, 0], [1, 1])


def model(
    weights: NDArray[np.int8], steps: NDArray[np.float32], reader: Reader, shape: list[int], least: float = 0.0
) -> Any:
    """Activations of `least`..255, quantized to 256 levels, into a layer of quantized weights."""
    image = ops.parameter(shape, np.float32, name="image")
    image.output(0).set_names({"image"})
    limits = [ops.constant(np.float32(limit)) for limit in (least, 255.0, least, 255.0)]
    stored = ops.multiply(ops.convert(ops.constant(weights), np.float32), ops.constant(steps))
    layer = reader(ops.fake_quantize(image, *limits, 256), stored)
    layer.output(0).set_names({"sums"})
    return vendor.Model([layer], [image])


def stored(graph: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """The int8 weights of a graph, and their steps."""
    constants = [node for node in graph.get_ops() if node.get_type_name() == "Constant"]
    (weights,) = (node for node in constants if node.get_element_type() == vendor.Type.i8)
    (converted,) = weights.output(0).get_target_inputs()
    (scaled,) = converted.get_node().output(0).get_target_inputs()
    steps = scaled.get_node().input_value(1 - scaled.get_index()).get_node()
    return np.array(weights.data), np.array(steps.data)


def test_a_layer_of_large_weights_adds_up_on_every_processor(tmp_path: Path) -> None:
    graph = model(
        np.full((8, INPUTS, 1, 1), 127, np.int8), np.full((8, 1, 1, 1), STEP, np.float32), convolved, [1, INPUTS, 4, 4]
    )
    vendor.save_model(graph, str(tmp_path / "model.xml"), compress_to_fp16=False)
    session = open_session("openvino", tmp_path / "model.xml")
    sums = session.run({"image": np.full((1, INPUTS, 4, 4), BRIGHT, np.float32)})["sums"]
    session.close()
    assert sums == pytest.approx(INPUTS * 127 * BRIGHT * STEP, rel=0.01)


def test_what_was_made_to_fit_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_adds_in_16_bits", lambda: True)
    graph = model(
        np.full((8, INPUTS, 1, 1), 127, np.int8), np.full((8, 1, 1, 1), STEP, np.float32), convolved, [1, INPUTS, 4, 4]
    )
    vendor.save_model(graph, str(tmp_path / "model.xml"), compress_to_fp16=False)
    for _ in range(2):
        open_session("openvino", tmp_path / "model.xml", Options(cache=tmp_path / "cache")).close()
    assert len(list(tmp_path.rglob("*.blob"))) == 1


@given(arrays(np.int8, array_shapes(min_dims=4, max_dims=4, max_side=5), elements=st.integers(-127, 127)))
def test_two_neighbours_keep_to_the_limit_and_weights_stay_what_they_were(weights: NDArray[np.int8]) -> None:
    outputs, inputs = weights.shape[:2]
    steps = np.linspace(0.01, 0.02, outputs, dtype=np.float32).reshape(-1, 1, 1, 1)
    graph = model(weights, steps, convolved, [1, inputs, 8, 8])
    changed = fit_sums(graph)
    fitted, widened = stored(graph)
    pairs = np.pad(fitted.astype(int), ((0, 0), (0, inputs % 2), (0, 0), (0, 0)))
    assert np.abs(pairs[:, 0::2] + pairs[:, 1::2]).max() <= MOST + 1
    assert np.abs(fitted * widened - weights * steps).max() <= widened.max() / 2 + 1e-6
    assert changed or np.array_equal(fitted, weights)


@pytest.mark.parametrize(
    ("reader", "weights", "steps", "shape"),
    [
        (lambda x, w: ops.matmul(x, w, False, True), (3, 8), (3, 1), [1, 8]),
        (lambda x, w: ops.matmul(x, w, False, False), (8, 3), (1, 3), [1, 8]),
        (
            lambda x, w: ops.convolution_backprop_data(x, w, [2, 2], None, [0, 0], [0, 0], [1, 1]),
            (8, 3, 2, 2),
            (1, 3, 1, 1),
            [1, 8, 2, 2],
        ),
        (
            lambda x, w: ops.group_convolution(x, w, [1, 1], [0, 0], [0, 0], [1, 1]),
            (2, 3, 4, 1, 1),
            (2, 3, 1, 1, 1),
            [1, 8, 2, 2],
        ),
    ],
)
def test_every_layer_that_adds_is_looked_at(
    reader: Reader, weights: tuple[int, ...], steps: tuple[int, ...], shape: list[int]
) -> None:
    graph = model(np.full(weights, 127, np.int8), np.full(steps, STEP, np.float32), reader, shape)
    assert fit_sums(graph)
    fitted, widened = stored(graph)
    assert np.unique(fitted).tolist() == [MOST // 2]
    assert widened == pytest.approx(STEP * 2 * 127 / MOST)


@pytest.mark.parametrize(
    ("reader", "weights", "steps", "shape"),
    [
        (  # by channel: nothing is added but a zero
            lambda x, w: ops.group_convolution(x, w, [1, 1], [0, 0], [0, 0], [1, 1]),
            (8, 1, 1, 1, 1),
            (8, 1, 1, 1, 1),
            [1, 8, 2, 2],
        ),
        (ops.add, (1, 8, 2, 2), (1, 8, 1, 1), [1, 8, 2, 2]),
        (convolved, (8, 8, 1, 1), (1, 8, 1, 1), [1, 8, 2, 2]),  # a step an input: no output's own to widen
    ],
)
def test_what_does_not_overflow_is_left(
    reader: Reader, weights: tuple[int, ...], steps: tuple[int, ...], shape: list[int]
) -> None:
    graph = model(np.full(weights, 127, np.int8), np.full(steps, STEP, np.float32), reader, shape)
    assert not fit_sums(graph)
    assert np.unique(stored(graph)[0]).tolist() == [127]


def test_signed_activations_are_nearer_to_the_middle() -> None:
    weights, steps = np.full((8, INPUTS, 1, 1), 127, np.int8), np.full((8, 1, 1, 1), STEP, np.float32)
    graph = model(weights, steps, convolved, [1, INPUTS, 4, 4], least=-255.0)
    assert fit_sums(graph)
    assert np.unique(stored(graph)[0]).tolist() == [MOST_SIGNED // 2]


def test_an_activation_is_followed_through_what_only_moves_it() -> None:
    weights, steps = np.full((8, 4 * INPUTS), 127, np.int8), np.full((8, 1), STEP, np.float32)

    def flattened(image: Any, kernel: Any) -> Any:
        pooled = ops.max_pool(image, [1, 1], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
        return ops.matmul(ops.reshape(pooled, ops.constant(np.array([1, -1])), False), kernel, False, True)

    graph = model(weights, steps, flattened, [1, INPUTS, 3, 3], least=-255.0)
    assert fit_sums(graph)
    assert np.unique(stored(graph)[0]).tolist() == [MOST_SIGNED // 2]
