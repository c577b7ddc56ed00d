"""Float TFLite to full-int8 TFLite: weights by channel, activations by calibrated ranges, nothing left in float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from accel.graphs.tflite_file import NO_OPERAND, Array, Float, Graph, Grid, Operator, Tensor, read, write

Range = tuple[float, float]
Ranges = Mapping[str, Range]

# The axis of a weight that counts output channels, or None for one scale in all (a rule of the Edge TPU).
CHANNELS: dict[str, int | None] = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": None}
# Kernels assume this grid for probabilities.
PROBABILITY = Grid.of(1 / 256, -128)
FIXED = {"LOGISTIC", "SOFTMAX"}
# Kernels copy these values, or compare them, without rescaling: inputs and output share a grid.
SHARING = {"RESHAPE", "CONCATENATION", "AVERAGE_POOL_2D"}
FREE = {"ADD", "MEAN"}
# A multiplier below 2**-31 is none: kernels refuse it. Channels that were trained away have such weights.
SMALLEST_MULTIPLIER = 2.0**-30
LARGEST_BIAS = 2.0**30
FINEST_SUMMAND = 2.0**-9  # of the sum's scale; XNNPACK's limit is 2**-10


def quantize(model: bytes, ranges: Ranges) -> bytes:
    """The full-int8 twin of a float model.

    `ranges` says, by tensor name, the least and the greatest value seen in each activation. Inputs are uint8, so that
    pixels go in as they are; outputs are int8. Raises ValueError naming the operator or tensor that stands in the way.
    """
    graph = folded(read(model))
    _check(graph)
    grids = _grids(graph, ranges)
    operators = [_quantized(graph, operator, grids) for operator in graph.operators]
    for index, grid in grids.items():
        graph.tensors[index] = _stored(graph.tensors[index], grid)
    graph.operators = [*_take_pixels(graph, grids), *(step for steps in operators for step in steps)]
    return write(graph)


def folded(graph: Graph) -> Graph:
    """The graph with its half-precision constants widened, and without the operators that did that."""
    operators = []
    for operator in graph.operators:
        source = graph.tensors[operator.inputs[0]]
        if operator.kind == "DEQUANTIZE" and source.data is not None and source.dtype == np.float16:
            graph.tensors[operator.outputs[0]].data = source.data.astype(np.float32)
        else:
            operators.append(operator)
    return Graph(graph.tensors, operators, graph.inputs, graph.outputs)


def activations(graph: Graph) -> list[int]:
    """The tensors whose range has to be known: inputs, and what operators put out."""
    return [*graph.inputs, *(index for operator in graph.operators for index in operator.outputs)]


def _check(graph: Graph) -> None:
    supported = {*CHANNELS, *FIXED, *SHARING, *FREE}
    for number, operator in enumerate(graph.operators):
        if operator.kind not in supported:
            known = ", ".join(sorted(supported))
            raise ValueError(f"operator {number} is {operator.kind}, which cannot be quantized: there is {known}")
        for index in _values(operator):
            if graph.tensors[index].data is not None:
                raise ValueError(f"operator {number} is {operator.kind} of a constant, which cannot be quantized")


def _grids(graph: Graph, ranges: Ranges) -> dict[int, Grid]:
    """A grid for each activation; those that share one get the union of their ranges."""
    fixed = _fixed(graph)
    group = groups(graph)
    members: dict[int, list[int]] = {}
    for index, leader in group.items():
        members.setdefault(leader, []).append(index)
    grids: dict[int, Grid] = {}
    for leader, indices in members.items():
        if leader in fixed:
            grid = PROBABILITY
        else:
            known = [_range(graph.tensors[index], ranges) for index in indices]
            grid = grid_of(min(low for low, _ in known), max(high for _, high in known))
        grids |= dict.fromkeys(indices, grid)
    for operator in graph.operators:
        if operator.kind == "ADD":
            _bring_nearer(operator, grids, group)
    return grids


def _bring_nearer(operator: Operator, grids: dict[int, Grid], group: dict[int, int]) -> None:
    """Coarsen a summand so fine against its sum that it adds next to nothing, and that kernels refuse it."""
    least = float(grids[operator.outputs[0]].scale[0]) * FINEST_SUMMAND
    for index in operator.inputs:
        if float(grids[index].scale[0]) < least:
            coarse = Grid.of(least, grids[index].zero_point)
            grids |= {member: coarse for member, leader in group.items() if leader == group[index]}


def _fixed(graph: Graph) -> set[int]:
    return {index for operator in graph.operators if operator.kind in FIXED for index in operator.outputs}


def groups(graph: Graph) -> dict[int, int]:
    """For each activation, the leader of those that share its grid. A probability leads, and joins no other."""
    fixed = _fixed(graph)
    group = {index: index for index in activations(graph)}
    for operator in graph.operators:
        if operator.kind not in SHARING:
            continue
        leaders = {group[index] for index in _values(operator)}
        if not leaders <= fixed:
            leaders -= fixed
        leaders.add(group[operator.outputs[0]])
        chief = min(leaders & fixed, default=min(leaders))
        group = {index: chief if leader in leaders else leader for index, leader in group.items()}
    return group


def _values(operator: Operator) -> list[int]:
    """The inputs that are values, without weights, shapes and axes."""
    return operator.inputs if operator.kind in {"ADD", "CONCATENATION"} else operator.inputs[:1]


def _range(tensor: Tensor, ranges: Ranges) -> Range:
    try:
        return ranges[tensor.name]
    except KeyError:
        raise ValueError(f"no range for tensor {tensor.name!r}: calibrate the model again") from None


def grid_of(low: float, high: float) -> Grid:
    """The int8 grid over a range, widened to hold 0 exactly (padding needs it).

    A value that is always 0 gets an ordinary grid: kernels refuse to rescale between scales too far apart.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max((high - low) / 255, 1e-8) if high > low else 1 / 255
    return Grid.of(scale, int(np.clip(np.rint(-128 - low / scale), -128, 127)))


