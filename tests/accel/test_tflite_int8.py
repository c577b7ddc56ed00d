"""Full-int8 models against the float models that they were made from, both run by LiteRT."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accel.graphs.tflite_file import NO_OPERAND, Array, Float, Graph, Operator, read, write
from accel.graphs.tflite_int8 import activations, folded, grid_of, quantize
from accel.session import AcceleratorError

PIXELS = (-1.0, 1.0)
CONV = {"padding": 0, "strideW": 1, "strideH": 1}


def interpreter(model: bytes) -> Any:
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that all tensors are kept is meant for debugging: so it is here
        found = litert.Interpreter(model_content=model, num_threads=1, experimental_preserve_all_tensors=True)
    found.allocate_tensors()
    return found


def run(model: bytes, image: Array) -> list[Float]:
    """Real numbers out, whatever the tensors are made of."""
    session = interpreter(model)
    session.set_tensor(session.get_input_details()[0]["index"], image)
    session.invoke()
    results = []
    for detail in session.get_output_details():
        scale, zero_point = detail["quantization"]
        stored = session.get_tensor(detail["index"]).astype(np.float32)
        results.append((stored - zero_point) * scale if scale else stored)
    return results


def ranges_of(model: bytes, images: list[Float]) -> dict[str, tuple[float, float]]:
    session, graph = interpreter(model), read(model)
    places = {detail["name"]: detail["index"] for detail in session.get_tensor_details()}
    seen: dict[str, list[Float]] = {}
    for image in images:
        session.set_tensor(session.get_input_details()[0]["index"], image)
        session.invoke()
        for index in activations(graph):
            name = graph.tensors[index].name
            seen.setdefault(name, []).append(session.get_tensor(places[name]))
    found = {name: (float(np.min(values)), float(np.max(values))) for name, values in seen.items()}
    return found | {graph.tensors[graph.inputs[0]].name: PIXELS}


class Wide(dict[str, tuple[float, float]]):
    """The same range for any tensor."""

    def __missing__(self, name: str) -> tuple[float, float]:
        return (-4.0, 4.0)


class Sketch:
    """A small random float graph, drawn layer by layer; `x` is the last value."""

    def __init__(self, seed: int, side: int, channels: int) -> None:
        self.dice = np.random.default_rng(seed)
        self.graph = Graph()
        self.x = self.graph.value("image", (1, side, side, channels))
        self.graph.inputs = [self.x]

    def _step(self, kind: str, inputs: list[int], shape: tuple[int, ...], **options: Any) -> int:
        self.x = self.graph.value(f"{kind}{len(self.graph.tensors)}", shape)
        self.graph.operators.append(Operator(kind, inputs, [self.x], options))
        return self.x

    def _weights(self, *shape: int) -> int:
        values = self.dice.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)
        return self.graph.constant(f"weights{len(self.graph.tensors)}", values)

    def conv(self, channels: int, kernel: int = 3, activation: int = 3) -> int:
        _, height, width, depth = self.graph.tensors[self.x].shape
        operands = [self.x, self._weights(channels, kernel, kernel, depth), self._weights(channels)]
        shape = (1, height, width, channels)
        return self._step("CONV_2D", operands, shape, **CONV, fusedActivationFunction=activation)

    def depthwise(self) -> int:
        shape = self.graph.tensors[self.x].shape
        operands = [self.x, self._weights(1, 3, 3, shape[3]), self._weights(shape[3])]
        return self._step("DEPTHWISE_CONV_2D", operands, shape, **CONV, depthMultiplier=1)

    def dense(self, units: int, *, bias: bool = True) -> int:
        depth = int(np.prod(self.graph.tensors[self.x].shape))
        operands = [self.x, self._weights(units, depth), self._weights(units) if bias else NO_OPERAND]
        return self._step("FULLY_CONNECTED", operands, (1, units))

    def add(self, a: int, b: int) -> int:
        return self._step("ADD", [a, b], self.graph.tensors[a].shape)

    def flat(self) -> int:
        size = int(np.prod(self.graph.tensors[self.x].shape))
        shape = self.graph.constant(f"shape{len(self.graph.tensors)}", np.array([1, size], np.int32))
        return self._step("RESHAPE", [self.x, shape], (1, size))

    def concat(self, *parts: int) -> int:
        sizes = sum(self.graph.tensors[part].shape[1] for part in parts)
        return self._step("CONCATENATION", list(parts), (1, sizes), axis=1)

    def simple(self, kind: str) -> int:
        return self._step(
            kind, [self.x], self.graph.tensors[self.x].shape, **({"beta": 1.0} if kind == "SOFTMAX" else {})
        )

    def mean(self) -> int:
        axes = self.graph.constant("axes", np.array([1, 2], np.int32))
        return self._step("MEAN", [self.x, axes], (1, self.graph.tensors[self.x].shape[3]), keepDims=False)

    def pool(self) -> int:
        _, height, width, depth = self.graph.tensors[self.x].shape
        options = {"padding": 1, "strideW": 1, "strideH": 1, "filterWidth": width, "filterHeight": height}
        return self._step("AVERAGE_POOL_2D", [self.x], (1, 1, 1, depth), **options)

    def model(self, *outputs: int) -> bytes:
        self.graph.outputs = list(outputs or (self.x,))
        return write(self.graph)


def errors(model: bytes, seed: int = 0) -> list[float]:
    """For each output, the root mean square difference between int8 and float, over the float's spread."""
    dice = np.random.default_rng(seed)
    shape = read(model).tensors[read(model).inputs[0]].shape
    pixels = [dice.integers(0, 256, shape).astype(np.uint8) for _ in range(4)]
    images = [((image.astype(np.float32) - 128) / np.float32(127.5)).clip(-1, 1) for image in pixels]
    small = quantize(model, ranges_of(model, images))
    differences = []
    for image, stored in zip(images, pixels, strict=True):
        wanted, found = run(model, image), run(small, stored)
        for a, b in zip(wanted, found, strict=True):
            differences.append(float(np.sqrt(np.mean((a - b) ** 2)) / max(float(np.std(a)), 0.05)))
    return differences


@settings(max_examples=20, deadline=None)
@example(seed=6, side=4, channels=3, width=2)  # one layer is always 0
@given(st.integers(0, 2**32 - 1), st.integers(4, 9), st.integers(1, 4), st.integers(2, 9))
def test_a_network_of_every_operator_stays_close_to_float(seed: int, side: int, channels: int, width: int) -> None:
    sketch = Sketch(seed, side, channels)
    entry = sketch.conv(width)
    sketch.depthwise()
    total = sketch.add(sketch.conv(width, kernel=1, activation=0), entry)
    logits = sketch.dense(5) if seed % 2 else (sketch.mean(), sketch.dense(5))[1]
    sketch.x = total
    joined = sketch.concat(sketch.flat(), logits)
    sketch.x = logits
    probabilities = sketch.simple("SOFTMAX")
    assert max(errors(sketch.model(joined, probabilities, logits), seed)) < 0.15


@pytest.mark.parametrize("kind", ["LOGISTIC", "SOFTMAX"])
def test_probabilities_stand_on_the_grid_that_kernels_assume(kind: str) -> None:
    sketch = Sketch(1, 4, 3)
    sketch.dense(6)
    sketch.simple(kind)
    model = sketch.model()
    assert max(errors(model)) < 0.1
    output = read(quantize(model, dict.fromkeys(names(model), (-3.0, 3.0))))
    grid = output.tensors[output.outputs[0]].grid
    assert grid is not None
    assert (grid.scale.tolist(), grid.zero_point) == ([1 / 256], -128)


def names(model: bytes) -> list[str]:
    graph = read(model)
    return [graph.tensors[index].name for index in activations(graph)]


def test_what_is_joined_shares_one_grid_and_probabilities_are_rescaled_into_it() -> None:
    sketch = Sketch(2, 5, 3)
    logits = sketch.dense(6)
    probabilities = sketch.simple("LOGISTIC")
    joined = sketch.concat(logits, probabilities)
    model = sketch.model(joined, probabilities)
    assert max(errors(model)) < 0.15
    small = read(quantize(model, dict.fromkeys(names(model), (-4.0, 4.0))))
    step = next(operator for operator in small.operators if operator.kind == "CONCATENATION")
    grids = [small.tensors[index].grid for index in (*step.inputs, *step.outputs)]
    assert len({(float(grid.scale[0]), grid.zero_point) for grid in grids if grid}) == 1
    assert [operator.kind for operator in small.operators].count("QUANTIZE") == 2  # the pixels, and the probabilities


def test_probabilities_joined_with_each_other_need_no_rescaling() -> None:
    sketch = Sketch(3, 5, 3)
    first = sketch.dense(6)
    a = sketch.simple("LOGISTIC")
    sketch.x = first
    b = sketch.simple("SOFTMAX")
    sketch.concat(a, b)
    model = sketch.model()
    assert max(errors(model)) < 0.1
    assert [operator.kind for operator in read(quantize(model, Wide())).operators].count("QUANTIZE") == 1


def test_a_summand_is_not_so_fine_that_kernels_refuse_it() -> None:
    sketch = Sketch(3, 4, 3)
    one, other = sketch.conv(2), sketch.conv(2, kernel=1)
    sketch.add(other, one)
    model = sketch.model()
    known = dict.fromkeys(names(model), (-4.0, 4.0)) | {sketch.graph.tensors[one].name: (0.0, 1e-6)}
    interpreter(quantize(model, known))