def _stored(tensor: Tensor, grid: Grid) -> Tensor:
    return replace(tensor, dtype=np.dtype(np.int8), grid=grid)


def _take_pixels(graph: Graph, grids: dict[int, Grid]) -> list[Operator]:
    """Put a uint8 tensor of the same grid before each input."""
    steps = []
    for place, index in enumerate(graph.inputs):
        inner, grid = graph.tensors[index], grids[index]
        outer = Tensor(
            inner.name, inner.shape, np.dtype(np.uint8), None, replace(grid, zero_point=grid.zero_point + 128)
        )
        graph.tensors[index] = replace(inner, name=f"{inner.name}/int8")
        graph.inputs[place] = graph.add(outer)
        steps.append(Operator("QUANTIZE", [graph.inputs[place]], [index]))
    return steps


def _quantized(graph: Graph, operator: Operator, grids: dict[int, Grid]) -> list[Operator]:
    """The operator on int8 tensors, with what has to run before it."""
    if operator.kind in CHANNELS:
        return [_weighted(graph, operator, grids)]
    before = []
    inputs = list(operator.inputs)
    if operator.kind in SHARING:
        target = grids[operator.outputs[0]]
        for place, index in enumerate(_values(operator)):
            if grids[index] is not target:
                tensor = graph.tensors[index]
                inputs[place] = graph.add(_stored(replace(tensor, name=f"{tensor.name}/rescaled"), target))
                before.append(Operator("QUANTIZE", [index], [inputs[place]]))
    return [*before, replace(operator, inputs=inputs)]


def _weighted(graph: Graph, operator: Operator, grids: dict[int, Grid]) -> Operator:
    """A convolution or matrix product: int8 weights, int32 biases on the grid of their product."""
    source, weights = operator.inputs[0], graph.tensors[operator.inputs[1]]
    bias = operator.inputs[2] if len(operator.inputs) > 2 else NO_OPERAND
    feed, target = float(grids[source].scale[0]), float(grids[operator.outputs[0]].scale[0])
    values = _constant(weights)
    shift = None if bias == NO_OPERAND else _constant(graph.tensors[bias]).reshape(-1)
    axis = CHANNELS[operator.kind]
    scale = _weight_scale(values, shift, axis, feed, target)
    around = [1] * values.ndim
    around[axis or 0] = len(scale)
    steps = np.clip(np.rint(values / scale.reshape(around)), -127, 127).astype(np.int8)
    inputs = [source, graph.constant(weights.name, steps, Grid(scale, 0, axis or 0))]
    if shift is not None:
        product = (scale * np.float32(feed)).astype(np.float32)
        inputs.append(
            graph.constant(graph.tensors[bias].name, np.rint(shift / product).astype(np.int32), Grid(product))
        )
    return replace(operator, inputs=inputs)


def _weight_scale(values: Array, shift: Array | None, axis: int | None, feed: float, target: float) -> Float:
    """One scale a channel (or one in all): weights fill int8, the bias fits int32, the multiplier is not too small."""
    others = tuple(index for index in range(values.ndim) if axis is None or index != axis)
    largest = np.abs(values).max(axis=others).reshape(-1) / 127
    lowest = np.full_like(largest, SMALLEST_MULTIPLIER * target / feed)
    if shift is not None:
        need = np.abs(shift) / (LARGEST_BIAS * feed)
        lowest = np.maximum(lowest, need if axis is not None else need.max())
    scale: Float = np.maximum(largest, lowest).astype(np.float32)
    return scale


def _constant(tensor: Tensor) -> Array:
    if tensor.data is None:
        raise ValueError(f"tensor {tensor.name!r} is no constant: its operator cannot be quantized")
    values: Array = tensor.data.astype(np.float64)
    return values