def test_a_pool_keeps_the_grid_of_what_it_pools() -> None:
    sketch = Sketch(4, 5, 3)
    sketch.conv(4)
    sketch.pool()
    sketch.dense(3)
    assert max(errors(sketch.model())) < 0.15


def test_nothing_is_left_in_float_and_pixels_go_in_as_they_are() -> None:
    sketch = Sketch(5, 6, 3)
    sketch.conv(4)
    sketch.depthwise()
    sketch.dense(3)
    small = read(quantize(sketch.model(), Wide()))
    assert {tensor.dtype.name for tensor in small.tensors} <= {"int8", "int32", "uint8"}
    image = small.tensors[small.inputs[0]]
    assert (image.dtype, image.name) == (np.uint8, "image")
    convolution = next(operator for operator in small.operators if operator.kind == "CONV_2D")
    weights, bias = (small.tensors[index] for index in convolution.inputs[1:])
    assert (weights.dtype, bias.dtype) == (np.int8, np.int32)
    assert weights.grid is not None
    assert len(weights.grid.scale) == 4  # one a channel
    dense = next(operator for operator in small.operators if operator.kind == "FULLY_CONNECTED")
    grid = small.tensors[dense.inputs[1]].grid
    assert grid is not None
    assert len(grid.scale) == 1  # one in all


def test_half_precision_weights_are_widened_first() -> None:
    sketch = Sketch(6, 5, 3)
    sketch.dense(4)
    graph = sketch.graph
    dense = graph.operators[-1]
    full = graph.tensors[dense.inputs[1]].data
    assert full is not None
    half = graph.constant("half", full.astype(np.float16))
    wide = graph.value("wide", full.shape)
    dense.inputs[1] = wide
    graph.operators.insert(0, Operator("DEQUANTIZE", [half], [wide]))
    model = sketch.model()
    assert [operator.kind for operator in folded(read(model)).operators] == ["FULLY_CONNECTED"]
    image = np.ones((1, 5, 5, 3), np.float32)
    assert run(write(folded(read(model))), image)[0] == pytest.approx(run(model, image)[0])
    assert {tensor.dtype.name for tensor in read(quantize(model, Wide())).tensors} <= {"int8", "int32", "uint8"}


def test_channels_that_were_trained_away_do_no_harm() -> None:
    sketch = Sketch(7, 5, 3)
    sketch.conv(4)
    weights, bias = (sketch.graph.tensors[index].data for index in sketch.graph.operators[0].inputs[1:])
    assert weights is not None
    assert bias is not None
    weights[0], weights[1], bias[0], bias[1] = 0, 1e-25, 2.5, 1.0
    assert max(errors(sketch.model())) < 0.1


def test_an_operator_that_is_not_known_is_named() -> None:
    sketch = Sketch(8, 4, 3)
    sketch.dense(3)
    sketch.graph.operators[0].kind = "QUANTIZE"
    sketch.graph.operators[0].inputs = sketch.graph.operators[0].inputs[:1]
    with pytest.raises(ValueError, match="operator 0 is QUANTIZE, which cannot be quantized: there is ADD"):
        quantize(sketch.model(), Wide())


def test_a_range_that_is_missing_is_named() -> None:
    sketch = Sketch(9, 4, 3)
    sketch.dense(3)
    with pytest.raises(ValueError, match=r"no range for tensor 'FULLY_CONNECTED\d': calibrate"):
        quantize(sketch.model(), {"image": PIXELS})


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_a_grid_holds_zero_exactly_and_its_ends_within_a_step(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    grid = grid_of(low, high)
    scale = float(grid.scale[0])
    assert -128 <= grid.zero_point <= 127
    assert (-128 - grid.zero_point) * scale <= min(low, 0) + scale
    assert (127 - grid.zero_point) * scale >= max(high, 0) - scale


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x1c\0\0\0TFL3" + bytes(40), b"\xff" * 4 + b"TFL3"])
def test_a_damaged_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="TFLite"):
        read(content)


def test_a_file_says_what_was_written() -> None:
    sketch = Sketch(10, 5, 2)
    sketch.conv(3)
    before = sketch.graph
    sketch.graph.add(before.tensors[0])  # nobody refers to it
    after = read(sketch.model())
    assert len(after.tensors) == len(before.tensors) - 1
    assert [step.kind for step in after.operators] == [step.kind for step in before.operators]
    assert after.operators[0].options["fusedActivationFunction"] == 3
    for ours, theirs in zip(before.tensors, after.tensors, strict=False):
        assert (ours.name, ours.shape, ours.dtype) == (theirs.name, theirs.shape, theirs.dtype)
        assert ours.data is None or np.array_equal(ours.data, theirs.data)


def test_without_litert_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(AcceleratorError, match="pip install ai-edge-litert, or bring built models over"):
        write(Graph())
